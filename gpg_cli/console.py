"""Where the program speaks: messages and progress on stderr, results on stdout."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rich.console import Console

if TYPE_CHECKING:
    from rich.table import Table

messages = Console(stderr=True, highlight=False)
results = Console(highlight=False)


def say(text: str) -> None:
    """Print one message for the person watching; `text` may hold rich markup."""
    messages.print(text, soft_wrap=True)


@contextlib.contextmanager
def stdout_on_stderr() -> Iterator[None]:
    """Keep stdout for results: what anybody prints meanwhile, child processes included, goes to stderr."""
    before = sys.stdout
    try:
        kept = os.dup(1)
    except OSError:  # closed, so there is nothing to keep
        kept = None
    try:
        if kept is not None:
            with contextlib.suppress(ValueError):
                before.flush()
            with contextlib.suppress(OSError):
                os.dup2(2, 1)
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        if kept is not None:
            with contextlib.suppress(ValueError):
                before.flush()  # a logger may hold the stream itself
            os.dup2(kept, 1)
            os.close(kept)


def print_json(value: dict[str, Any]) -> None:
    """Print one JSON object on stdout, the whole of what a command with `--json` puts there."""
    import json

    print(json.dumps(value, ensure_ascii=False, indent=2), flush=True)


def table(*columns: str, title: str | None = None) -> "Table":
    """An empty table in the style of the house."""
    from rich.table import Table

    made = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    return made
