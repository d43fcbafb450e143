"""What a run says of itself, read from its run.json for the model card; a fact that is missing stays missing."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from gpg_cli.commands import COMMANDS
from gpg_cli.publishing.names import public_argument
from gpg_cli.run_folder import MODEL_FOLDER, REWARD_PICTURE, RUN_FILE, ModelSource, read_json

T = TypeVar("T")


@dataclass(frozen=True)
class RunFacts:
    """The facts of a run that a card tells.

    Attributes:
        command: the arguments after `gpg`, fit to be published.
        model, dataset: as they were given, perhaps a path: show them by `names.public_name`.
        steps: optimiser steps behind this very model.
        accuracy: share of problems solved before and after the training, each in [0, 1].
        picture: the reward curve.
        measured_by: the benchmark to measure it with.
    """

    command: list[str] = field(default_factory=list)
    preset: str | None = None
    model: str | None = None
    dataset: str | None = None
    seed: int | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    git_commit: str | None = None
    hardware: str | None = None
    steps: int | None = None
    seconds: float | None = None
    accuracy: tuple[float, float] | None = None
    picture: Path | None = None
    measured_by: str | None = None


def read_facts(source: ModelSource) -> RunFacts | None:
    """The facts of the run a model belongs to, or None where it belongs to none.

    Values of another kind than run.json has by its layout are passed over.

    Raises:
        GpgError: run.json is no JSON object.
    """
    if source.run is None:
        return None
    run = read_json(source.run / RUN_FILE)
    summary = _mapping(run.get("summary")) if is_final(source) else {"steps": _step_of_checkpoint(source)}
    before, after = _of_type(float, summary.get("accuracy_before")), _of_type(float, summary.get("accuracy_after"))
    picture = source.run / REWARD_PICTURE
    return RunFacts(
        command=_arguments_after_gpg(_of_type(list, run.get("command")) or []),
        preset=_of_type(str, run.get("preset")),
        measured_by=_of_type(str, summary.get("measured_by")),
        model=_of_type(str, run.get("model")),
        dataset=_of_type(str, run.get("dataset")),
        seed=_of_type(int, run.get("seed")),
        settings=_mapping(run.get("settings")),
        versions={name: text for name, text in _mapping(run.get("versions")).items() if isinstance(text, str)},
        git_commit=_of_type(str, run.get("git_commit")),
        hardware=_of_type(str, run.get("hardware")),
        steps=_of_type(int, summary.get("steps")),
        seconds=_of_type(float, summary.get("seconds")),
        accuracy=None if before is None or after is None else (before, after),
        picture=picture if picture.is_file() else None,
    )


def is_final(source: ModelSource) -> bool:
    """Whether a model is the final one of its run, which the run's summary and evaluations are about."""
    return source.run is not None and Path(source.location).resolve() == (source.run / MODEL_FOLDER).resolve()


def _step_of_checkpoint(source: ModelSource) -> int | None:
    step = Path(source.location).name.rpartition("checkpoint-")[2]
    return int(step) if step.isdecimal() else None


def _arguments_after_gpg(command: list[Any]) -> list[str]:
    """A command line from its subcommand on: what stands before is a place on the machine of the run."""
    arguments = [str(argument) for argument in command]
    start = next((place for place, argument in enumerate(arguments) if argument in COMMANDS), None)
    return [] if start is None else [public_argument(argument) for argument in arguments[start:]]


def _mapping(value: Any) -> dict[str, Any]:
    return _of_type(dict, value) or {}


def _of_type(kind: type[T], value: Any) -> T | None:
    if kind is float and isinstance(value, int):
        value = float(value)
    return value if isinstance(value, kind) else None
