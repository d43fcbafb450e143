"""Where the program speaks: messages and progress on stderr, results on stdout."""

import contextlib
import os
import re
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.errors import MarkupError
from rich.segment import Segment
from rich.text import Text

from gpg_cli.secrets import hidden

if TYPE_CHECKING:
    from rich.table import Table

# What a terminal obeys instead of showing it: control characters of ASCII and Latin-1 but for tab and newline, and
# marks that turn the direction of writing, by which a text can look like another one.
_OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_UNSEEN_IN_JSON = re.compile(r"[\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    """A text in which nothing is an order to the terminal: each such character is shown as a sign of its own.

    Completions, data, names of files and the errors that quote them come from strangers: they could recolour, retitle
    or clear the terminal, write into its clipboard, or look like what they are not.
    """
    return _OBEYED.sub(_sign, text)


def _sign(found: re.Match[str]) -> str:
    code = ord(found[0])
    # Unicode has pictures of ASCII's: \x1b is shown as ␛.
    return chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else "\ufffd"


class _Console(Console):
    """Rich's, which writes colours of its own, no order of anyone else's, and no key or token."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(hidden(segment.text)), segment.style)

    def render_str(self, text: str, **options: Any) -> Text:
        """A text with markup; one whose brackets are no markup is shown as it is, where rich raises."""
        try:
            return super().render_str(text, **options)
        except MarkupError:
            return super().render_str(text, **{**options, "markup": False})


messages = _Console(stderr=True, highlight=False)
results = _Console(highlight=False)


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

    text = hidden(json.dumps(value, ensure_ascii=False, indent=2))
    # JSON escapes ASCII's control characters by itself.
    print(_UNSEEN_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text), flush=True)


def table(*columns: str, title: str | None = None) -> "Table":
    """An empty table in the style of the house."""
    from rich.table import Table

    made = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    return made
