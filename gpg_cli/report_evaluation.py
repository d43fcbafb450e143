"""What `gpg eval` prints: results on stdout, where the files are on stderr."""

from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from gpg_cli.console import print_json, results, say, table

if TYPE_CHECKING:
    from rich.table import Table

    from gpg_cli.evaluation.plan import EvalRequest
    from gpg_cli.evaluation.published import Against
    from gpg_cli.evaluation.results import BenchResult, EvalResult


def show_evaluation(request: "EvalRequest", *, harness: str, html: bool, as_json: bool) -> None:
    """Evaluate, and print what was found."""
    from gpg_cli.evaluation.run import evaluate

    _show(evaluate(request, html=html, harness=harness), as_json=as_json)


def show_rescored(folder: Path, *, html: bool, as_json: bool) -> None:
    """Judge stored completions again, and print what they add up to now."""
    from gpg_cli.evaluation.run import rescore

    _show(rescore(folder, html=html), as_json=as_json)


def show_comparison(first: Path, second: Path, *, as_json: bool) -> None:
    """Compare two evaluations, and print who is better at what."""
    from gpg_cli.evaluation.compare import compare
    from gpg_cli.report_compare import print_comparison

    comparison = compare(first, second)
    if as_json:
        print_json(comparison.to_dict())
    else:
        print_comparison(comparison)


def _show(result: "EvalResult", *, as_json: bool) -> None:
    if as_json:
        print_json(result.to_dict())
    else:
        print_result(result)


def print_result(result: "EvalResult") -> None:
    """One line a benchmark and suite on stdout, then published scores beside, and where the model is weak or strong."""
    results.print(_score_table(result))
    if any(bench.metrics.differing for bench in result.benches.values()):
        results.print("strict: by a sound rule; in brackets, how many verdicts differ from the published protocol's")
    if any(bench.metrics.problems < bench.record.available for bench in result.benches.values()):
        results.print("[yellow]Only some of the problems were asked: these are not the benchmarks' scores.[/]")
    _print_published(result)
    for name, bench in result.benches.items():
        _print_groups(name, bench)
    if result.output_dir is not None:
        say(f"Written to {escape(result.output_dir)}")


def _score_table(result: "EvalResult") -> "Table":
    samples = result.record.samples
    scores = table("benchmark", title=escape(f"{result.model} ({result.record.engine})"))
    many = [f"pass@{samples}", f"maj@{samples}"] if samples > 1 else []
    both = any(bench.lighteval is not None for bench in result.benches.values())
    for column in ("problems", "score", *(["lighteval"] if both else []), "95%", "strict", *many, "cut off", "tokens"):
        scores.add_column(column, justify="right", no_wrap=True)
    for name, bench in result.benches.items():
        metrics = bench.metrics
        part = metrics.problems < bench.record.available
        differing = f" ({metrics.differing})" if metrics.differing else ""
        shares = [metrics.pass_at.get(samples), metrics.majority] if samples > 1 else []
        scores.add_row(
            name,
            f"{metrics.problems} of {bench.record.available}" if part else str(metrics.problems),
            f"[bold]{100 * metrics.accuracy:.1f}[/]",
            *([_percent(bench.lighteval)] if both else []),
            _interval(metrics.interval),
            f"{100 * metrics.strict:.1f}{differing}",
            *map(_percent, shares),
            f"{metrics.truncated:.0%}",
            f"{metrics.mean_tokens:,.0f}",
        )
    for name, suite in result.suites.items():
        mean = [f"[bold]{100 * suite.accuracy:.1f}[/]", *([""] if both else [])]
        scores.add_row(f"{name} (mean)", "", *mean, _interval(suite.interval), f"{100 * suite.strict:.1f}")
    return scores


def _print_published(result: "EvalResult") -> None:
    """Published scores beside the measured ones, where there are any."""
    from gpg_cli.evaluation.published import against_bench, against_suite, rows_to_show

    rows = rows_to_show(result.model, [bench.record.bench.published for bench in result.benches.values()])
    if not rows:
        return
    beside = table("published", title="Beside published scores")
    for column in ("yours", *rows):
        beside.add_column(column, justify="right")
    found: dict[str, dict[str, Against]] = {row: {} for row in rows}
    for name, bench in result.benches.items():
        published = bench.record.bench.published
        for row in set(rows) & set(published):
            score, (low, high) = 100 * bench.metrics.accuracy, bench.metrics.interval
            interval = 100 * low, 100 * high
            found[row][name] = against_bench(score, interval, row, published[row], bench.record.available)
        whole = bench.metrics.problems == bench.record.available
        cells = [_against(found[row].get(name), compared=whole) for row in rows]
        beside.add_row(name, f"{100 * bench.metrics.accuracy:.1f}", *cells)
    for name, suite in result.suites.items():
        members = result.record.suites[name]
        means = [
            against_suite(100 * suite.accuracy, [found[row][each] for each in members], row)
            if found[row].keys() >= set(members)
            else None
            for row in rows
        ]
        whole = all(result.benches[each].metrics.problems == result.benches[each].record.available for each in members)
        cells = [_against(mean, compared=whole) for mean in means]
        beside.add_row(f"{name} (mean)", f"{100 * suite.accuracy:.1f}", *cells)
    results.print()
    results.print(beside)
    if any("(" in str(cell) for column in beside.columns[2:] for cell in column.cells):
        results.print("in brackets, the difference to it; ~ where that can be chance (95%)")


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}"


def _interval(bounds: tuple[float, float]) -> str:
    return f"{100 * bounds[0]:.1f}–{100 * bounds[1]:.1f}"


def _against(against: "Against | None", *, compared: bool) -> str:
    if against is None:
        return "–"
    if not compared:
        return f"{against.score:.1f}"
    return f"{against.score:.1f} ({'~' if against.is_noise else ''}{against.difference:+.1f})"


def _print_groups(name: str, bench: "BenchResult") -> None:
    """The weakest and the strongest of each kind of group, where there are several."""
    for key, scores in bench.metrics.groups.items():
        ordered = sorted(scores.items(), key=lambda item: item[1].accuracy)
        if ordered[0][1].accuracy == ordered[-1][1].accuracy:
            continue
        text = ", ".join(
            f"{value} {100 * score.accuracy:.1f} ({score.problems})" for value, score in (ordered[0], ordered[-1])
        )
        results.print(f"{name} by {key}, worst and best: {escape(text)}", soft_wrap=True)
