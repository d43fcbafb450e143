"""Where the program speaks: messages and progress on stderr, results on stdout."""

from typing import TYPE_CHECKING, Any

from rich.console import Console

if TYPE_CHECKING:
    from rich.table import Table

messages = Console(stderr=True, highlight=False)
results = Console(highlight=False)


def say(text: str) -> None:
    """Print one message for the person watching; `text` may hold rich markup."""
    messages.print(text, soft_wrap=True)


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
