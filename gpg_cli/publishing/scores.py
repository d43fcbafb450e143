"""What `gpg eval` measured of a run's final model, read from every results.json under RUN/eval."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.markup import escape

from gpg_cli.console import say
from gpg_cli.errors import GpgError
from gpg_cli.publishing.facts import is_final
from gpg_cli.run_folder import EVAL_FOLDER, ModelSource, read_json

# Beside a benchmark's own entry, what results.json says once for all of its benchmarks.
_OF_THE_WHOLE = ("model", "engine", "engine_arguments", "seed", "samples", "created", "versions")


@dataclass(frozen=True)
class BenchScore:
    """One benchmark's result.

    Attributes:
        score: percent.
        metric: what the score is: accuracy, or mIoU, the mean overlap of boxes.
        interval: lowest and highest score, percent, that the sample allows for.
        problems: how many were asked.
        available: how many the benchmark has; with --limit, more than were asked.
        sampling: how the answers were sampled, as `gpg eval` wrote it.
        entry: the benchmark's whole entry in results.json.
        whole_result: what that file says of all its benchmarks: `model`, `engine`, `seed`, `created`, `versions`, ...
        suites: name to the entry of each suite in that file.
    """

    bench: str
    title: str
    score: float
    interval: tuple[float, float] | None = None
    problems: int = 0
    available: int = 0
    correct: float | None = None
    sampling: dict[str, Any] = field(default_factory=dict)
    engine: str | None = None
    metric: str = "accuracy"
    entry: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    whole_result: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    suites: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def is_whole(self) -> bool:
        """Whether all problems were asked: only then is the score the benchmark's."""
        return self.problems >= self.available

    @property
    def dataset_id(self) -> str | None:
        """The Hub id of the data that was asked; None for local files, whose identity nobody knows, and generators."""
        found = self.data.get("hub")
        return found if isinstance(found, str) else None

    @property
    def from_local_file(self) -> bool:
        """Whether the data came from a file here; else its source reads `org/data, split` or `generator name`."""
        source = self.data.get("source")
        if not isinstance(source, str) or self.dataset_id is not None:
            return False
        return ", " not in source and not source.startswith("generator ")

    @property
    def data(self) -> dict[str, Any]:
        """`source`, `sha256`, and for a data set of the Hub `hub`, `task` and, where known, `revision`."""
        return _mapping(self.entry.get("data"))

    @property
    def published(self) -> dict[str, float]:
        """Name of a model to its published score, in percent."""
        return _numbers(self.entry.get("published"))

    @property
    def created(self) -> str | None:
        """When it was measured, ISO 8601."""
        found = self.whole_result.get("created")
        return found if isinstance(found, str) else None


def read_scores(source: ModelSource) -> list[BenchScore]:
    """The results of a run's final model, one a benchmark, by name; none for a checkpoint on the way.

    Of several results of one benchmark the one with the most problems counts, among equals the newest. A file that
    does not fit the layout is passed over with a message: a card without it is right, a crash helps nobody.
    """
    if source.run is None or not is_final(source):
        return []
    best: dict[str, BenchScore] = {}
    files = (source.run / EVAL_FOLDER).rglob("results.json")
    for file in sorted(files, key=lambda path: path.stat().st_mtime):
        for score in _read_file(file):
            if score.bench not in best or score.problems >= best[score.bench].problems:
                best[score.bench] = score
    return [best[bench] for bench in sorted(best)]


def _read_file(file: Path) -> list[BenchScore]:
    try:
        results = read_json(file)
        benches = results["benches"]
        return [_read_bench(str(name), entry, results) for name, entry in benches.items()]
    except GpgError as error:
        reason = error.message
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError) as error:
        reason = f"{file} is no result of `gpg eval` ({type(error).__name__}: {error})"
    say(f"Left out of the model card: {escape(reason)}")
    return []


def _read_bench(name: str, entry: dict[str, Any], results: dict[str, Any]) -> BenchScore:
    score = float(entry["score"])
    if not math.isfinite(score):
        raise ValueError(f"the score of {name} is {score}")
    interval = entry.get("interval")
    metric = str(entry.get("metric") or "accuracy")
    # Of overlaps no number of right answers is the score.
    correct = entry.get("correct") if metric == "accuracy" else None
    engine = results.get("engine")
    return BenchScore(
        bench=name,
        title=str(entry.get("title") or name),
        score=score,
        interval=(float(interval[0]), float(interval[1])) if interval else None,
        problems=int(entry.get("problems") or 0),
        available=int(entry.get("available") or 0),
        correct=None if correct is None else float(correct),
        sampling=_mapping(entry.get("sampling")),
        engine=engine if isinstance(engine, str) else None,
        metric=metric,
        entry=entry,
        whole_result={key: results[key] for key in _OF_THE_WHOLE if key in results},
        suites=_mapping(results.get("suites")),
    )


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _numbers(value: Any) -> dict[str, float]:
    return {str(key): float(each) for key, each in _mapping(value).items() if isinstance(each, int | float)}
