"""A time limit on one piece of work, by SIGALRM: in the main thread only, the one place where Python takes signals."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# After the first alarm another comes each second: an exception raised inside a destructor or a bare `except:` is lost.
_ALARM_AGAIN_S = 1.0


class TimeLimitReached(BaseException):
    """The work took too long. No `Exception`: math-verify and sympy swallow those on their way up."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `TimeLimitReached` in the body after `seconds`.

    In any thread but the main one, and where there is no SIGALRM (Windows), there is no limit. One long call into C,
    such as a power of huge integers, is only stopped when it returns. An alarm that was set before comes late, by the
    time spent here, rather than never.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGALRM"):
        yield
        return
    started, finished = time.monotonic(), False

    def on_alarm(signum: int, frame: FrameType | None) -> None:
        if not finished:
            raise TimeLimitReached

    handler_before = signal.signal(signal.SIGALRM, on_alarm)
    delay_before, interval_before = signal.setitimer(signal.ITIMER_REAL, seconds, _ALARM_AGAIN_S)
    try:
        try:
            yield
        finally:
            finished = True
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler_before)
        if delay_before:
            delay_left = max(delay_before - (time.monotonic() - started), 0.001)
            signal.setitimer(signal.ITIMER_REAL, delay_left, interval_before)
