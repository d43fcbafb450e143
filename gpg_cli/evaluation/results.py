"""results.json: what the samples of an evaluation add up to (schema 2, the same object as `--json`).

Scores, intervals and rates that people compare are in percent; shares (`truncated`, `unparsed`) are in [0, 1].
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpg_cli.evaluation.journal import Sample
from gpg_cli.evaluation.metrics import Metrics, percent, summarise
from gpg_cli.evaluation.record import BenchRecord, Record
from gpg_cli.evaluation.suite_scores import SuiteScore, suite_score
from gpg_cli.grading import strict_rule
from gpg_cli.run_folder import write_json

RESULTS_FILE = "results.json"
SCHEMA = 2


@dataclass(frozen=True)
class BenchResult:
    """What was measured on one benchmark, and what was asked.

    Attributes:
        lighteval: its score, in [0, 1], if it judged too.
        masks: the scores of masks, as masks.json has them, where some were made.
    """

    record: BenchRecord
    metrics: Metrics
    samples: int
    lighteval: float | None = None
    masks: dict[str, Any] | None = None

    @property
    def name_of_score(self) -> str:
        """mIoU, the mean overlap of boxes, or accuracy, the share of right answers."""
        return "mIoU" if self.record.bench.rule == "box" else "accuracy"

    def to_dict(self) -> dict[str, Any]:
        bench = self.record.bench
        return {
            "title": bench.title,
            "metric": self.name_of_score,
            **self.metrics.to_dict(),
            **({} if self.lighteval is None else {"lighteval": percent(self.lighteval)}),
            "available": self.record.available,
            "sampling": {**self.record.sampling.model_dump(), "n": self.samples},
            "prompt": self._prompt(),
            "rule": bench.rule,
            "strict_rule": strict_rule(bench.rule),
            "query_hash": self.record.query_hash,
            "prompt_hash": self.record.prompt_hash,
            "data": self._data(),
            "published": bench.published,
            **({"published_groups": bench.published_groups} if bench.published_groups else {}),
            **({} if self.masks is None else {"masks": self.masks, "published_masks": bench.published_masks}),
        }

    def _prompt(self) -> dict[str, Any]:
        bench = self.record.bench
        variant = next((name for name, each in bench.variants.items() if each.prompt == bench.prompt), None)
        style = {key: value for key, value in self.record.style.items() if key != "must"}
        return style | ({"variant": variant} if variant else {})

    def _data(self) -> dict[str, Any]:
        data = self.record.bench.data
        # Of a file that stood in for the data set nobody knows whether it holds the same.
        from_hub = data.hub and self.record.source == data.name
        known = {"hub": data.hub, "task": data.hub_task, "revision": self.record.revision} if from_hub else {}
        return {"source": self.record.source, "sha256": self.record.sha256, **known}


@dataclass(frozen=True)
class EvalResult:
    """The result of `gpg eval`; `output_dir` is None where nothing was kept.

    A suite has a score only where all problems of all its benchmarks were asked.
    """

    record: Record
    benches: dict[str, BenchResult]
    suites: dict[str, SuiteScore]
    output_dir: str | None

    @property
    def model(self) -> str:
        return self.record.model

    def accuracy(self, bench: str) -> float:
        """Mean share of right answers on a benchmark, in [0, 1]."""
        return self.benches[bench].metrics.accuracy

    def to_dict(self) -> dict[str, Any]:
        record = self.record
        return {
            "schema": SCHEMA,
            "model": record.model,
            "model_fingerprint": record.model_fingerprint,
            "engine": record.engine,
            "engine_arguments": record.engine_arguments,
            "seed": record.seed,
            "samples": record.samples,
            "created": record.created,
            "seconds": record.seconds,
            "output_dir": self.output_dir,
            "versions": record.versions,
            "suites": {
                name: {"benches": list(record.suites[name]), **score.to_dict()} for name, score in self.suites.items()
            },
            "benches": {name: bench.to_dict() for name, bench in self.benches.items()},
        }


def assemble(
    record: Record,
    samples: Sequence[Sample],
    folder: Path | None,
    lighteval: Mapping[str, float] | None = None,
    masks: Mapping[str, dict[str, Any]] | None = None,
) -> EvalResult:
    """Sum up the samples of an evaluation, those of each benchmark for themselves; at least one of each.

    Args:
        lighteval: benchmark to lighteval's score, in [0, 1], where it judged them too.
        masks: benchmark to the scores of its masks, where there are some.
    """
    by_bench: dict[str, list[Sample]] = {name: [] for name in record.benches}
    for sample in samples:
        by_bench[sample.bench].append(sample)
    benches = {
        name: BenchResult(
            each,
            summarise(by_bench[name], each.bench.rule),
            record.samples,
            (lighteval or {}).get(name),
            (masks or {}).get(name),
        )
        for name, each in record.benches.items()
        if by_bench[name]
    }
    # Of parts of benchmarks there is no average: their sizes have nothing to do with what is compared.
    whole = {name for name, bench in benches.items() if bench.metrics.problems == bench.record.available}
    suites = {
        name: suite_score([benches[each].metrics for each in members])
        for name, members in record.suites.items()
        if whole >= set(members)
    }
    return EvalResult(record, benches, suites, str(folder) if folder else None)


def write_results(folder: Path, result: EvalResult) -> None:
    """Write results.json, whole or not at all."""
    write_json(folder / RESULTS_FILE, result.to_dict())
