"""What `gpg eval` prints of published scores, beside those that were measured; and the scores of masks."""

from typing import TYPE_CHECKING

from rich.markup import escape

from gpg_cli.console import results, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpg_cli.evaluation.metrics import GroupScore
    from gpg_cli.evaluation.published import Against
    from gpg_cli.evaluation.results import BenchResult, EvalResult

# Of gold masks, as results.json names them.
_DEFINITIONS = {"first_polygon": "as published", "official": "as LISA defines it"}


def shown_groups(bench: "BenchResult") -> "Iterator[tuple[str, GroupScore]]":
    """The groups of which numbers were published, in the order of the tables: `Count` and its score."""
    for key, published in bench.record.bench.published_groups.items():
        scores = bench.metrics.groups.get(key, {})
        yield from ((value, scores[value]) for value in published if value in scores)


def print_masks(result: "EvalResult") -> None:
    """gIoU and cIoU by both definitions, where there are masks."""
    masked = {name: bench.masks for name, bench in result.benches.items() if bench.masks is not None}
    if not masked:
        return
    scores = table(
        "masks", title=escape(f"Masks by {', '.join(dict.fromkeys(each['segmenter'] for each in masked.values()))}")
    )
    for column in ("definition", "gIoU", "cIoU", "pictures"):
        scores.add_column(column, justify="left" if column == "definition" else "right", no_wrap=True)
    for name, masks in masked.items():
        for definition, meaning in _DEFINITIONS.items():
            found = masks[definition]
            shares = ["–" if found[key] is None else f"{found[key]:.1f}" for key in ("giou", "ciou")]
            scores.add_row(escape(name), f"{definition} ({meaning})", *shares, str(found["pictures"]))
    results.print()
    results.print(scores)


def print_published(result: "EvalResult") -> None:
    """Published scores beside the measured ones, where there are any."""
    from gpg_cli.evaluation.beside import beside_published

    found = beside_published(result)
    if not found.rows:
        return
    beside = table("published", title="Beside published scores")
    for column in ("yours", *found.rows):
        beside.add_column(column, justify="right", overflow="fold")
    for line in found.lines:
        cells = [_against(line.against.get(row), compared=line.whole) for row in found.rows]
        beside.add_row(escape(line.name), f"{line.score:.1f}", *cells)
    results.print()
    results.print(beside)
    if any("(" in str(cell) for column in beside.columns[2:] for cell in column.cells):
        results.print("in brackets, the difference to it; ~ where that can be chance (95%)")


def _against(against: "Against | None", *, compared: bool) -> str:
    if against is None:
        return "–"
    # As many decimals as were published; of a mean, one.
    two = round(against.score, 1) != against.score == round(against.score, 2)
    published = f"{against.score:.2f}" if two else f"{against.score:.1f}"
    if not compared:
        return published
    return f"{published} ({'~' if against.is_noise else ''}{against.difference:+.1f})"
