"""`gpg data verl` and `gpg train --print-verl` on the command line: parse, delegate, print."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gpg_cli.cli_options import (
    ConfigOption,
    DatasetOption,
    DebugOption,
    ImageFolderOption,
    JsonOption,
    ModelOption,
    PresetOption,
    RewardFileOption,
    SetOption,
)
from gpg_cli.command_errors import explains_errors
from gpg_cli.trust import grants_trust

if TYPE_CHECKING:
    from gpg_cli.training.plan import TrainRequest


@explains_errors
@grants_trust
def verl(
    to: Annotated[Path, typer.Option(metavar="FILE.parquet", help="The file to write.")],
    preset: PresetOption = None,
    config: ConfigOption = None,
    model: ModelOption = None,
    dataset: DatasetOption = None,
    assignments: SetOption = None,
    reward_file: RewardFileOption = None,
    image_dir: ImageFolderOption = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """The rows that a preset or recipe trains on, with its prompts, as verl reads them."""
    from gpg_cli.console import print_json, results
    from gpg_cli.training.plan import TrainRequest
    from gpg_cli.verl.data import write_verl_file

    named = (("model_name_or_path", "--model", model), ("dataset_name", "--dataset", dataset))
    request = TrainRequest(
        preset=preset,
        config=config,
        assignments=list(assignments or []),
        options={key: (option, value) for key, option, value in named if value is not None},
        num_processes=1,
        reward_files=tuple(reward_file or ()),
        image_dir=image_dir,
    )
    written = write_verl_file(request, to, overwrite=overwrite)
    if json:
        print_json(written.to_dict())
    else:
        results.print(f"Wrote {written.file}: {written.rows} rows.", markup=False, soft_wrap=True)


def print_verl(request: "TrainRequest") -> None:
    """Print the command line of verl for what `gpg train` was asked."""
    import re

    from gpg_cli.secrets import hidden
    from gpg_cli.training.settings import resolve_settings
    from gpg_cli.verl.command import verl_command

    settings = resolve_settings(
        preset=request.preset, config=request.config, assignments=request.assignments, options=request.options
    )
    published = re.match(r"(\d+) x ", settings.run.gpus or "")
    gpus = (request.num_processes or 0) * request.num_machines or (int(published[1]) if published else 1)
    machines = request.num_machines if request.num_processes else max(1, gpus // 8)
    print(hidden(verl_command(settings, _origin(request), gpus, machines).text()), flush=True)


def _origin(request: "TrainRequest") -> Sequence[str]:
    """The options of `gpg data verl` that give the same settings."""
    given: list[str] = []
    for option, value in (("--preset", request.preset), ("--config", request.config)):
        given += [] if value is None else [option, str(value)]
    for key, (option, value) in request.options.items():
        given += [option, str(value)] if option in ("--model", "--dataset") else ["--set", f"{key}={value}"]
    for assignment in request.assignments:
        given += ["--set", assignment.removeprefix("--")]
    for file in request.reward_files:
        given += ["--reward-file", str(file)]
    return given
