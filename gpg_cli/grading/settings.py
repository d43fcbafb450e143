"""What the environment says about grading: how many worker processes, how many seconds an answer."""

import math
import os

from gpg_cli.errors import GpgError

WORKERS_VARIABLE = "GPG_GRADING_WORKERS"
TIME_LIMIT_VARIABLE = "GPG_GRADING_TIME_LIMIT"

_MOST_WORKERS = 4
# What math-verify 0.9.0 and lighteval grant.
_TIME_LIMIT_S = 5.0


def worker_count() -> int:
    """Worker processes for this process: what GPG_GRADING_WORKERS says, else its share of the cores, 4 at most.

    0 means that answers are graded in this process: for debugging, and where workers cannot be (not POSIX).

    Raises:
        GpgError: GPG_GRADING_WORKERS is no whole number of at least 0.
    """
    if os.name != "posix":
        return 0
    wish = os.environ.get(WORKERS_VARIABLE, "").strip()
    if wish:
        if not (wish.isascii() and wish.isdecimal()):
            raise GpgError(
                f"{WORKERS_VARIABLE}={wish} is no number of processes",
                f"Unset it, or set it to a whole number, for example {WORKERS_VARIABLE}=2.",
            )
        return int(wish)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # Set by torchrun and accelerate: the processes that share these cores.
    sharing = os.environ.get("LOCAL_WORLD_SIZE", "")
    return max(1, min(_MOST_WORKERS, cores // max(1, int(sharing) if sharing.isdecimal() else 1)))


def time_limit_s() -> float:
    """Seconds for one answer: what GPG_GRADING_TIME_LIMIT says, else 5.

    Raises:
        GpgError: GPG_GRADING_TIME_LIMIT is no positive number.
    """
    wish = os.environ.get(TIME_LIMIT_VARIABLE, "").strip()
    try:
        seconds = float(wish or _TIME_LIMIT_S)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise GpgError(
            f"{TIME_LIMIT_VARIABLE}={wish} is no number of seconds",
            f"Unset it, or set it to a positive number, for example {TIME_LIMIT_VARIABLE}=5.",
        )
    return seconds
