"""What a run says of itself, read from its run.json for the model card; a fact that is missing stays missing."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from gpg_cli.commands import COMMANDS
from gpg_cli.metrics_file import benchmark_scores, read_metrics
from gpg_cli.publishing.cleaning import public_value
from gpg_cli.run_folder import ADAPTER_FOLDER, MODEL_FOLDER, REWARD_PICTURE, RUN_FILE, ModelSource, read_json

T = TypeVar("T")

# And whether a value follows.
_PUSH_OPTIONS = {"--push-to-hub": True, "--push-every": True, "--push-private": False}


@dataclass(frozen=True)
class RunFacts:
    """The facts of a run that a card tells; all but `model` and `dataset` are fit to be published.

    Attributes:
        command: the arguments after `gpg`.
        model, dataset: as they were given, perhaps a path: show them by `names.public_name`.
        data: the fingerprint of the training data: `rows`, `sha256`, `left_out`, `decontamination`.
        notes: a sentence for each wish that the machine, or the data, could not fulfil.
        processes: how many trained together.
        steps: optimiser steps behind this very model.
        all_steps: those of the whole run, where the model is a checkpoint on the way.
        accuracy: share of problems solved before and after the training, each in [0, 1].
        curve: benchmark to the share solved at this very step, as measured while training.
        curve_problems: on how many problems, the first ones; None for all.
        picture: the reward curve.
        measured_by: the benchmark to measure it with.
    """

    command: list[str] = field(default_factory=list)
    preset: str | None = None
    model: str | None = None
    dataset: str | None = None
    data: dict[str, Any] = field(default_factory=dict)
    seed: int | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    git_commit: str | None = None
    hardware: str | None = None
    processes: int | None = None
    steps: int | None = None
    all_steps: int | None = None
    seconds: float | None = None
    accuracy: tuple[float, float] | None = None
    curve: dict[str, float] = field(default_factory=dict)
    curve_problems: int | None = None
    picture: Path | None = None
    measured_by: str | None = None


def read_facts(source: ModelSource) -> RunFacts | None:
    """The facts of the run a model belongs to, or None where it belongs to none.

    Values of another kind than run.json has by its layout are passed over.

    Raises:
        GpgError: run.json is no JSON object, or a line of metrics.jsonl is none.
    """
    if source.run is None:
        return None
    raw = read_json(source.run / RUN_FILE)
    run = _mapping(public_value(raw))
    final = is_final(source)
    of_run = _mapping(run.get("summary"))
    summary = of_run if final else {"steps": step_of_checkpoint(source)}
    before, after = _of_type(float, summary.get("accuracy_before")), _of_type(float, summary.get("accuracy_after"))
    picture = source.run / REWARD_PICTURE
    settings = _mapping(run.get("settings"))
    steps = _of_type(int, summary.get("steps"))
    curves = benchmark_scores(read_metrics(source.run))
    return RunFacts(
        command=_arguments_after_gpg(_of_type(list, raw.get("command")) or []),
        preset=_of_type(str, run.get("preset")),
        measured_by=_of_type(str, of_run.get("measured_by")),
        model=_of_type(str, raw.get("model")),
        dataset=_of_type(str, raw.get("dataset")),
        data=_mapping(run.get("data")),
        seed=_of_type(int, run.get("seed")),
        settings=settings,
        notes=[note for note in _of_type(list, run.get("notes")) or [] if isinstance(note, str)],
        versions={name: text for name, text in _mapping(run.get("versions")).items() if isinstance(text, str)},
        git_commit=_of_type(str, run.get("git_commit")),
        hardware=_of_type(str, run.get("hardware")),
        processes=_of_type(int, run.get("processes")),
        steps=steps,
        all_steps=None if final else _of_type(int, of_run.get("steps")) or _of_type(int, settings.get("max_steps")),
        seconds=_of_type(float, summary.get("seconds")),
        accuracy=None if before is None or after is None else (before, after),
        curve={bench: curve[steps] for bench, curve in curves.items() if steps in curve},
        curve_problems=_of_type(int, settings.get("eval_limit")),
        # The run's picture goes on after a checkpoint.
        picture=picture if final and picture.is_file() else None,
    )


def is_final(source: ModelSource) -> bool:
    """Whether a model is the final one of its run, which the run's summary and evaluations are about.

    The adapter of a LoRA training is: the final model is its base with it merged in.
    """
    if source.run is None:
        return False
    final = {(source.run / name).resolve() for name in (MODEL_FOLDER, ADAPTER_FOLDER)}
    return Path(source.location).resolve() in final


def step_of_checkpoint(source: ModelSource) -> int | None:
    """The optimiser step of a Trainer's checkpoint, by its folder's name; None for any other model."""
    step = Path(source.location).name.rpartition("checkpoint-")[2]
    return int(step) if step.isdecimal() else None


def _arguments_after_gpg(command: list[Any]) -> list[str]:
    """A command line from its subcommand on: what stands before is a place on the machine of the run."""
    arguments = [str(argument) for argument in command]
    start = next((place for place, argument in enumerate(arguments) if argument in COMMANDS), None)
    shown: list[str] = [] if start is None else public_value(_without_push(arguments[start:]))
    return shown


def _without_push(arguments: list[str]) -> list[str]:
    """Whoever trains the model again does not push it to this repository."""
    kept: list[str] = []
    skip = False
    for argument in arguments:
        option, equals, _ = argument.partition("=")
        if not skip and option not in _PUSH_OPTIONS:
            kept.append(argument)
        skip = not skip and not equals and _PUSH_OPTIONS.get(option, False)
    return kept


def _mapping(value: Any) -> dict[str, Any]:
    return _of_type(dict, value) or {}


def _of_type(kind: type[T], value: Any) -> T | None:
    if kind is float and isinstance(value, int):
        value = float(value)
    # True is an int to Python.
    return value if isinstance(value, kind) and not (isinstance(value, bool) and kind is not bool) else None
