"""Whether a `gpg` line that a test cannot execute would be understood: its command, options and settings exist."""

from pathlib import Path
from typing import Any

import typer


def check_line(words: list[str]) -> None:
    """Parse a line (without `gpg`) as the command line does, and resolve the settings that it gives.

    Raises:
        Exception: of the parser's or a GpgError, about what does not exist.
    """
    from gpg_cli.cli import app
    from gpg_cli.command_line import with_dashes, with_resume_value

    given = with_resume_value(with_dashes(words))
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands"):
        if given and given[0].startswith("-"):  # gpg --version
            command.make_context("gpg", given)
            return
        command, given = command.commands[given[0]], given[1:]
    context = command.make_context(command.name, list(given))
    if command.name in ("train", "check"):
        _check_settings(context.params, context.args)


def _check_settings(options: dict[str, Any], others: list[str]) -> None:
    from gpg_cli.command_line import vllm_settings
    from gpg_cli.training.settings import resolve_settings

    config = Path(options["config"]) if options.get("config") else None
    if options.get("resume") is not None or (config is not None and not config.is_file()):
        return
    in_trls_style = [f"{key.removeprefix('--')}={value}" for key, value in zip(others[::2], others[1::2], strict=True)]
    resolve_settings(
        preset=options.get("preset"),
        config=config,
        assignments=[*vllm_settings(options.get("vllm")), *(options.get("assignments") or []), *in_trls_style],
    )
