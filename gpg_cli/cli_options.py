"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

PresetOption = Annotated[str | None, typer.Option("--preset", help="A preset; `gpg presets` lists them.")]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="A recipe of your own: flat YAML, laid over the preset.")
]
ModelOption = Annotated[str | None, typer.Option("--model", help="Model folder or Hub id, instead of the preset's.")]
DatasetOption = Annotated[
    str | None, typer.Option("--dataset", help="File, folder or Hub id, instead of the preset's.")
]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change any setting; repeatable.")
]
VllmOption = Annotated[str | None, typer.Option("--vllm", help="Sample with vLLM: colocate, server or off.")]
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
