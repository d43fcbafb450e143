"""One line at the bottom of a terminal that tells how far a work is, at any width; in a log, a line now and then."""

import contextlib
import logging
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderResult
from rich.control import Control
from rich.live import Live
from rich.markup import escape
from rich.segment import ControlType, Segment
from rich.text import Text

from gpg_cli import console
from gpg_cli.console import say

_FRAMES_A_SECOND = 10
_TURNING = {False: "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", True: "|/-\\"}
_BAR = {False: "━─", True: "#-"}
_BAR_LEAST, _BAR_MOST = 5, 30
_BETWEEN = "  "
# Facts that come before everything else but the count.
_MOST_IMPORTANT = 4
# How fast it goes is judged by so many moments, at least so far apart: a first step is slow, and answers grow longer.
_REMEMBERED = 30
_APART_S = 1.0


def is_watched() -> bool:
    """Whether messages go to a terminal where a line may be drawn again and again.

    Not to a file or a pipe, also where FORCE_COLOR is set; not where TERM is `dumb`; not in CI, where some services
    give a terminal that nobody watches, and keep all that is written to it.
    """
    messages = console.messages
    if os.environ.get("CI", "").lower() not in ("", "0", "false"):
        return False
    return messages.is_terminal and messages.file.isatty() and not messages.is_dumb_terminal


@dataclass(frozen=True)
class Fact:
    """A part of the line, such as `reward 0.947`; `style` is rich's."""

    text: str
    style: str = ""


class LiveLine:
    """How far a work with a known number of steps is: a context manager, left when the work ends, however it ends.

    Args:
        what: the work's name, such as `training`.
        unit: what a line of a log begins with, before `3/80`; `what` where it is empty.
        log_parts: in a log, a line for each such part of the work,
        log_every_s: and one where so many seconds have gone by since the last.
    """

    def __init__(self, what: str, *, unit: str = "", log_parts: int = 0, log_every_s: float = float("inf")) -> None:
        self._what = what
        self._unit = unit or what
        self._log_parts = log_parts
        self._log_every_s = log_every_s
        self._watched = is_watched()
        self._live: Live | None = None
        self._done = self._total = 0
        self._facts: Sequence[Fact] = ()
        self._widths: dict[int, int] = {}
        self._last_part = 0
        self._restore = contextlib.ExitStack()

    def __enter__(self) -> "LiveLine":
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def start(self, done: int, total: int) -> None:
        """Begin with what is done already."""
        self._done, self._total = done, total
        self._started = self._logged = self._shown = time.monotonic()
        self._history = deque([(self._started, done)], maxlen=_REMEMBERED)
        self._last_part = self._part()
        if self._watched:
            self._restore.enter_context(_handlers_follow())
            self._live = _Overwriting(
                console=console.messages, get_renderable=lambda: self, refresh_per_second=_FRAMES_A_SECOND
            )
            self._live.start(refresh=True)

    def show(self, done: int, facts: Sequence[Fact] = ()) -> None:
        """Show progress.

        Args:
            done: steps by now.
            facts: the most important first; what does not fit into the terminal's width is left out from the end.
        """
        now = time.monotonic()
        if now - self._history[-1][0] >= _APART_S:
            self._history.append((now, done))
        self._done, self._facts, self._shown = done, facts, now
        if self._watched:
            return
        if self._part() > self._last_part or now - self._logged >= self._log_every_s or self._is_last_line():
            self._logged, self._last_part = now, self._part()
            left = self._left()
            parts = [f"{self._unit} {done}/{self._total}", *(fact.text for fact in facts), *([left] if left else [])]
            say(escape(_BETWEEN.join(parts)))

    def stop(self) -> None:
        """Leave the last state on the terminal, and the terminal as it was."""
        if self._live is not None:
            live, self._live = self._live, None
            live.stop()
            self._restore.close()

    def _is_last_line(self) -> bool:
        return self._log_parts > 0 and self._done == self._total

    def _part(self) -> int:
        return self._done * self._log_parts // max(1, self._total)

    def _left(self) -> str:
        """`1:05 left`, counting down between two steps; empty before the first step, and after the last."""
        earlier, before = self._history[0]
        if self._done <= before or self._done >= self._total:
            return ""
        expected = (self._shown - earlier) / (self._done - before) * (self._total - self._done)
        return f"{_clock(max(0.0, expected - (time.monotonic() - self._shown)))} left"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        # A letter in a terminal's last column makes some of them begin another line.
        yield self._line(options.max_width - 1, options.ascii_only)

    def _line(self, width: int, ascii_only: bool) -> Text:
        now = time.monotonic()
        frames = _TURNING[ascii_only]
        running = self._live is not None
        total = str(self._total)
        if running:
            mark, style = frames[int(now * _FRAMES_A_SECOND) % len(frames)], "cyan"
        elif self._done >= self._total:
            mark, style = "*" if ascii_only else "✓", "green"
        else:
            mark, style = "-" if ascii_only else "–", "yellow"
        count = f"{self._done:>{len(total)}}/{total}"
        left = self._left() if running else ""
        clock = self._steady(-1, left) if left else f"{_clock(now - self._started)}{' so far' if running else ''}"
        return _fitted(
            width,
            (Fact(mark, style), Fact(count, "bold")),
            [Fact(self._steady(number, fact.text), fact.style) for number, fact in enumerate(self._facts)],
            Fact(clock, "dim"),
            Fact(self._what),
            lambda cells: _bar(cells, self._done / max(1, self._total), _BAR[ascii_only]),
        )

    def _steady(self, place: int, text: str) -> str:
        """As wide as anything that stood there, so that what is beside it stays where it is."""
        self._widths[place] = max(len(text), self._widths.get(place, 0))
        return text.ljust(self._widths[place])


def _fitted(
    width: int, head: Sequence[Fact], facts: Sequence[Fact], clock: Fact, what: Fact, bar: Callable[[int], Text]
) -> Text:
    """As much as fits into so many columns, padded to exactly as many: mark, name, bar, count, facts, clock.

    The most important facts and the clock come before the bar, the bar before the name, that before more facts.
    """
    mark, count = head
    least = Fact(" " * _BAR_LEAST)
    room = width - cell_len(mark.text) - 1 - cell_len(count.text)
    kept: list[Fact] = []
    if not facts:  # then the name is all that says what is counted
        what = Fact(what.text[: max(0, room - len(_BETWEEN))])
        order = [what, clock, least]
    else:
        order = [*facts[:_MOST_IMPORTANT], clock, least, what, *facts[_MOST_IMPORTANT:]]
    for part in order:
        needed = cell_len(part.text) + len(_BETWEEN)
        if needed > room:
            break
        kept.append(part)
        room -= needed
    line = Text(no_wrap=True, overflow="crop", end="")
    line.append(mark.text, mark.style).append(" ")
    if what in kept:
        line.append(what.text).append(_BETWEEN)
    if least in kept:
        line.append_text(bar(min(_BAR_MOST, _BAR_LEAST + room))).append(_BETWEEN)
    line.append(count.text, count.style)
    for fact in (*facts, clock):
        if fact in kept:
            line.append(_BETWEEN).append(fact.text, fact.style)
    line.truncate(width, overflow="crop", pad=True)
    return line


def _bar(cells: int, share: float, letters: str) -> Text:
    full = int(cells * min(1.0, share))
    return Text().append(letters[0] * full, "green").append(letters[1] * (cells - full), "dim")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class _Overwriting(Live):
    """Rich's, which erases the line before it is written again; here the new one is written over the old one.

    A terminal that paints in between would show an empty line: it flickers. `process_renderables` is the method of
    rich's public RenderHook; that the first of its result is what erases was read in rich 15.0.
    """

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        processed = super().process_renderables(renderables)
        if self._live_render.last_render_height == 1 and all(isinstance(each, Control) for each in renderables):
            return [Control(ControlType.CARRIAGE_RETURN), *processed[1:]]
        return [_Paint(False), *processed, _Paint(True)]


class _Paint:
    """Asks a terminal to wait with painting, and to paint: mode 2026, which those that do not know it ignore."""

    def __init__(self, now: bool) -> None:
        self._order = f"\x1b[?2026{'l' if now else 'h'}"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        # Rich has no name for it; a segment with any code of control is written as it is.
        yield Segment(self._order, None, [(ControlType.CARRIAGE_RETURN,)])


@contextlib.contextmanager
def _handlers_follow() -> Iterator[None]:
    """Have loggers write through `sys.stderr` of the moment, which `Live` replaces by one that makes room.

    A handler keeps the stream that it was made with: what it writes would land inside the line.
    """
    streams = (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)
    loggers = [logging.root, *(each for each in logging.root.manager.loggerDict.values())]
    moved = []
    for logger in loggers:
        for handler in getattr(logger, "handlers", ()):
            if isinstance(handler, logging.StreamHandler) and any(handler.stream is stream for stream in streams):
                with contextlib.suppress(AttributeError):  # logging's last resort always writes to sys.stderr
                    moved.append((handler, handler.setStream(_StderrOfTheMoment())))
    try:
        yield
    finally:
        for handler, stream in moved:
            handler.setStream(stream)


class _StderrOfTheMoment:
    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()
