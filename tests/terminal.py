"""A terminal: a pseudo-terminal with a program on it, and what an emulator shows after each piece of its output."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pyte

# Of pytest's own environment, what would change how the program shows itself.
_UNSET = ("CI", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE", "TTY_INTERACTIVE")


class Terminal:
    """Runs a command of Python on a pseudo-terminal and keeps every state of its screen.

    Attributes:
        output: every byte.
        screens: the lines of the screen, right-stripped, after each piece of output that may be painted.
        code: the program's exit code.
    """

    def __init__(self, columns: int = 80, lines: int = 24, **environment: str) -> None:
        self.screen = pyte.HistoryScreen(columns, lines, history=1000)
        self._stream = pyte.ByteStream(self.screen)
        kept = {name: value for name, value in os.environ.items() if name not in _UNSET}
        checkout = str(Path(__file__).parents[1])
        self._environment = kept | {"TERM": "xterm-256color", "PYTHONPATH": checkout} | environment
        self.output = b""
        self.screens: list[list[str]] = []
        self.code: int | None = None

    def run(
        self,
        arguments: Sequence[str],
        on_output: Callable[["Terminal", bytes], None] | None = None,
        timeout_s: float = 300,
    ) -> "Terminal":
        """Run `python ARGUMENTS` to its end.

        Args:
            on_output: called after each piece of output; it may resize the terminal or signal the process.
        """
        ours, its = pty.openpty()
        self._terminal = ours
        self.resize(self.screen.columns, self.screen.lines)
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            **dict.fromkeys(("stdin", "stdout", "stderr"), its),
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            env=self._environment,
        )
        os.close(its)
        until = time.monotonic() + timeout_s
        try:
            while chunk := self._read(until):
                self.output += chunk
                self._stream.feed(chunk)
                if not self._waits:
                    self.screens.append(self.shown)
                if on_output:
                    on_output(self, chunk)
            self.code = self.process.wait(30)
        finally:
            self.process.kill()
            os.close(ours)
        return self

    def resize(self, columns: int, lines: int = 24) -> None:
        """As a person does who drags the window's corner."""
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        if (lines, columns) != (self.screen.lines, self.screen.columns):
            self.screen.resize(lines, columns)
            os.killpg(self.process.pid, signal.SIGWINCH)

    @property
    def _waits(self) -> bool:
        """Whether the program has asked not to paint yet (mode 2026, which the emulator does not know)."""
        return self.output.rfind(b"\x1b[?2026h") > self.output.rfind(b"\x1b[?2026l")

    @property
    def shown(self) -> list[str]:
        """The lines that are on the screen, without empty ones at its end."""
        lines = [line.rstrip() for line in self.screen.display]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    @property
    def everything(self) -> list[str]:
        """What has scrolled away, and the screen."""
        width = self.screen.columns
        above = ["".join(line[column].data for column in range(width)).rstrip() for line in self.screen.history.top]
        return above + self.shown

    def _read(self, until: float) -> bytes:
        while time.monotonic() < until:
            if select.select([self._terminal], [], [], 1.0)[0]:
                try:
                    return os.read(self._terminal, 65536)
                except OSError:  # EIO: the program has ended
                    return b""
        raise TimeoutError(f"still running: {self.shown}")
