"""A pool of worker processes in which every call has a time limit of its own, and no call can do harm.

Why not a library: the pools of `concurrent.futures` and `multiprocessing` have no time limits; those of pebble and
billiard limit a task, so that answers would have to travel one by one, and start their workers through
`multiprocessing`, which imports the main module of the parent into each. Here a worker is a bare Python
(`worker.main`), a chunk of calls is sent at once, and each outcome comes back alone, so that the one call that overran
is known.

One thread for each worker, its keeper, starts it, feeds it, kills it when a call overruns, and starts the next.
"""

import math
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from gpg_cli.errors import GpgError
from gpg_cli.grading.worker_process import CannotStart, WorkerProcess

# A worker's own alarm comes at the limit, again a second later, and keeps the worker; after this it is killed.
GRACE_S = 1.5
# Bytes beyond the fifth of a gigabyte that a worker has when it is ready: with it, less than a gigabyte.
_MEMORY_LIMIT = 768 * 2**20
_STARTS_TO_TRY = 3
_PAUSE_BETWEEN_STARTS_S = 0.2
_LARGEST_CHUNK = 8
# An answer during which a worker died is tried again once: the kernel, or a person, may have killed the worker. As they
# often kill several in a row, it waits for a new worker: one that is idle may be the next to go.
_LOSSES_TO_GIVE_UP = 2

T = TypeVar("T")


@dataclass
class Call(Generic[T]):
    """One call of a function that a worker can import, and what stands for its result where there is none.

    Args:
        function: a function at the top of a module.
        arguments: what can be pickled.
        limit_s: seconds the function keeps to by itself, or else is killed for soon after.
        on_timeout: the result of a call that was killed.
        on_failure: the result of a call that raised, or with which two workers died, the second as a rule newer than
            the first loss.
    """

    function: Callable[..., T]
    arguments: tuple
    limit_s: float
    on_timeout: T
    on_failure: T
    future: Future[T] = field(default_factory=Future)
    losses: int = 0

    def make_here(self) -> None:
        """Make the call in this process, without limits but those the function keeps by itself."""
        try:
            result = self.function(*self.arguments)
        except Exception:
            result = self.on_failure
        self.finish(result)

    def finish(self, result: T) -> None:
        """Set the result, unless nobody waits for it any more."""
        if self.future.set_running_or_notify_cancel():
            self.future.set_result(result)

    def fail(self, error: Exception) -> None:
        """Set an exception, unless nobody waits any more."""
        if self.future.set_running_or_notify_cancel():
            self.future.set_exception(error)

    def drop(self) -> None:
        """Cancel the future, and tell those who wait for it."""
        self.future.cancel()
        self.future.set_running_or_notify_cancel()


class WorkerPool:
    """Worker processes, replaced when they are lost.

    The first starts at once, in the background, the others when there is work: most runs of a small model need none.
    """

    def __init__(self, workers: int, prepare: Callable[[], None], memory_limit: int = _MEMORY_LIMIT) -> None:
        """
        Args:
            workers: how many processes.
            prepare: run first in each; what it raises is why that worker does not start.
            memory_limit: bytes of address space for a call (Linux only).
        """
        self._prepare = prepare
        self._memory_limit = memory_limit
        self._changed = threading.Condition()
        self._waiting: deque[Call] = deque()
        self._closed = False
        self._alive: set[WorkerProcess] = set()
        self._keepers = [
            threading.Thread(target=self._keep, args=(number == 0,), name=f"grading-{number}", daemon=True)
            for number in range(workers)
        ]
        for keeper in self._keepers:
            keeper.start()

    def submit(self, calls: Sequence[Call]) -> None:
        """Have calls made, in this order as far as workers are free; each tells its future how it ended.

        Where the workers do not start, the futures raise GpgError. A future that is cancelled costs nothing unless
        its call has been sent to a worker.
        """
        with self._changed:
            self._waiting.extend(calls)
            # All, because the one that is woken may have a process to start before it can take a call.
            self._changed.notify_all()

    @property
    def process_ids(self) -> list[int]:
        """The workers that are running now; not one that was killed while it was idle, and is yet to be replaced."""
        with self._changed:
            return [worker.process.pid for worker in self._alive if worker.process.poll() is None]

    def close(self) -> None:
        """Kill the workers and cancel what waits."""
        with self._changed:
            self._closed = True
            alive, waiting = list(self._alive), list(self._waiting)
            self._waiting.clear()
            self._changed.notify_all()
        for worker in alive:
            worker.process.kill()
        for call in waiting:
            call.drop()

    def _keep(self, at_once: bool) -> None:
        # A process inherits the mask of the thread that starts it: Ctrl-C is for the parent.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        if not at_once:
            self._wait_for_calls()
        failed_starts = 0
        lost: list[Call] = []
        while not self._closed:
            try:
                with WorkerProcess(self._prepare, self._memory_limit) as worker:
                    failed_starts = 0
                    self._feed(worker, lost)
            except CannotStart as problem:
                self._put_back(lost)
                lost.clear()
                failed_starts += 1
                self._wait_for_calls()
                if failed_starts >= _STARTS_TO_TRY:
                    self._give_up(str(problem))
                    failed_starts = 0
                time.sleep(_PAUSE_BETWEEN_STARTS_S)
        self._put_back(lost)

    def _feed(self, worker: WorkerProcess, lost: list[Call]) -> None:
        """Give a worker calls, first the one in `lost`, until it is lost with another or the pool is closed."""
        with self._changed:
            if self._closed:
                return
            self._alive.add(worker)
        try:
            usable = not lost or self._run(worker, [lost.pop()], lost)
            while usable and (chunk := self._take()):
                usable = self._run(worker, chunk, lost)
        finally:
            with self._changed:
                self._alive.discard(worker)

    def _take(self) -> list[Call]:
        """The next calls, as many as leave some for the others; none when the pool is closed."""
        with self._changed:
            while True:
                self._wait_for_calls()
                share = math.ceil(len(self._waiting) / (2 * len(self._keepers)))
                chunk = []
                for call in [self._waiting.popleft() for _ in range(min(share, _LARGEST_CHUNK))]:
                    if call.future.cancelled():
                        call.drop()
                    else:
                        chunk.append(call)
                if chunk or self._closed:
                    return chunk

    def _wait_for_calls(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)

    def _run(self, worker: WorkerProcess, chunk: list[Call], lost: list[Call]) -> bool:
        """Whether the worker can take another chunk.

        What it did not come to is put back for any worker; a call it died at is added to `lost`, for the next one.
        """
        if worker.process.poll() is not None:
            self._put_back(chunk)
            return False
        for place, call in enumerate(chunk):
            undone = chunk[place + 1 :]
            try:
                if place == 0:
                    worker.send([(each.function, each.arguments) for each in chunk])
                outcome = worker.receive(call.limit_s + GRACE_S)
            except TimeoutError:
                call.finish(call.on_timeout)
                self._put_back(undone)
                return False
            except Exception:
                # As a rule OSError or EOFError: the process died.
                call.losses += 1
                if call.losses < _LOSSES_TO_GIVE_UP:
                    lost.append(call)
                else:
                    call.finish(call.on_failure)
                self._put_back(undone)
                return False
            call.finish(outcome.value if outcome.problem is None else call.on_failure)
            if outcome.retires:
                self._put_back(undone)
                return False
        return True

    def _put_back(self, calls: list[Call]) -> None:
        with self._changed:
            if self._closed:
                for call in calls:
                    call.drop()
                return
            self._waiting.extendleft(reversed(calls))
            self._changed.notify_all()

    def _give_up(self, problem: str) -> None:
        """Fail what waits, unless another worker takes care of it."""
        with self._changed:
            if self._alive:
                return
            calls = list(self._waiting)
            self._waiting.clear()
        for call in calls:
            call.fail(
                GpgError(
                    f"answers cannot be graded: the processes that grade them do not start ({problem})",
                    "Install the grader again: pip install --force-reinstall 'math-verify[antlr4_13_2]'",
                )
            )
