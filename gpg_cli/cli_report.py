"""`gpg report` on the command line: parse, delegate, print."""

from pathlib import Path
from typing import Annotated

import typer

from gpg_cli.cli_options import DebugOption, JsonOption
from gpg_cli.command_errors import explains_errors


@explains_errors
def report(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Run folders; several are laid over each other.")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="The page; report.html in the first run.")
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Show a run, or several beside each other, as a page: curves, settings, scores, completions."""
    from gpg_cli.console import print_json, results, say
    from gpg_cli.run_page import write_report

    written = write_report(runs, output)
    if json:
        print_json(
            {
                "page": str(written.page),
                "runs": [
                    {"name": name, "last_step": step} for name, step in zip(written.runs, written.steps, strict=True)
                ],
                "completions": written.completions,
            }
        )
    else:
        results.print(str(written.page), soft_wrap=True, markup=False)
    if open_page:
        import webbrowser

        if not webbrowser.open(written.page.resolve().as_uri()):
            say("[yellow]No browser could be started here[/]; open the file in one.")
