import contextlib
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from gpg_cli.grading.time_limit import TimeLimitReached, time_limit


@pytest.fixture(autouse=True)
def alarm_as_before() -> Iterator[None]:
    handler = signal.getsignal(signal.SIGALRM)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, handler)


def work_for(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        # As sympy does at every turn.
        with contextlib.suppress(Exception):
            time.sleep(0.01)


def test_work_that_takes_too_long_is_stopped_even_where_it_swallows_exceptions() -> None:
    started = time.monotonic()
    with pytest.raises(TimeLimitReached), time_limit(0.1):
        work_for(5)
    assert time.monotonic() - started < 2


def test_an_alarm_that_is_lost_is_followed_by_another() -> None:
    def work_on() -> None:
        with contextlib.suppress(BaseException):
            work_for(5)
        work_for(5)

    started = time.monotonic()
    with pytest.raises(TimeLimitReached), time_limit(0.1):
        work_on()
    assert time.monotonic() - started < 4


def test_work_in_time_leaves_no_alarm_behind() -> None:
    handler = signal.getsignal(signal.SIGALRM)
    with time_limit(0.1):
        pass
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert signal.getsignal(signal.SIGALRM) is handler


def test_an_alarm_that_was_set_before_still_comes() -> None:
    rang: list[int] = []
    signal.signal(signal.SIGALRM, lambda signum, frame: rang.append(signum))
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    with time_limit(10):
        work_for(0.2)
    work_for(0.1)
    assert rang == [signal.SIGALRM]


def test_in_another_thread_there_is_no_limit() -> None:
    finished = threading.Event()

    def work() -> None:
        with time_limit(0.05):
            work_for(0.2)
        finished.set()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert finished.is_set()
