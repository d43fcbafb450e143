"""How a command ends when something is wrong, or it is stopped: two lines on stderr, exit code 2 or 128 + signal."""

import functools
import gc
import signal
from collections.abc import Callable
from typing import Any

import typer

from gpg_cli.errors import GpgError
from gpg_cli.termination import Terminated

_AGAIN = "Run the same command again."


def explains_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Turn a GpgError of a command into its two lines and exit code 2; with `debug`, show the traceback first."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        if "debug" in kwargs:  # the commands that work for minutes
            gc.enable()
        try:
            command(*args, **kwargs)
        except GpgError as error:
            if kwargs.get("debug"):
                from gpg_cli.console import messages

                messages.print_exception()
            print_error(error.message, error.hint)
            raise typer.Exit(error.exit_code) from error
        except Terminated as end:
            print_error(f"ended by {end.signal.name}", _AGAIN)
            raise typer.Exit(128 + end.signal) from end
        except KeyboardInterrupt as end:  # Typer 0.29 itself would end without a word
            print_error("interrupted", _AGAIN)
            raise typer.Exit(128 + signal.SIGINT) from end

    return wrapped


def print_error(message: str, hint: str) -> None:
    """Two lines on stderr: what is wrong, and what to do."""
    from rich.markup import escape

    from gpg_cli.console import messages

    one_line = " ".join(message.split())
    messages.print(f"[bold red]Error:[/] {escape(one_line)}", soft_wrap=True)
    messages.print(escape(" ".join(hint.split())), soft_wrap=True)
