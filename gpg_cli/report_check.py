"""What `gpg check` prints."""

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
            results.print(f"  {mark} {finding.text}{rows}", style=style, markup=False, soft_wrap=True)
            if finding.change:
                results.print(f"    change: {finding.change}", markup=False, soft_wrap=True)
        for line in section.lines:
            results.print(f"    {line}", markup=False, soft_wrap=True)
    facts = report.to_dict()
    results.print(f"\n{facts['problems']} problems, {facts['warnings']} warnings.", style="bold")
