"""From what the user asked for to a checked plan, without loading a model or writing a file."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import torch
from rich.markup import escape

from gpg_cli import trust
from gpg_cli.catalog import find_bench, suite_paths
from gpg_cli.console import say
from gpg_cli.errors import GpgError
from gpg_cli.grading import require_grader
from gpg_cli.hub_access import fetch_from_hub
from gpg_cli.model_files import check_sizes, loading
from gpg_cli.quickstart_pictures import QUICKSTART_VISION
from gpg_cli.quickstart_task import QUICKSTART
from gpg_cli.rewards import get_rewards
from gpg_cli.run_folder import RUN_FILE, check_output_folder, find_model, read_json
from gpg_cli.training.config import TrainerConfig
from gpg_cli.training.data import BenchQuestions, TrainingData, load_training_data
from gpg_cli.training.hardware import fit_to_hardware, take_trackers
from gpg_cli.training.launch import Machines, default_processes, is_launched, is_started_by_us, process_rank, world_size
from gpg_cli.training.parallel import require_installed, training_arguments
from gpg_cli.training.pushing import Push
from gpg_cli.training.recipes import fit_batch
from gpg_cli.training.resume import Resumed, find_resumed
from gpg_cli.training.reward_files import check_reward_files
from gpg_cli.training.settings import RunSettings, Settings, resolve_settings
from gpg_cli.vision.model import is_vision_model, require_image_processors


@dataclass(frozen=True)
class TrainRequest:
    """What the user asked for; see the options of `gpg train` and `resolve_settings`."""

    preset: str | None = None
    config: Path | None = None
    assignments: list[str] = field(default_factory=list)
    options: dict[str, tuple[str, Any]] = field(default_factory=dict)
    output_dir: Path | None = None
    # None starts anew; a path is a run or a checkpoint to go on from; an empty text is the run in `output_dir`.
    resume: str | None = None
    overwrite: bool = False
    # Processes on this machine; None is one for each visible GPU.
    num_processes: int | None = None
    num_machines: int = 1
    machine_rank: int = 0
    main_process_ip: str | None = None
    main_process_port: int | None = None
    push: Push | None = None
    # Files that may be run for a reward, and a folder where pictures may lie: named on the command line.
    reward_files: tuple[Path, ...] = ()
    image_dir: Path | None = None

    def arguments(self, output_dir: Path, checkpoint: Path | None) -> list[str]:
        """The command line of a process of this run, with the folder and the checkpoint that were chosen for it."""
        given: list[str] = ["train"]
        for option, value in (("--preset", self.preset), ("--config", self.config), ("--resume", checkpoint)):
            given += [] if value is None else [option, str(value)]
        for assignment in self.assignments:
            given += ["--set", assignment.removeprefix("--")]
        for option, value in self.options.values():
            if isinstance(value, dict):
                given += [part for key, item in value.items() for part in (option, f"{key}={item}")]
            else:
                given += [option] if value is True else [option, str(value)]
        given += self.push.options() if self.push else []
        given += [part for file in self.reward_files for part in ("--reward-file", str(file))]
        given += [] if self.image_dir is None else ["--image-dir", str(self.image_dir)]
        given += trust.granted().options()
        return [*given, "--output-dir", str(output_dir)]


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
        checkpoint: what to go on from, whole.
        machines: the processes to start; None where this process trains, alone or started by a launcher.
        push: what goes to the Hub.
        trackers: those of `report_to` that are told by us and not by transformers, all of them installed.
    """

    settings: Settings
    run: RunSettings
    config: TrainerConfig
    notes: list[str]
    data: TrainingData
    rewards: list[Callable]
    output_dir: Path
    checkpoint: Path | None = None
    machines: Machines | None = None
    push: Push | None = None
    trackers: tuple[str, ...] = ()

    @property
    def prompts_per_step(self) -> int:
        """Prompts of one optimiser step over all processes, without further rounds."""
        return self.config.completions_per_step // self.config.num_generations


def make_plan(
    request: TrainRequest,
    bench_questions: BenchQuestions | None = None,
    check_push: Callable[[str, bool], None] | None = None,
    *,
    quiet: bool = False,
) -> Plan:
    """Resolve the settings and check everything that can be checked without loading a model.

    Args:
        bench_questions: gives what the setting `decontaminate` compares the data with.
        check_push: refuses a push that could not work; see `pushing.Publisher`.
        quiet: do not say the plan's notes.

    Raises:
        GpgError: see `resolve_settings` and `load_training_data`; or the model, the rewards, the output folder or the
            repository to push to are not as needed.
    """
    resumed = find_resumed(request.resume, request.output_dir) if request.resume is not None else None
    settings = resolve_settings(
        preset=request.preset,
        config=request.config,
        assignments=request.assignments,
        options=request.options,
        base=resumed.settings if resumed and not (request.preset or request.config) else None,
        base_preset=resumed.preset if resumed else None,
    )
    check_reward_files(settings, request.config, request.reward_files, resumed.run if resumed else None)
    notes = list(settings.notes)
    machines, parallel = _machines(request, settings.run, notes)
    processes = machines.world_size if machines else world_size() if is_launched() else 1
    settings, batch_notes = fit_batch(settings, processes)
    fitted, hardware_notes = fit_to_hardware(settings)
    notes += batch_notes + hardware_notes
    output_dir = resumed.run if resumed else _output_dir(request, settings)
    config = fitted.trainer_config(output_dir, machines.world_size if machines else 1, **parallel)
    if resumed:
        resumed.check_settings(settings, config.completions_per_step)
    rewards = _reward_functions(settings)
    require_grader()
    vision = _check_model(settings)
    if request.image_dir is not None and not request.image_dir.expanduser().is_dir():
        raise GpgError(f"--image-dir: there is no folder {request.image_dir}", "Check the path.")
    _check_eval_bench(settings.run)
    if request.push and check_push and process_rank() == 0 and request.machine_rank == 0 and not is_started_by_us():
        check_push(request.push.repo_id, request.push.private)
    # Processes that are started by another one need not decode every picture once more.
    looked_at = is_started_by_us()
    seen: dict[str, Any] = {"vision": vision, "looked_at": looked_at, "image_dir": request.image_dir}
    data = load_training_data(settings.run, config.seed, bench_questions, **seen)
    if resumed or is_started_by_us():
        _check_same_rows(data, output_dir, settings.run.dataset_name)
    notes += data.notes
    notes += _unpushed_now(resumed, request.push)
    checkpoint = resumed.checkpoint if resumed else None
    ours = take_trackers(config)
    plan = Plan(
        settings, fitted.run, config, notes, data, rewards, output_dir, checkpoint, machines, request.push, ours
    )
    if len(data.rows) < plan.prompts_per_step:
        raise GpgError(
            f"{settings.run.dataset_name} has {len(data.rows)} usable rows; one step takes {plan.prompts_per_step} "
            "prompts",
            "Give more rows, or lower per_device_train_batch_size or gradient_accumulation_steps with --set.",
        )
    if process_rank() == 0 and not is_started_by_us() and not quiet:
        say(escape(data.columns.describe()))
        for note in notes:
            say(f"[yellow]{escape(note)}[/]")
    return plan


def _machines(request: TrainRequest, run: RunSettings, notes: list[str]) -> tuple[Machines | None, dict[str, Any]]:
    """The processes to start, if any; else what the trainer of this one is told about sharing the work."""
    if not torch.cuda.is_available():
        # DeepSpeed, where it is installed, is imported by accelerate and says that it looked for a GPU in vain.
        os.environ.setdefault("DS_ACCELERATOR", "cpu")
    if is_launched():
        if world_size() == 1:
            return None, {}
        require_installed(run.accelerate)
        if not torch.cuda.is_available():
            # accelerate calls the device cpu:0, at which torch.load of an optimiser's state fails on resuming.
            os.environ.setdefault("ACCELERATE_TORCH_DEVICE", "cpu")
        # All parameters take part in every step, a vision tower's too: where there are pictures every row has one.
        return None, {"ddp_find_unused_parameters": False, **training_arguments(run.accelerate)}
    machines = Machines(
        request.num_processes or default_processes(),
        request.num_machines,
        request.machine_rank,
        request.main_process_ip,
        request.main_process_port,
    )
    if machines.world_size > 1:
        require_installed(run.accelerate)
        return machines, {}
    if run.accelerate != "ddp":
        notes.append(f"One process only: training without {run.accelerate}.")
    return None, {}


def _output_dir(request: TrainRequest, settings: Settings) -> Path:
    chosen = request.output_dir or settings.output_dir
    if chosen is None and (is_launched() or request.num_machines > 1):
        raise GpgError(
            "several processes that are not started together need one name for their run folder",
            "Give it with --output-dir, the same for all.",
        )
    if chosen is None:
        recipe = request.config.stem if request.config else None
        name = settings.preset or recipe or Path(settings.run.model_name_or_path).name
        return Path("runs") / f"{name}-{datetime.now():%Y%m%d-%H%M%S}"
    if process_rank() == 0 and request.machine_rank == 0 and not is_started_by_us():
        check_output_folder(chosen, overwrite=request.overwrite, written_by_us=(RUN_FILE,))
    return chosen


def _check_same_rows(data: TrainingData, run: Path, name: str) -> None:
    """Every process of a run, and every run that goes on, must see the same rows in the same order."""
    if not (run / RUN_FILE).is_file():
        return
    recorded = (read_json(run / RUN_FILE).get("data") or {}).get("sha256")
    if recorded not in (None, data.sha256):
        raise GpgError(
            f"the rows of {name} are not those that {run / RUN_FILE} records",
            "The file, or the benchmarks at hand, changed since the run started: start a new one from its weights.",
        )


def _unpushed_now(resumed: Resumed | None, push: Push | None) -> list[str]:
    """A note where a run that went to the Hub goes on without: it is not pushed again unless that is said again."""
    before = read_json(resumed.run / RUN_FILE).get("push") if resumed and push is None else None
    if not before:
        return []
    known = {key: before.get(key) for key in ("repo_id", "every", "private")}
    options = " ".join(map(str, Push(**known).options()))
    return [f"The run was pushed to the Hub until it stopped, and is not now; to go on with that: {options}"]


def _reward_functions(settings: Settings) -> list[Callable]:
    run = settings.run
    weights = settings.trainer.get("reward_weights")
    if weights is not None and len(weights) != len(run.reward_funcs):
        raise GpgError(
            f"reward_weights has {len(weights)} values for {len(run.reward_funcs)} reward functions",
            "Give one weight for each of reward_funcs.",
        )
    try:
        return get_rewards(run.reward_funcs, run)
    except GpgError as error:
        place = settings.places.get("reward_funcs")
        raise GpgError(f"{place}: {error.message}" if place else error.message, error.hint) from error


def _check_eval_bench(run: RunSettings) -> None:
    if run.eval_bench is None:
        for key in ("eval_every", "eval_limit"):
            if getattr(run, key) is not None:
                raise GpgError(f"{key} is set, but not what to measure", "Name a benchmark: --eval-bench math500")
    elif run.eval_bench in suite_paths():
        raise GpgError(f"{run.eval_bench} is several benchmarks", "Name one of them for eval_bench.")
    elif not run.eval_bench.endswith((".yaml", ".yml")):
        find_bench(run.eval_bench)
    elif not Path(run.eval_bench).is_file():
        raise GpgError(f"eval_bench: there is no file {run.eval_bench}", "Check the path.")


def _check_model(settings: Settings) -> bool:
    """Make sure that there is a model, and one that can see where pictures are wanted; whether it can is returned."""
    run = settings.run
    name = run.model_name_or_path
    if name == QUICKSTART:
        return False
    if name == QUICKSTART_VISION:
        require_image_processors()
        return True
    model = find_model(name)
    if not model.is_local:
        hint = "Name a local model with --model DIR, and a local data set with --dataset FILE.jsonl."
        fetch_from_hub(name, "config.json", revision=run.model_revision, hint=hint)
    vision = _sees(model.location, run.model_revision if not model.is_local else None)
    wanted = [key for key in ("image_column", "freeze_vision", "freeze_llm") if getattr(run, key)]
    if wanted and not vision:
        what = f"preset {settings.preset}" if settings.preset else f"data set {run.dataset_name}"
        raise GpgError(
            f"the model {name} reads text alone, but the {what} is for models that see ({wanted[0]} is set)",
            "Name a vision-language model, such as --model Qwen/Qwen2-VL-2B-Instruct; to train on the text alone: "
            f"--set {wanted[0]}={'null' if wanted[0] == 'image_column' else 'false'}",
        )
    return vision


def _sees(location: str, revision: str | None) -> bool:
    if Path(location).is_dir():
        check_sizes(Path(location))
    with loading(f"the configuration of {location}", "Check its config.json."):
        return is_vision_model(location, revision)
