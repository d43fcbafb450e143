"""The console script `gpg`: is a call meant for us, or for GnuPG?

In an active virtual environment our `gpg` comes first on PATH, so `git commit -S`, `pass`, apt and others reach us.
What is not ours becomes GnuPG's call before anything heavy is imported: the process is replaced (exec), so stdin,
stdout, stderr, inherited file descriptors (--status-fd, --passphrase-fd) and the exit code are GnuPG's own.

What this does not cover: a bare `gpg` (GnuPG would decrypt stdin) and `gpg --version` are ours, and `gpg-cli` is never
handed over.
"""

import sys
from typing import NoReturn

from gpg_cli import gnupg
from gpg_cli.commands import COMMANDS


def main() -> None:
    """The console script `gpg`: ours, or GnuPG's call handed over unchanged."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        print("\n".join(gnupg.version_lines()))
    elif is_ours(arguments):
        from gpg_cli.cli import main as run_command_line

        run_command_line()
    else:
        program = gnupg.find_gnupg()
        if program is None:
            _refuse(arguments[0])
        gnupg.hand_over(program, arguments)


def is_ours(arguments: list[str]) -> bool:
    """Whether a call is meant for us: a subcommand first, `--help` or `--version` alone, or nothing at all."""
    return not arguments or arguments[0] in COMMANDS or arguments in (["--help"], ["--version"])


def _refuse(argument: str) -> NoReturn:
    from gpg_cli.yaml_file import did_you_mean

    gnupg.fail(
        f"{argument!r} is no command of gpg-cli, and no GnuPG is on PATH",
        f"{did_you_mean(argument, COMMANDS)}See `gpg --help` for the commands; install GnuPG if you meant that.",
    )
