"""What `gpg eval --compare` prints."""

from typing import TYPE_CHECKING

from rich.markup import escape

from gpg_cli.console import results, table

if TYPE_CHECKING:
    from gpg_cli.evaluation.compare import Comparison, Flip, Paired

_FLIPS = 20
_PROBLEM = 60


def print_comparison(comparison: "Comparison") -> None:
    """A line a benchmark, what it means, and the problems that flipped."""
    for name, model, folder in zip(
        ("first:  ", "second: "), (comparison.first, comparison.second), comparison.folders, strict=True
    ):
        results.print(f"{name}{model} ({folder})", markup=False, soft_wrap=True)
    results.print()
    _print_scores(comparison)
    results.print(f"\n{meaning(comparison.total)}", soft_wrap=True)
    alone = comparison.only_first + comparison.only_second
    if alone:
        results.print(
            f"Left out: {alone} problems that only one was asked "
            f"(the first {comparison.only_first}, the second {comparison.only_second}).",
            soft_wrap=True,
        )
    _print_flips("The second solves more often:", [each for each in comparison.flips if each.second > each.first])
    _print_flips("The first solves more often:", [each for each in comparison.flips if each.second < each.first])


def meaning(total: "Paired") -> str:
    """What a comparison says, in a sentence."""
    low, high = (100 * bound for bound in total.interval)
    if low <= 0 <= high:
        facts = f"(95% {low:+.1f} to {high:+.1f}), sign test p = {total.p_value:.2g}"
        return f"The difference may be chance: {100 * total.difference:+.1f} points {facts}."
    better, worse = ("second", "first") if total.difference > 0 else ("first", "second")
    smallest, largest = sorted((abs(low), abs(high)))
    facts = f"(95% {smallest:.1f} to {largest:.1f}), sign test p = {total.p_value:.2g}"
    return f"The {better} is better than the {worse} by {100 * abs(total.difference):.1f} points {facts}."


def _print_scores(comparison: "Comparison") -> None:
    scores = table()
    scores.add_column("benchmark", no_wrap=True)
    for column in ("first", "second", "change", "95%", "up/down/same", "p"):
        scores.add_column(column, justify="right", no_wrap=True)
    rows = {**comparison.benches, **({"all": comparison.total} if len(comparison.benches) > 1 else {})}
    for name, paired in rows.items():
        low, high = paired.interval
        scores.add_row(
            escape(name),
            f"{100 * paired.first:.1f}",
            f"{100 * paired.second:.1f}",
            f"[bold]{100 * paired.difference:+.1f}[/]",
            f"{100 * low:+.1f} to {100 * high:+.1f}",
            f"{paired.better}/{paired.worse}/{paired.equal}",
            f"{paired.p_value:.2g}",
        )
    results.print(scores)
    results.print("up, down, same: problems that the second solves more often, less often, as often", soft_wrap=True)


def _print_flips(title: str, flips: "list[Flip]") -> None:
    if not flips:
        return
    results.print(f"\n{title}", style="bold")
    for flip in flips[:_FLIPS]:
        shown = flip.problem if len(flip.problem) <= _PROBLEM else f"{flip.problem[: _PROBLEM - 3]}..."
        change = f"{flip.first:.0%} -> {flip.second:.0%}"
        # Rich's own `escape` loses the backslash of LaTeX such as \[x\].
        line = f"  {flip.bench} {flip.index + 1}: {change}  {shown}"
        results.print(line, markup=False, emoji=False, soft_wrap=True)
    if len(flips) > _FLIPS:
        results.print(f"  and {len(flips) - _FLIPS} more; --json lists all")
