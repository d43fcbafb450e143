"""What `gpg eval` prints: results on stdout, where the files are on stderr."""

from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from gpg_cli.console import print_json, results, say, table
from gpg_cli.report_published import print_masks, print_published, shown_groups

if TYPE_CHECKING:
    from rich.table import Table

    from gpg_cli.evaluation.plan import EvalRequest
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
    print_masks(result)
    print_published(result)
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
            escape(name if bench.name_of_score == "accuracy" else f"{name} ({bench.name_of_score})"),
            f"{metrics.problems} of {bench.record.available}" if part else str(metrics.problems),
            f"[bold]{100 * metrics.accuracy:.1f}[/]",
            *([_percent(bench.lighteval)] if both else []),
            _interval(metrics.interval),
            f"{100 * metrics.strict:.1f}{differing}",
            *map(_percent, shares),
            f"{metrics.truncated:.0%}",
            f"{metrics.mean_tokens:,.0f}",
        )
        for label, group in shown_groups(bench):
            cells = [f"{100 * group.accuracy:.1f}", *([""] if both else []), _interval(group.interval)]
            scores.add_row(f"  {escape(label)}", str(group.problems), *cells)
    for name, suite in result.suites.items():
        mean = [f"[bold]{100 * suite.accuracy:.1f}[/]", *([""] if both else [])]
        scores.add_row(escape(f"{name} (mean)"), "", *mean, _interval(suite.interval), f"{100 * suite.strict:.1f}")
    return scores


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}"


def _interval(bounds: tuple[float, float]) -> str:
    return f"{100 * bounds[0]:.1f}–{100 * bounds[1]:.1f}"


def _print_groups(name: str, bench: "BenchResult") -> None:
    """The weakest and the strongest of each kind of group, where there are several."""
    for key, scores in bench.metrics.groups.items():
        if key in bench.record.bench.published_groups:  # all of it stands in the tables
            continue
        ordered = sorted(scores.items(), key=lambda item: item[1].accuracy)
        if ordered[0][1].accuracy == ordered[-1][1].accuracy:
            continue
        text = ", ".join(
            f"{value} {100 * score.accuracy:.1f} ({score.problems})" for value, score in (ordered[0], ordered[-1])
        )
        results.print(escape(f"{name} by {key}, worst and best: {text}"), soft_wrap=True)
