"""Where the program speaks: messages and progress on stderr, results on stdout."""

import contextlib
import errno
import os
import re
import sys
from collections.abc import Iterable, Iterator
from typing import IO, TYPE_CHECKING, Any, cast

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


class _Forgiving:
    """A stream that may lose its reader: what is written is lost then, and not the work that it tells of.

    Args:
        losses: what that looks like: EIO of a terminal that is closed, EPIPE of a pipe.
    """

    def __init__(self, stream: IO[str], losses: tuple[int, ...]) -> None:
        self._stream = stream
        self._losses = losses

    def write(self, text: str) -> int:
        with self._unread():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._unread():
            self._stream.flush()

    @contextlib.contextmanager
    def _unread(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno not in self._losses:
                raise

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Console(Console):
    """Rich's, which writes colours of its own, no order of anyone else's, and no key or token.

    Args:
        losses: see `_Forgiving`.
    """

    def __init__(self, losses: tuple[int, ...] = (), **options: Any) -> None:
        self._losses = losses
        super().__init__(**options)

    @property
    def file(self) -> IO[str]:
        return cast("IO[str]", _Forgiving(super().file, self._losses))

    @file.setter
    def file(self, stream: IO[str]) -> None:
        self._file = stream

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(hidden(segment.text)), segment.style)

    def render_str(self, text: str, **options: Any) -> Text:
        """A text with markup; one whose brackets are no markup is shown as it is, where rich raises."""
        try:
            return super().render_str(text, **options)
        except MarkupError:
            return super().render_str(text, **{**options, "markup": False})


messages = _Console((errno.EIO, errno.EPIPE), stderr=True, highlight=False)
# Whoever closes the pipe of results (`head`) wants no more of them: rich ends the program.
results = _Console((errno.EIO,), highlight=False)


def say(text: str) -> None:
    """Print one message for the person watching; `text` may hold rich markup.

    On a terminal lines end between words; one longer than a line, such as a path, stays whole, to be copied.
    """
    shown = messages.render_str(text)
    for line in _between_words(shown, messages.width) if _has_width() else [shown]:
        messages.print(line, soft_wrap=True)


def _has_width() -> bool:
    """Whether messages go to a terminal whose width is known: rich takes a file with FORCE_COLOR for one of 80 columns,
    and a terminal that is `dumb` too.
    """
    return messages.is_terminal and messages.file.isatty() and not messages.is_dumb_terminal


def _between_words(text: Text, width: int) -> Iterator[Text]:
    """Lines of at most so many columns; rich cuts or hides what is left of a word that is longer."""
    for line in text.split("\n", allow_blank=True):
        begin, cuts = 0, []
        for word in re.finditer(r"\S+", line.plain):
            if word.end() - begin > width and word.start() > begin:
                begin = word.start()
                cuts.append(begin)
        for part in line.divide(cuts):
            part.rstrip()
            yield part


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
