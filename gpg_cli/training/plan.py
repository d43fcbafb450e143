"""From what the user asked for to a checked plan, without loading a model or writing a file."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from gpg_cli.console import say
from gpg_cli.errors import GpgError
from gpg_cli.grading import require_grader
from gpg_cli.hub_access import fetch_from_hub
from gpg_cli.quickstart_task import QUICKSTART
from gpg_cli.rewards import RewardSettings, get_reward
from gpg_cli.run_folder import RUN_FILE, check_output_folder, find_model
from gpg_cli.training.config import GPGConfig
from gpg_cli.training.data import TrainingData, load_training_data
from gpg_cli.training.hardware import fit_to_hardware
from gpg_cli.training.settings import RunSettings, Settings, resolve_settings


@dataclass(frozen=True)
class TrainRequest:
    """What the user asked for; see the options of `gpg train` and `resolve_settings`."""

    preset: str | None = None
    config: Path | None = None
    assignments: list[str] = field(default_factory=list)
    options: dict[str, tuple[str, Any]] = field(default_factory=dict)
    output_dir: Path | None = None
    resume: bool = False
    overwrite: bool = False


@dataclass(frozen=True)
class Plan:
    """A run that will not fail for a reason that could have been known.

    Attributes:
        settings: as they were asked for; what is written down and printed.
        run: model, data and rewards as this machine can run them.
        config: the trainer's settings as this machine can run them.
        notes: a sentence for each wish that this machine, or the data, could not fulfil.
        data: checked rows.
        rewards: one function for each of `reward_funcs`.
        output_dir: the run folder, not made yet.
    """

    settings: Settings
    run: RunSettings
    config: GPGConfig
    notes: list[str]
    data: TrainingData
    rewards: list[Callable]
    output_dir: Path


def make_plan(request: TrainRequest) -> Plan:
    """Resolve the settings and check everything that can be checked without loading a model.

    Raises:
        GpgError: see `resolve_settings` and `load_training_data`; or the model, the rewards or the output folder are
            not as needed.
    """
    settings = resolve_settings(
        preset=request.preset, config=request.config, assignments=request.assignments, options=request.options
    )
    fitted, notes = fit_to_hardware(settings)
    output_dir = _output_dir(request, settings)
    config = fitted.trainer_config(output_dir)
    rewards = _reward_functions(settings)
    require_grader()
    _check_model(settings)
    data = load_training_data(settings.run, config.seed)
    prompts_a_step = config.generation_batch_size // config.num_generations
    if len(data.rows) < prompts_a_step:
        raise GpgError(
            f"{settings.run.dataset_name} has {len(data.rows)} usable rows; one step takes {prompts_a_step} prompts",
            "Give more rows, or lower per_device_train_batch_size or gradient_accumulation_steps with --set.",
        )
    if data.dropped:
        notes.append(f"Left out {data.dropped} rows with an empty problem or {data.columns[1]}.")
    for note in notes:
        say(f"[yellow]{note}[/]")
    return Plan(settings, fitted.run, config, notes, data, rewards, output_dir)


def _output_dir(request: TrainRequest, settings: Settings) -> Path:
    if request.resume:
        if request.output_dir is None:
            raise GpgError("--resume needs to know which run to go on with", "Name its folder with --output-dir.")
        if not any(request.output_dir.glob("checkpoint-*")):
            raise GpgError(f"{request.output_dir} holds no checkpoint to go on from", "Start again without --resume.")
        return request.output_dir
    name = settings.preset or Path(settings.run.model_name_or_path).name
    output_dir = request.output_dir or Path("runs") / f"{name}-{datetime.now():%Y%m%d-%H%M%S}"
    check_output_folder(output_dir, overwrite=request.overwrite, written_by_us=(RUN_FILE,))
    return output_dir


def _reward_functions(settings: Settings) -> list[Callable]:
    run = settings.run
    weights = settings.trainer.get("reward_weights")
    if weights is not None and len(weights) != len(run.reward_funcs):
        raise GpgError(
            f"reward_weights has {len(weights)} values for {len(run.reward_funcs)} reward functions",
            "Give one weight for each of reward_funcs.",
        )
    parameters = RewardSettings(
        cosine_min_value_wrong=run.cosine_min_value_wrong,
        cosine_max_value_wrong=run.cosine_max_value_wrong,
        cosine_min_value_correct=run.cosine_min_value_correct,
        cosine_max_value_correct=run.cosine_max_value_correct,
        cosine_max_len=run.cosine_max_len,
    )
    return [get_reward(name, parameters) for name in run.reward_funcs]


def _check_model(settings: Settings) -> None:
    name = settings.run.model_name_or_path
    if name == QUICKSTART or find_model(name).is_local:
        return
    hint = "Name a local model with --model DIR, and a local data set with --dataset FILE.jsonl."
    fetch_from_hub(name, "config.json", revision=settings.run.model_revision, hint=hint)
