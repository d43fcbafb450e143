"""`gpg data`: data sets as their authors publish them, made into rows that train and eval read."""

from pathlib import Path
from typing import Annotated

import typer

from gpg_cli import cli_verl
from gpg_cli.command_errors import explains_errors

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", help="Make rows of a data set's own files.")


@app.callback()
def data() -> None:
    """Make rows of a data set's own files, for --dataset of train and --data of eval."""


@app.command(epilog="Example: gpg data lisa ReasonSeg --split train --to lisa-train.jsonl")
@explains_errors
def lisa(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="ReasonSeg, or one split: X.jpg + X.json.")],
    to: Annotated[Path, typer.Option(metavar="FILE.jsonl", help="The file to write.")],
    split: Annotated[str | None, typer.Option(help="train, val or test: a subfolder of DIR.")] = None,
    evaluation: Annotated[
        bool, typer.Option("--eval", help="Rows for evaluation, one a picture, rather than for training.")
    ] = False,
    skip_faulty: Annotated[bool, typer.Option("--skip-faulty", help="Leave out what is broken.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print exactly one JSON object on stdout.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """ReasonSeg of LISA: boxes and instructions from its pictures' annotations."""
    from gpg_cli.console import print_json, results
    from gpg_cli.vision.lisa_files import write_lisa_file

    report = write_lisa_file(
        folder, to, split=split, evaluation=evaluation, skip_faulty=skip_faulty, overwrite=overwrite
    )
    if json:
        print_json(report.to_dict())
    else:
        results.print("\n".join(report.lines), markup=False, soft_wrap=True)


app.command(epilog="Example: gpg data verl --preset open-rs1 --to train.parquet")(cli_verl.verl)
