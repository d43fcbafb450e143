"""What `gpg eval --compare` prints."""

from typing import TYPE_CHECKING

from rich.markup import escape

from gpg_cli.console import results, table

if TYPE_CHECKING:
    from gpg_cli.evaluation.compare import Comparison, Flip, Paired

_FLIPS = 10
_PROBLEM = 60


def print_comparison(comparison: "Comparison") -> None:
    """A line a benchmark, what it means, and the problems that flipped."""
    scores = table("benchmark")
    for column in ("problems", "first", "second", "difference", "better", "worse", "p"):
        scores.add_column(column, justify="right")
    rows = {**comparison.benches, **({"all": comparison.total} if len(comparison.benches) > 1 else {})}
    for name, paired in rows.items():
        scores.add_row(
            name,
            str(paired.problems),
            f"{100 * paired.first:.1f}",
            f"{100 * paired.second:.1f}",
            f"[bold]{100 * paired.difference:+.1f}[/] ± {100 * paired.margin:.1f}",
            str(paired.better),
            str(paired.worse),
            f"{paired.p_value:.2g}",
        )
    results.print(f"first:  {comparison.first}", markup=False, soft_wrap=True)
    results.print(f"second: {comparison.second}\n", markup=False, soft_wrap=True)
    results.print(scores)
    results.print(f"\n{_meaning(comparison.total)}", soft_wrap=True)
    if comparison.alone:
        results.print(f"{comparison.alone} problems were asked in one of the two only, and are left out.")
    _print_flips("The second solves more often:", [each for each in comparison.flips if each.second > each.first])
    _print_flips("The first solves more often:", [each for each in comparison.flips if each.second < each.first])


def _meaning(total: "Paired") -> str:
    low, high = 100 * (total.difference - total.margin), 100 * (total.difference + total.margin)
    facts = f"(95% {low:+.1f} to {high:+.1f}; sign test p = {total.p_value:.2g})"
    if low <= 0 <= high:
        return f"No difference that could not be chance: {100 * total.difference:+.1f} points {facts}."
    better = "second" if total.difference > 0 else "first"
    return f"The {better} is better by {100 * abs(total.difference):.1f} points {facts}."


def _print_flips(title: str, flips: "list[Flip]") -> None:
    if not flips:
        return
    results.print(f"\n{title}", style="bold")
    for flip in flips[:_FLIPS]:
        first_line = " ".join(flip.problem.split())
        shown = first_line if len(first_line) <= _PROBLEM else f"{first_line[: _PROBLEM - 3]}..."
        change = f"{flip.first:.0%} -> {flip.second:.0%}"
        results.print(f"  {flip.bench} {flip.index + 1}: {change}  {escape(shown)}", soft_wrap=True)
    if len(flips) > _FLIPS:
        results.print(f"  and {len(flips) - _FLIPS} more; --json lists all")
