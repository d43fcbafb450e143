"""Reads a run folder, one that is still being written included, and says in words what is missing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpg_cli.completions_file import read_completions
from gpg_cli.errors import GpgError
from gpg_cli.metrics_file import read_metrics, step_of
from gpg_cli.run_folder import METRICS_FILE, RUN_FILE, read_json

# Of a number that is larger, an axis could say nothing.
_LARGEST = 1e30


@dataclass(frozen=True)
class Run:
    """What a run has left so far.

    Attributes:
        folder: its folder.
        name: the folder's name; with its parents' where several runs have the same.
        facts: run.json.
        steps: the numbers of each step, by step; at least one.
        completions: lines of completions.jsonl; none where the run kept none.
    """

    folder: Path
    name: str
    facts: dict[str, Any]
    steps: list[dict[str, float]]
    completions: list[dict[str, Any]]

    @property
    def finished(self) -> bool:
        """False of a run that goes on, and of one that was stopped."""
        return bool(self.facts.get("finished"))

    @property
    def settings(self) -> dict[str, Any]:
        settings = self.facts.get("settings")
        return settings if isinstance(settings, dict) else {}

    @property
    def last_step(self) -> int:
        return int(self.steps[-1]["step"])


def read_runs(folders: Sequence[Path]) -> list[Run]:
    """Read run folders, each once.

    Raises:
        GpgError: one is no run folder, has no step yet, or holds a file that cannot be read.
    """
    distinct = list({folder.resolve(): folder for folder in folders}.values())
    return [_read(folder, name) for folder, name in zip(distinct, _names(distinct), strict=True)]


def _read(folder: Path, name: str) -> Run:
    if not folder.is_dir():
        raise GpgError(f"there is no folder {folder}", "Name the folder of a run of `gpg train`.")
    if not (folder / RUN_FILE).is_file():
        raise GpgError(f"{folder} is no run folder: it has no {RUN_FILE}", _nearest_run(folder))
    facts = read_json(folder / RUN_FILE)
    try:
        metrics, completions = read_metrics(folder), read_completions(folder)
    except OSError as error:
        raise GpgError(f"cannot read {error.filename}: {error.strerror}", "Mend its permissions.") from error
    steps = sorted(filter(None, map(_numbers, metrics)), key=lambda line: line["step"])
    if not steps:
        raise GpgError(
            f"{folder} has no metrics yet: no step is in {METRICS_FILE}",
            "Wait for the first step of the run, then ask again.",
        )
    return Run(folder, name, facts, steps, [row for row in completions if _is_whole(row)])


def _nearest_run(folder: Path) -> str:
    """What to name instead: the run around a checkpoint or a model, or one of those in a folder of runs."""
    if (folder.resolve().parent / RUN_FILE).is_file():
        return f"Its run is the folder around it: gpg report {folder.parent}"
    inside = [each for each in folder.iterdir() if (each / RUN_FILE).is_file()]
    if inside:
        newest = max(inside, key=lambda run: (run / RUN_FILE).stat().st_mtime)
        return f"It holds {len(inside)} run{'s' if len(inside) > 1 else ''}; the newest: gpg report {newest}"
    return "Name the folder that `gpg train` wrote, runs/... say."


def _numbers(line: dict[str, Any]) -> dict[str, float]:
    """The numbers of a line; nothing where it is no step's."""
    if step_of(line) is None:
        return {}
    return {key: float(value) for key, value in line.items() if _is_number(value)}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST


def _is_whole(row: dict[str, Any]) -> bool:
    """Whether a line of completions.jsonl is as training writes it; others, edited by hand say, are passed over."""
    texts = all(isinstance(row.get(key), str) for key in ("prompt", "completion"))
    rewards = row.get("rewards")
    return (
        texts and step_of(row) is not None and isinstance(rewards, dict) and isinstance(row.get("group_rewards"), list)
    )


def _names(folders: Sequence[Path]) -> list[str]:
    """The last component of each path, and as many before it as it takes to tell them apart."""
    parts = [folder.resolve().parts for folder in folders]
    shown = [1] * len(parts)
    while True:
        names = ["/".join(each[-count:]) for each, count in zip(parts, shown, strict=True)]
        doubled = Counter(names)
        longer = [place for place, name in enumerate(names) if doubled[name] > 1 and shown[place] < len(parts[place])]
        if not longer:
            return names
        for place in longer:
            shown[place] += 1
