"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

JsonOption = Annotated[bool, typer.Option("--json", help="Print exactly one JSON object on stdout.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
RewardFileOption = Annotated[
    list[Path] | None, typer.Option("--reward-file", metavar="FILE.py", help="May be run for a reward; repeatable.")
]
ImageFolderOption = Annotated[
    Path | None, typer.Option("--image-dir", metavar="DIR", help="Where pictures may lie besides the data's folder.")
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace what an earlier run left in the folder.")]
OutputDirOption = Annotated[Path | None, typer.Option("--output-dir", help="Folder to write; a new one under runs/.")]
