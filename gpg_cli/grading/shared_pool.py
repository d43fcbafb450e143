"""The one pool of this process: when it starts, and how it ends."""

import atexit
import os
import threading

from gpg_cli.grading.math import prepare_grader
from gpg_cli.grading.pool import WorkerPool
from gpg_cli.grading.settings import worker_count

_lock = threading.Lock()
_pool: WorkerPool | None = None


def shared_pool() -> WorkerPool | None:
    """The pool, whose workers start in the background on the first call; None where this process grades by itself.

    Raises:
        GpgError: see `worker_count`.
    """
    global _pool
    workers = worker_count()
    if not workers:
        return None
    with _lock:
        if _pool is None:
            _pool = WorkerPool(workers, prepare_grader)
            atexit.register(_pool.close)
        return _pool


def _forget_the_pool() -> None:
    """A forked process, a data loader for example, has none of the threads that serve its parent's pool."""
    global _lock, _pool
    if _pool is not None:
        atexit.unregister(_pool.close)
    _lock, _pool = threading.Lock(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_the_pool)
