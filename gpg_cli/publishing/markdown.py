"""Text from elsewhere inside Markdown: whatever it holds, it stays the text it is."""

import re
from collections.abc import Iterable

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&])")


def plain(text: object) -> str:
    """On one line, without control characters."""
    return " ".join("".join(char if char.isprintable() else " " for char in str(text)).split())


def inline(text: object) -> str:
    """As running text: nothing in it is markup."""
    return _SPECIAL.sub(r"\\\1", plain(text))


def code(text: object) -> str:
    """As a code span, in or outside a table; its fence is longer than any run of backticks in it."""
    content = plain(text)
    fence = "`" * (_longest_run(content) + 1)
    space = " " if content.startswith("`") or content.endswith("`") else ""
    # A table is cut at its pipes before code spans are found; outside of tables the escape would show, but a pipe is
    # rare enough there.
    return f"{fence}{space}{content}{space}{fence}".replace("|", "\\|")


def code_block(text: str, language: str) -> str:
    """As a fenced block, lines kept."""
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of cells that are Markdown already."""
    head = list(header)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
