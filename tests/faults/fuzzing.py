"""`fuzz`: one check for very many inputs, none of which may fail, hang or take the memory."""

import faulthandler
import resource
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy

CASE_LIMIT_S = 5
MEMORY_LIMIT_GB = 1.0
# A case that cannot be interrupted ends the process, with the stack of each of its threads.
_HANG_S = 120


def fuzz(
    check: Callable[[Any], Any],
    inputs: SearchStrategy[Any],
    examples: int,
    *,
    repeatable: bool = True,
    processor_time: bool = False,
) -> None:
    """Call `check` with `examples` inputs; Hypothesis reduces one that fails to the smallest that still does.

    Args:
        check: fails by raising; it must say itself which errors are expected.
        repeatable: the same inputs each time; else other ones with each run.
        processor_time: limit that of a case instead of the time on the clock, for cases of a tenth of a second that a
            crowded machine makes fifty times as slow; one that waits for ever still ends the process.
    """

    def timed(value: Any) -> None:
        faulthandler.dump_traceback_later(_HANG_S, exit=True)
        started = time.process_time()
        try:
            check(value)
        finally:
            faulthandler.cancel_dump_traceback_later()
        if processor_time:
            assert time.process_time() - started < CASE_LIMIT_S

    before = _peak_gb()
    settings(
        max_examples=examples,
        deadline=None if processor_time else timedelta(seconds=CASE_LIMIT_S),
        derandomize=repeatable,
        database=None,
        suppress_health_check=list(HealthCheck),
        print_blob=not repeatable,
    )(given(inputs)(timed))()
    grown = _peak_gb() - before
    assert grown < MEMORY_LIMIT_GB, f"memory grew by {grown:.1f} GB"


def _peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
