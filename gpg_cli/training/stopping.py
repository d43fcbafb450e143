"""A run is asked to stop by SIGTERM (a scheduler), SIGINT (Ctrl-C) or SIGHUP (its terminal is closed): it ends its step
and saves first.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

# None of Windows' is missed.
_HANG_UP = getattr(signal, "SIGHUP", None)
_SIGNALS = (signal.SIGTERM, signal.SIGINT, *([_HANG_UP] if _HANG_UP is not None else []))
_OUTPUTS = (1, 2)


class StopRequests:
    """While it is entered, the first of the signals only sets a flag; a second SIGINT stops at once.

        with StopRequests(announce) as stop:
            while not stop.requested: ...

    More of SIGTERM change nothing: schedulers send it repeatedly. A SIGHUP that is ignored (nohup) stays so; else what
    is written to the terminal that is gone goes nowhere from then on, instead of failing. Outside the main thread,
    which alone takes signals, nothing is installed and nothing is ever requested.

    Attributes:
        requested: whether a signal came.
    """

    def __init__(self, announce: Callable[[str], None]) -> None:
        """
        Args:
            announce: told the name of the first signal (`SIGTERM`), once. It runs wherever the run happens to be; if
                it raises, because the run was printing just then for example, the exception is dropped.
        """
        self.requested = False
        self._announce = announce
        self._interrupts = 0
        self._process = os.getpid()
        self._handlers_before: dict[signal.Signals, Any] = {}
        self._terminals: list[int] = []

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._process = os.getpid()
            # Of one that is closed nobody can tell any more that it was a terminal.
            self._terminals = [descriptor for descriptor in _OUTPUTS if os.isatty(descriptor)]
            for number in _SIGNALS:
                if number == _HANG_UP and signal.getsignal(number) is signal.SIG_IGN:
                    continue
                # None stands for a handler that was not installed from Python, and cannot be put back.
                self._handlers_before[number] = signal.getsignal(number) or signal.SIG_DFL
                signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._handlers_before.items():
            signal.signal(number, handler)
        self._handlers_before = {}

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._process:
            self._act_as_before(number)
            return
        if number == _HANG_UP:
            self._leave_terminals()
        self._interrupts += number == signal.SIGINT
        if self._interrupts > 1:
            raise KeyboardInterrupt
        if not self.requested:
            self.requested = True
            with contextlib.suppress(Exception):
                self._announce(signal.Signals(number).name)

    def _leave_terminals(self) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for descriptor in self._terminals:
            os.dup2(nowhere, descriptor)
        os.close(nowhere)

    def _act_as_before(self, number: int) -> None:
        """In a forked worker, of a data loader or a pool, which is ended by SIGTERM and would be waited for."""
        signal.signal(number, self._handlers_before.get(signal.Signals(number), signal.SIG_DFL))
        os.kill(os.getpid(), number)
