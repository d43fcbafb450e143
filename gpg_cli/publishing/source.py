"""What `gpg export` was pointed at: a run and which of its models, a checkpoint, shards of one, an adapter, a model.

Nothing is loaded here, and nothing written.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rich.markup import escape

from gpg_cli.console import say
from gpg_cli.errors import GpgError
from gpg_cli.metrics_file import benchmark_scores, read_metrics
from gpg_cli.publishing.weights import has_weights
from gpg_cli.run_folder import MODEL_FOLDER, RUN_FILE, ModelSource, read_json
from gpg_cli.sealed_folder import MANIFEST, what_is_wrong

ADAPTER_CONFIG = "adapter_config.json"
# How accelerate names the model's part of an FSDP checkpoint in shards (its FSDP_MODEL_NAME and the model's number).
FSDP_SHARDS = "pytorch_model_fsdp_0"

Kind = Literal["model", "adapter", "zero", "fsdp"]

_CHECKPOINT = re.compile(r"checkpoint-(\d+)")


@dataclass(frozen=True)
class ExportSource:
    """A model that can be exported.

    Attributes:
        folder: holds it.
        kind: `model` is whole; `adapter` is LoRA's part of one; `zero` and `fsdp` are checkpoints in shards.
        run: the run folder it belongs to, where there is one.
        step: of a checkpoint: the optimiser steps behind it.
        base: the model it was made from, a folder or a Hub id, where it needs one: an adapter, and a checkpoint
            without configuration or tokenizer.
    """

    folder: Path
    kind: Kind
    run: Path | None = None
    step: int | None = None
    base: str | None = None

    @property
    def of_run(self) -> ModelSource:
        """As the card's facts are read."""
        return ModelSource(str(self.folder), run=self.run)


def find_source(name: str, checkpoint: str | None = None, base: str | None = None) -> ExportSource:
    """Understand what a user named.

    Args:
        name: a run folder, a checkpoint, an adapter or a model folder.
        checkpoint: of a run: `best` by the benchmark measured while it trained, `last`, or a step; None is its final
            model.
        base: the model it was made from, where the run or the adapter does not say, or says a place that moved.

    Raises:
        GpgError: there is no such folder, nothing to export in it, or the checkpoint is not whole.
    """
    path = Path(name)
    if not path.is_dir():
        raise GpgError(f"there is no folder {name}", "Name a run folder, a checkpoint or a model folder.")
    if (path / RUN_FILE).is_file() and not (path / "config.json").is_file():
        return _described(_model_of_run(path, checkpoint), path, base)
    if checkpoint is not None:
        raise GpgError(f"{path} is no run folder, so it has no checkpoints", "Leave --checkpoint out, or name the run.")
    run = path.parent if (path.parent / RUN_FILE).is_file() else None
    return _described(path, run, base)


def checkpoints_of(run: Path) -> dict[int, Path]:
    """The checkpoints of a run by their steps, whole or not, the first one first."""
    found = {int(match[1]): path for path in run.iterdir() if (match := _CHECKPOINT.fullmatch(path.name))}
    return dict(sorted(found.items()))


def _model_of_run(run: Path, checkpoint: str | None) -> Path:
    final = run / MODEL_FOLDER
    has_final = (final / "config.json").is_file()
    steps = checkpoints_of(run)
    if checkpoint is None:
        if has_final:
            return final
        raise GpgError(
            f"{run} has not finished: there is no final model in it",
            f"Go on with it (gpg train --resume {run})"
            + (f", or export its last checkpoint, of step {max(steps)}: --checkpoint last" if steps else ""),
        )
    if checkpoint == "last":
        return final if has_final else _nth(run, steps, max(steps, default=0))
    if checkpoint == "best":
        return _best(run, steps, final if has_final else None)
    if not checkpoint.isdecimal():
        raise GpgError(f"--checkpoint {checkpoint} is neither best, last nor a step", "For example: --checkpoint 50")
    if has_final and int(checkpoint) == _last_step(run) and int(checkpoint) not in steps:
        return final
    return _nth(run, steps, int(checkpoint))


def _nth(run: Path, steps: dict[int, Path], step: int) -> Path:
    if step not in steps:
        there = f"There are those of steps {', '.join(map(str, steps))}." if steps else "It has none."
        raise GpgError(f"{run} has no checkpoint of step {step}" if step else f"{run} has no checkpoint", there)
    return steps[step]


def _best(run: Path, steps: dict[int, Path], final: Path | None) -> Path:
    """Where the benchmark's score was highest; of equal ones the first, which trained the least."""
    # The setting eval_bench names one benchmark.
    bench, scores = next(iter(benchmark_scores(read_metrics(run)).items()), ("", {}))
    models = steps | ({_last_step(run): final} if final is not None else {})
    if not scores:
        raise GpgError(
            f"no benchmark was measured while {run} trained, so none of its checkpoints is known to be the best",
            "Pass --checkpoint last or a step; eval_bench and eval_every measure one the next time.",
        )
    at_hand = {step: score for step, score in scores.items() if step in models}
    if not at_hand:
        raise GpgError(
            f"{run} has no checkpoint of the steps that were measured ({', '.join(map(str, scores))})",
            "Pass --checkpoint last or a step; save_steps should divide eval_every.",
        )
    best, overall = max(at_hand, key=at_hand.__getitem__), max(scores, key=scores.__getitem__)
    say(f"Step {best} was the best: {at_hand[best]:.1%} of {escape(bench)}.")
    if scores[overall] > at_hand[best]:
        say(f"[yellow]Step {overall} scored {scores[overall]:.1%}, and its checkpoint is not there any more.[/]")
    return models[best]


def _last_step(run: Path) -> int:
    summary = read_json(run / RUN_FILE).get("summary")
    steps = summary.get("steps") if isinstance(summary, dict) else None
    return steps if isinstance(steps, int) else 0


def _described(folder: Path, run: Path | None, base: str | None) -> ExportSource:
    # A checkpoint of ours has a manifest; those of other trainers cannot be told to be whole.
    written_by_us = run is not None and _CHECKPOINT.fullmatch(folder.name) is not None
    if (written_by_us or (folder / MANIFEST).is_file()) and (wrong := what_is_wrong(folder)):
        others = [path.name for path in reversed(checkpoints_of(folder.parent).values()) if path != folder]
        raise GpgError(
            f"{folder} is not whole: {wrong}",
            f"Export another one: {', '.join(others)}." if others else "Copy the folder again.",
        )
    kind = _kind(folder)
    matched = _CHECKPOINT.fullmatch(folder.name)
    step = int(matched[1]) if matched else None
    # Only an adapter, and a checkpoint that lacks something, are made whole by another model.
    lacks = kind == "adapter" or not (folder / "config.json").is_file() or base is not None
    return ExportSource(folder, kind, run, step, _base(folder, run, base) if lacks else None)


def _kind(folder: Path) -> Kind:
    signs: dict[Kind, Callable[[], bool]] = {
        "adapter": (folder / ADAPTER_CONFIG).is_file,
        "model": lambda: has_weights(folder) and (folder / "config.json").is_file(),
        "fsdp": (folder / FSDP_SHARDS / ".metadata").is_file,
        "zero": lambda: any(folder.glob("global_step*/*_optim_states.pt")),
    }
    for kind, found in signs.items():
        if found():
            return kind
    if not (folder / "config.json").is_file():
        raise GpgError(
            f"{folder} holds no model: it has no config.json",
            "Name a run folder of `gpg train`, a checkpoint, an adapter, or a folder written by save_pretrained.",
        )
    return "model"


def _base(folder: Path, run: Path | None, given: str | None) -> str | None:
    """Named by the user, by the adapter, or by the run; the first that says anything."""
    if given is not None:
        return given
    named: list[Any] = []
    if (folder / ADAPTER_CONFIG).is_file():
        named.append(read_json(folder / ADAPTER_CONFIG).get("base_model_name_or_path"))
    if run is not None:
        named.append(read_json(run / RUN_FILE).get("model"))
    return next((name for name in named if isinstance(name, str) and name), None)
