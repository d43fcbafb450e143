"""The measured scores of an evaluation, each with the published ones of the rows that are worth showing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gpg_cli.evaluation.intervals import Interval, wilson_interval
from gpg_cli.evaluation.published import Against, against_bench, against_suite
from gpg_cli.evaluation.results import BenchResult, EvalResult
from gpg_cli.published_rows import rows_to_show


@dataclass(frozen=True)
class Line:
    """One measured score.

    Attributes:
        name: of the benchmark or suite; `cvbench Count` for a group, `lisa-test gIoU` for masks.
        score: in percent.
        whole: whether all problems were asked, so that the score can be compared.
        against: name of a published row to its score beside this one.
    """

    name: str
    score: float
    whole: bool
    against: dict[str, Against] = field(default_factory=dict)


@dataclass(frozen=True)
class Beside:
    """Measured scores beside the published ones of `rows`; no rows where nothing was published."""

    rows: list[str]
    lines: list[Line]


def beside_published(result: EvalResult) -> Beside:
    """Benchmarks with their groups and masks, then suites."""
    rows = rows_to_show(result.model, [bench.record.bench.published for bench in result.benches.values()])
    if not rows:
        return Beside([], [])
    benches = {name: _bench_line(name, bench, rows) for name, bench in result.benches.items()}
    lines: list[Line] = []
    for name, bench in result.benches.items():
        lines += [benches[name], *_group_lines(name, bench, rows), *_mask_lines(name, bench, rows)]
    return Beside(rows, [*lines, *_suite_lines(result, benches, rows)])


def _bench_line(name: str, bench: BenchResult, rows: list[str]) -> Line:
    metrics, published = bench.metrics, bench.record.bench.published
    return _line(name, metrics.accuracy, metrics.interval, bench, bench.record.available, published, rows)


def _group_lines(name: str, bench: BenchResult, rows: list[str]) -> Iterator[Line]:
    for key, groups in bench.record.bench.published_groups.items():
        scores = bench.metrics.groups.get(key, {})
        for value, published in groups.items():
            if value in scores:
                score = scores[value]
                label = f"{name} {value}"
                yield _line(label, score.accuracy, score.interval, bench, score.problems, published, rows)


def _mask_lines(name: str, bench: BenchResult, rows: list[str]) -> Iterator[Line]:
    found = (bench.masks or {}).get("first_polygon", {})
    published = bench.record.bench.published_masks
    if published and found.get("giou") is not None:
        share, pictures = found["giou"] / 100, found["pictures"]
        yield _line(f"{name} gIoU", share, wilson_interval(share, pictures), bench, pictures, published, rows)


def _suite_lines(result: EvalResult, benches: Mapping[str, Line], rows: list[str]) -> Iterator[Line]:
    for name, suite in result.suites.items():
        members = [benches[each] for each in result.record.suites[name]]
        means = {
            row: against_suite(100 * suite.accuracy, [each.against[row] for each in members], row)
            for row in rows
            if all(row in each.against for each in members)
        }
        against = {row: mean for row, mean in means.items() if mean is not None}
        yield Line(f"{name} (mean)", 100 * suite.accuracy, all(each.whole for each in members), against)


def _line(
    name: str,
    share: float,
    interval: Interval,
    bench: BenchResult,
    problems: int,
    published: Mapping[str, float],
    rows: list[str],
) -> Line:
    score, bounds = 100 * share, (100 * interval[0], 100 * interval[1])
    against = {row: against_bench(score, bounds, row, published[row], problems) for row in rows if row in published}
    return Line(name, score, bench.metrics.problems == bench.record.available, against)
