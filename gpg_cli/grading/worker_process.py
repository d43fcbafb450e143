"""The parent's side of one worker."""

import subprocess
from collections.abc import Callable
from multiprocessing import Pipe
from typing import Any

from gpg_cli.grading.worker import Outcome, boot_arguments

# From a cold disk or a network file system, importing sympy takes its time.
_START_LIMIT_S = 120.0


class CannotStart(Exception):
    """A worker did not become ready; the text says why."""


class WorkerProcess:
    """The parent's side of one process; leaving the context kills it."""

    def __init__(self, prepare: Callable[[], None], memory_limit: int) -> None:
        """
        Raises:
            CannotStart: there is no such process afterwards.
        """
        self._connection, theirs = Pipe()
        try:
            self.process = subprocess.Popen(
                boot_arguments(theirs.fileno(), memory_limit),
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except Exception as error:
            self._connection.close()
            raise CannotStart(str(error)) from error
        finally:
            theirs.close()
        problem: str | None
        try:
            self.send(prepare)
            problem = self.receive(_START_LIMIT_S).problem
        except TimeoutError:
            problem = f"not ready after {_START_LIMIT_S:.0f} s"
        except Exception:
            self.end()
            problem = f"exit code {self.process.returncode}"
        if problem is not None:
            self.end()
            raise CannotStart(problem)

    def __enter__(self) -> "WorkerProcess":
        return self

    def __exit__(self, *error: object) -> None:
        self.end()

    def send(self, message: Any) -> None:
        """
        Raises:
            OSError: the process is dead.
        """
        self._connection.send(message)

    def receive(self, limit_s: float) -> Outcome:
        """
        Raises:
            TimeoutError: the process is busy still.
            EOFError, OSError: it died.
        """
        if self._connection.poll(limit_s):
            outcome: Outcome = self._connection.recv()
            return outcome
        if self.process.poll() is not None:
            # A process that was forked meanwhile, a data loader for example, still holds the other end open.
            raise EOFError
        raise TimeoutError

    def end(self) -> None:
        """Kill the process, where it has not ended, and wait for it."""
        self.process.kill()
        self.process.wait()
        self._connection.close()
