"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

JsonOption = Annotated[bool, typer.Option("--json", help="Print exactly one JSON object on stdout.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace what an earlier run left in the folder.")]
OutputDirOption = Annotated[Path | None, typer.Option("--output-dir", help="Folder to write; a new one under runs/.")]
