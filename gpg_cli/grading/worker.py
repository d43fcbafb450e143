"""One worker process of the pool: it runs functions for its parent, one after the other, with little memory.

The parent starts it with `boot_arguments` and stops it by killing it; where the parent dies first, so does the worker.
Nothing of the parent is imported here, in contrast to the processes of `multiprocessing`, which import its main module.
"""

import contextlib
import gc
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from gpg_cli.parent_death import die_with

_BOOT = (
    "import sys; sys.path[:] = sys.argv[4:]; from gpg_cli.grading.worker import main; main(*map(int, sys.argv[1:4]))"
)
# A worker that has grown by this share of its memory limit is replaced, so that the next answer has a limit of its own.
_GROWTH_TO_RETIRE = 0.5


@dataclass(frozen=True)
class Outcome:
    """What became of one call.

    Attributes:
        value: what the function returned; None where it raised.
        problem: the exception as text; None where there was none.
        retires: the worker ends after this outcome, and leaves the calls after it undone.
    """

    value: Any = None
    problem: str | None = None
    retires: bool = False


def boot_arguments(descriptor: int, memory_limit: int) -> list[str]:
    """The command that starts a worker with the module search path of this process.

    Args:
        descriptor: the worker's end of the connection, a file descriptor it inherits.
        memory_limit: bytes of address space beyond what the worker has when it is ready.
    """
    numbers = [str(number) for number in (descriptor, os.getpid(), memory_limit)]
    return [sys.executable, "-c", _BOOT, *numbers, *(os.path.abspath(folder) for folder in sys.path)]


def main(descriptor: int, parent: int, memory_limit: int) -> None:
    """Receive a function that prepares this process, then lists of (function, arguments); send an `Outcome` for each.

    The outcome of the preparation comes first.
    """
    die_with(parent)
    _go_first_when_memory_runs_out()
    connection = Connection(descriptor)
    # EOFError: the parent closed its end. OSError: it died.
    with contextlib.suppress(EOFError, OSError):
        prepared = _call(connection.recv(), ())
        connection.send(prepared)
        if prepared.problem is not None:
            return
        # What is imported by now stays: the garbage collector need not go through it again and again.
        gc.collect()
        gc.freeze()
        size_when_ready = _address_space()
        _limit_memory(size_when_ready + memory_limit)
        largest = size_when_ready + int(_GROWTH_TO_RETIRE * memory_limit)
        while True:
            for function, arguments in connection.recv():
                outcome = _call(function, arguments, largest)
                connection.send(outcome)
                if outcome.retires:
                    return


def _call(function: Callable, arguments: tuple, largest: int | None = None) -> Outcome:
    try:
        value, problem = function(*arguments), None
    except BaseException as error:
        value, problem = None, f"{type(error).__name__}: {error}"
    return Outcome(value, problem, retires=largest is not None and _address_space() > largest)


def _go_first_when_memory_runs_out() -> None:
    """In spite of the limit: then a worker has to go, not the training (Linux only)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _address_space() -> int:
    """Bytes; 0 where the system does not say."""
    try:
        pages = Path("/proc/self/statm").read_bytes().split()[0]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _limit_memory(limit: int) -> None:
    import resource

    # macOS refuses.
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
