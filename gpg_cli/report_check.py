"""What `gpg check` prints."""

from textwrap import wrap
from typing import TYPE_CHECKING

from gpg_cli.console import print_json, results

if TYPE_CHECKING:
    from gpg_cli.training.check.findings import Report

_MARKS = {"problem": ("✗", "bold red"), "warning": ("!", "yellow"), "ok": ("✓", "green")}


def show_report(report: "Report", *, as_json: bool) -> None:
    """Findings section by section on stdout, and at the end how many there are of each kind."""
    if as_json:
        print_json(report.to_dict())
        return
    for section in report.sections:
        results.print(f"\n{section.title}", style="bold", markup=False)
        for finding in section.findings:
            mark, style = _MARKS[finding.level]
            rows = f" (rows {', '.join(map(str, finding.rows))})" if finding.rows else ""
            _print(f"  {mark} ", f"{finding.text}{rows}", style)
            if finding.change:
                _print("    ", f"change: {finding.change}")
        for line in section.lines:
            _print("    ", line)
    facts = report.to_dict()
    results.print(f"\n{facts['problems']} problems, {facts['warnings']} warnings.", style="bold")


def _print(before: str, text: str, style: str = "") -> None:
    """On a terminal, lines that end between words, all under the first one's text."""
    if not results.is_terminal:
        results.print(before + text, style=style, markup=False, soft_wrap=True)
        return
    indent = len(before)
    for line in text.splitlines() or [""]:
        # Of a drawing, such as a histogram, the spaces are part.
        drawn = "  " in line.strip() and len(line) + indent <= results.width
        parts = [line] if drawn else wrap(line, max(20, results.width - indent - 1), break_long_words=False) or [line]
        for part in parts:
            results.print(before + part, style=style, markup=False, soft_wrap=True)
            before = " " * indent
