"""How a command ends when something is wrong, or it is stopped: two lines on stderr, exit code 2 or 128 + signal."""

import functools
import gc
import signal
from collections.abc import Callable
from typing import Any, NoReturn

import typer

from gpg_cli.errors import GpgError
from gpg_cli.termination import Terminated

_AGAIN = "Run the same command again."

# Of a file's name, so many characters.
_SHOWN = 200


def explains_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Turn a GpgError of a command into its two lines and exit code 2; with `debug`, show the traceback first."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        if "debug" in kwargs:  # the commands that work for minutes
            gc.enable()
        try:
            command(*args, **kwargs)
        except GpgError as error:
            _end(error, error, kwargs)
        except Terminated as end:
            print_error(f"ended by {end.signal.name}", _AGAIN)
            raise typer.Exit(128 + end.signal) from end
        except KeyboardInterrupt as end:  # Typer 0.29 itself would end without a word
            print_error("interrupted", _AGAIN)
            raise typer.Exit(128 + signal.SIGINT) from end
        except OSError as error:
            # Whatever else the system says of a file: that its name is too long, that it may not be read.
            if error.filename is None:
                raise
            name = str(error.filename)
            shown = name if len(name) <= _SHOWN else name[: _SHOWN - 1] + "…"
            told = GpgError(f"{shown}: {error.strerror}", "Check the path, and who may read and write it.")
            _end(told, error, kwargs)

    return wrapped


def _end(told: GpgError, error: Exception, options: dict[str, Any]) -> NoReturn:
    if options.get("debug"):
        from gpg_cli.console import messages

        messages.print_exception()
    print_error(told.message, told.hint)
    raise typer.Exit(told.exit_code) from error


def print_error(message: str, hint: str) -> None:
    """Two lines on stderr: what is wrong, and what to do."""
    from rich.markup import escape

    from gpg_cli.console import messages

    one_line = " ".join(message.split())
    messages.print(f"[bold red]Error:[/] {escape(one_line)}", soft_wrap=True)
    messages.print(escape(" ".join(hint.split())), soft_wrap=True)
