"""A command that is asked to end by a scheduler, or whose terminal is closed, ends in order: nothing is left behind."""

import functools
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))


class Terminated(KeyboardInterrupt):
    """Raised wherever the program happens to be, like a KeyboardInterrupt, and so let through by what lets those.

    Attributes:
        signal: that asked for it.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.signal = signal.Signals(number)


def ends_in_order(command: Callable[..., None]) -> Callable[..., None]:
    """Have SIGTERM and SIGHUP end a command as Ctrl-C does, by an exception; stands below `explains_errors`."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        with _raising():
            command(*args, **kwargs)

    return wrapped


@contextmanager
def _raising() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    process = os.getpid()

    def end(number: int, frame: FrameType | None) -> None:
        if os.getpid() != process:  # a forked worker, of which the signal is the usual end
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        raise Terminated(number)

    # What is ignored (nohup), or was not installed from Python, stays.
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    ours = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    for number in ours:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)
