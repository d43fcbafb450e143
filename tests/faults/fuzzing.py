"""`fuzz`: one check for very many inputs, none of which may fail, hang or take the memory."""

import faulthandler
import resource
import time
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy

# Of processor time, which other processes take nothing of; a case may wait for several times as long.
CASE_LIMIT_S = 5
_WAITING = 4
MEMORY_LIMIT_GB = 1.0
# A case that cannot be interrupted ends the process, with the stack of each of its threads.
_HANG_S = 120


def fuzz(check: Callable[[Any], Any], inputs: SearchStrategy[Any], examples: int, *, repeatable: bool = True) -> None:
    """Call `check` with `examples` inputs; Hypothesis reduces one that fails to the smallest that still does.

    Args:
        check: fails by raising; it must say itself which errors are expected.
        repeatable: the same inputs each time; else other ones with each run.
    """

    def timed(value: Any) -> None:
        faulthandler.dump_traceback_later(_HANG_S, exit=True)
        started = time.monotonic(), time.process_time()
        try:
            check(value)
        finally:
            faulthandler.cancel_dump_traceback_later()
        waited_s, worked_s = time.monotonic() - started[0], time.process_time() - started[1]
        # Where the machine has others to serve, waiting says nothing; a case that only waits is slow all the same.
        assert worked_s < CASE_LIMIT_S, f"took {worked_s:.1f} s of processor time"
        assert waited_s < _WAITING * CASE_LIMIT_S, f"took {waited_s:.1f} s"

    before = _peak_gb()
    settings(
        max_examples=examples,
        deadline=None,
        derandomize=repeatable,
        database=None,
        suppress_health_check=list(HealthCheck),
        print_blob=not repeatable,
    )(given(inputs)(timed))()
    grown = _peak_gb() - before
    assert grown < MEMORY_LIMIT_GB, f"memory grew by {grown:.1f} GB"


def _peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
