"""Many requests to one server: so many at once, each reported when it ends, and an account of those that failed."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

import httpx

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.engine import GO_ON_HINT, Completion, OnFinished, Request
from gpg_cli.evaluation.engines.server import Server, ServerFailure

# Raises ServerFailure where the request has come to nothing for good.
Ask = Callable[[httpx.AsyncClient, Request], Awaitable[Completion]]


class ServerRun:
    """One call of `generate`.

    Args:
        server: who is asked.
        ask: how.
        concurrency: most requests at once.
        failures_in_a_row: so many failed requests, without one that succeeds between them, end the run.
    """

    def __init__(self, server: Server, ask: Ask, concurrency: int, failures_in_a_row: int) -> None:
        self._server = server
        self._ask = ask
        self._concurrency = concurrency
        self._most_in_a_row = failures_in_a_row
        self._total = 0
        self._unfinished = 0
        self._in_a_row = 0
        self._first_failure: ServerFailure | None = None

    async def complete(self, requests: Sequence[Request], on_finished: OnFinished) -> None:
        """See `Engine.generate`.

        Raises:
            GpgError: some requests failed for good; all others have been reported, unless it was plain that they would
                fail as well.
        """
        self._total = self._unfinished = len(requests)
        waiting = deque(requests)
        async with self._server.connect() as client:
            workers = [
                asyncio.create_task(self._work(client, waiting, on_finished))
                for _ in range(min(self._concurrency, len(requests)))
            ]
            try:
                await asyncio.gather(*workers)
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)
        if self._first_failure is not None:
            raise GpgError(f"{self._missing()}: the server {self._first_failure.reason}", GO_ON_HINT)

    async def _work(self, client: httpx.AsyncClient, waiting: deque[Request], on_finished: OnFinished) -> None:
        while waiting:
            request = waiting.popleft()
            try:
                completion = await self._ask(client, request)
            except ServerFailure as failure:
                self._note(failure)
                continue
            # Nothing is awaited between these lines: a completion is reported once, or not at all.
            self._in_a_row = 0
            self._unfinished -= 1
            on_finished(request, completion)

    def _note(self, failure: ServerFailure) -> None:
        """Remember a failed request, and end the run where the others would fail too."""
        self._first_failure = self._first_failure or failure
        self._in_a_row += 1
        if failure.concerns_all:
            raise GpgError(f"{self._missing()}: the server {failure.reason}", GO_ON_HINT) from failure
        if self._in_a_row >= self._most_in_a_row:
            raise GpgError(
                f"{self._missing()}: the server failed {self._in_a_row} requests in a row; it {failure.reason}",
                f"See to the server. {GO_ON_HINT}",
            ) from failure

    def _missing(self) -> str:
        return f"{self._unfinished} of {self._total} completions are missing"
