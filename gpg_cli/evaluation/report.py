"""What an evaluation leaves: results.json (schema version 1, the same object as `--json`) and a table on stdout."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.markup import escape

from gpg_cli.console import results, say, table
from gpg_cli.evaluation.benches import Bench, SamplingSettings
from gpg_cli.evaluation.metrics import Metrics
from gpg_cli.versions import installed_versions

SCHEMA = 1

# Shown beside a model of which no number was published: the model that most begin with, and what GPG made of it.
_METHOD, _BASE = "GPG-RS1", "DeepSeek-R1-Distill-Qwen-1.5B"


@dataclass(frozen=True)
class BenchResult:
    """What was measured on one benchmark, and everything that the number depends on.

    Attributes:
        available: problems that the data has; with --limit, more than were asked.
        sampling: as it was used.
        seconds: generation and grading, without loading the model.
        prompt_hash: of the full prompts, see `prompting.prompt_hash`.
        source, sha256: the data; the hash is a local file's, None without one.
    """

    bench: Bench
    metrics: Metrics
    available: int
    sampling: SamplingSettings
    seconds: float
    prompt_hash: str
    source: str
    sha256: str | None

    def to_dict(self) -> dict[str, Any]:
        """Scores and intervals in percent, accuracy and truncated as shares."""
        metrics = self.metrics
        return {
            "title": self.bench.title,
            "score": round(100 * metrics.accuracy, 3),
            "interval": [round(100 * bound, 3) for bound in metrics.interval],
            "accuracy": metrics.accuracy,
            "problems": metrics.problems,
            "available": self.available,
            "correct": metrics.correct,
            "verdicts": metrics.verdicts,
            "truncated": round(metrics.truncated, 4),
            "mean_tokens": round(metrics.mean_tokens, 1),
            "seconds": round(self.seconds, 2),
            "sampling": {**self.sampling.model_dump(), "n": 1},
            "rule": self.bench.rule,
            "prompt_hash": self.prompt_hash,
            "data": {"source": self.source, "sha256": self.sha256},
            "published": self.bench.published,
        }


@dataclass(frozen=True)
class EvalResult:
    """The result of `gpg eval`; `output_dir` is None where nothing was kept."""

    model: str
    engine: str
    seed: int
    benches: dict[str, BenchResult]
    seconds: float
    output_dir: str | None

    def accuracy(self, bench: str) -> float:
        """Share of a benchmark's problems that were solved, in [0, 1]."""
        return self.benches[bench].metrics.accuracy

    def to_dict(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "model": self.model,
            "engine": self.engine,
            "seed": self.seed,
            "seconds": self.seconds,
            "output_dir": self.output_dir,
            "versions": installed_versions(),
            "benches": {name: bench.to_dict() for name, bench in self.benches.items()},
        }


def print_table(result: EvalResult) -> None:
    """One line a benchmark on stdout; on stderr, where the files are."""
    rows = published_rows(result.model, [bench.bench.published for bench in result.benches.values()])
    scores = table("benchmark", title=escape(f"{result.model} ({result.engine})"))
    for column in ("problems", "score", "95% interval", "truncated", "mean tokens", "published", "seconds"):
        scores.add_column(column, justify="right")
    for name, bench in result.benches.items():
        metrics = bench.metrics
        low, high = metrics.interval
        published = [f"{bench.bench.published[row]:.1f}" for row in rows if row in bench.bench.published]
        scores.add_row(
            name,
            str(metrics.problems),
            f"[bold]{100 * metrics.accuracy:.1f}[/]",
            f"{100 * low:.1f}–{100 * high:.1f}",
            f"{metrics.truncated:.1%}",
            f"{metrics.mean_tokens:,.0f}",
            "/".join(published) or "–",
            f"{bench.seconds:,.1f}",
        )
    results.print(scores)
    if rows:
        results.print(f"published: {'/'.join(rows)}", soft_wrap=True)
    if result.output_dir is not None:
        say(f"Written to {escape(result.output_dir)}")


def published_rows(model: str, published: list[dict[str, float]]) -> list[str]:
    """Whose published scores to show: this very model's, told by its name; else those of GPG-RS1 and its base model."""
    known = [row for rows in published for row in rows]
    same = [row for row in known if row.lower() == Path(model).name.lower()]
    return same[:1] or [row for row in (_METHOD, _BASE) if row in known]
