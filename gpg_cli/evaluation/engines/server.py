"""Calls of one OpenAI-compatible server: what is tried again, how long, and what a failure says."""

import asyncio
import random
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.request import getproxies, proxy_bypass

import httpx

from gpg_cli.evaluation.engine import first_line

Answer = TypeVar("Answer")

# Besides those of 500 and above, which are the server's own trouble: timeout, too early, too many requests.
_PASSING_STATUS = (408, 425, 429)
# What says something about the address, the key or the model, and so about every request: a redirect among them.
_STATUS_OF_ALL = (301, 302, 307, 308, 401, 402, 403, 404, 405)
_TOO_MANY_REQUESTS = 429
_LONGEST_REASON = 300
# Before uvicorn, on which most servers are built, closes an idle connection: after 5 seconds.
_IDLE_CONNECTION_S = 2.0


@dataclass(frozen=True)
class Patience:
    """How long a server is given.

    Attributes:
        retries: further tries of a request after a failure that may pass.
        first_wait_s: before the first of them; twice as long before each of the others.
        longest_wait_s: bound of that doubling.
        longest_retry_after_s: bound of what a server may ask for with `Retry-After`.
        timeout_s: for one try, from its first byte sent to its last received: a completion may take long.
        connect_timeout_s: for the connection alone.
        failures_in_a_row: so many requests given up, without one that succeeds between them, end the whole run.
    """

    retries: int = 8
    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0
    longest_retry_after_s: float = 600.0
    timeout_s: float = 3600.0
    connect_timeout_s: float = 20.0
    failures_in_a_row: int = 16


class ServerFailure(Exception):
    """A request that came to nothing.

    Args:
        reason: the predicate of a sentence about the server; never the key.
        status: of HTTP, None where there was no answer or one that makes no sense.
        passing: whether another try may succeed.
        retry_after_s: how long the server asks to be left alone.
    """

    def __init__(
        self, reason: str, *, status: int | None = None, passing: bool = False, retry_after_s: float = 0.0
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.passing = passing
        self.retry_after_s = retry_after_s

    @property
    def concerns_all(self) -> bool:
        """Whether every other request would meet it too."""
        return self.status in _STATUS_OF_ALL


class Server:
    """One server.

    Args:
        base_url: where its API begins, such as http://host:8000/v1.
        key: sent with every request and shown nowhere; None sends none.
        patience: how long it is given.
        concurrency: most requests at once.
    """

    def __init__(self, base_url: str, key: str | None, patience: Patience, concurrency: int) -> None:
        self.base_url = base_url.rstrip("/")
        self._key = key
        self._patience = patience
        self._concurrency = concurrency
        self._answered = 0
        self._quiet_until = 0.0

    def connect(self) -> httpx.AsyncClient:
        """A client for one event loop; `async with` closes it."""
        return httpx.AsyncClient(
            headers={"Authorization": f"Bearer {self._key}"} if self._key else {},
            # `_try` bounds the whole of a request; a bound between two bytes would not.
            timeout=httpx.Timeout(None, connect=self._patience.connect_timeout_s),
            transport=_transport(self.base_url, self._concurrency),
        )

    async def call(
        self, client: httpx.AsyncClient, path: str, body: dict[str, Any] | None, read: Callable[[Any], Answer]
    ) -> Answer:
        """GET, or POST of a body, tried again while it may help.

        Args:
            client: of `connect`.
            path: below the base URL.
            body: sent as JSON; None is a GET.
            read: the parsed JSON of the answer -> what is wanted of it; raises ServerFailure where that is not in it.

        Raises:
            ServerFailure: it was refused, or failed once too often.
        """
        failures = 0
        answered = self._answered
        while True:
            await self._leave_alone()
            try:
                answer = read(await self._try(client, path, body))
            except ServerFailure as failure:
                # A server that is busy with our other requests has time for this one later: that is no failure of its.
                busy = failure.status == _TOO_MANY_REQUESTS and self._answered > answered
                failures, answered = failures + (not busy), self._answered
                if not failure.passing:
                    raise
                if failures > self._patience.retries:
                    tries = f" ({failures} tries)" if failures > 1 else ""
                    raise ServerFailure(failure.reason + tries, status=failure.status, passing=True) from failure
                await self._wait(failures, failure.retry_after_s)
            else:
                self._answered += 1
                return answer

    async def _try(self, client: httpx.AsyncClient, path: str, body: dict[str, Any] | None) -> Any:
        try:
            async with asyncio.timeout(self._patience.timeout_s):
                response = await client.request("GET" if body is None else "POST", self.base_url + path, json=body)
        except TimeoutError as error:
            raise ServerFailure(f"has not answered after {self._patience.timeout_s:g} s", passing=True) from error
        except httpx.ConnectError as error:
            raise ServerFailure(f"cannot be reached: {self._shown(first_line(error))}", passing=True) from error
        except httpx.HTTPError as error:
            raise ServerFailure(f"broke the connection: {self._shown(first_line(error))}", passing=True) from error
        if not response.is_success:
            raise ServerFailure(
                f"answers {response.status_code}: {self._shown(_message(response))}",
                status=response.status_code,
                passing=response.status_code >= 500 or response.status_code in _PASSING_STATUS,
                retry_after_s=_retry_after_s(response.headers.get("Retry-After", "")),
            )
        try:
            return response.json()
        except (ValueError, RecursionError) as error:
            raise ServerFailure("answers with what is no JSON", passing=True) from error

    async def _wait(self, failures: int, retry_after_s: float) -> None:
        """Twice as long with each failure, with a random part so that requests do not come back all at once."""
        patience = self._patience
        asked = min(patience.longest_retry_after_s, retry_after_s)
        self._quiet_until = max(self._quiet_until, time.monotonic() + asked)
        own = min(patience.longest_wait_s, patience.first_wait_s * 2 ** max(0, failures - 1))
        await asyncio.sleep(own * random.uniform(0.5, 1.0))

    async def _leave_alone(self) -> None:
        """Wait while the server asks to be left alone; nothing new is sent meanwhile."""
        while (rest := self._quiet_until - time.monotonic()) > 0:
            await asyncio.sleep(rest + random.uniform(0.0, self._patience.first_wait_s))

    def _shown(self, text: str) -> str:
        """A server's words as they may be shown: one line, not too long, without the key."""
        line = " ".join((text.replace(self._key, "***") if self._key else text).split())
        return line if len(line) <= _LONGEST_REASON else line[:_LONGEST_REASON] + " ..."


def _transport(base_url: str, concurrency: int) -> httpx.AsyncHTTPTransport:
    url = httpx.URL(base_url)
    proxy = None if proxy_bypass(url.host) else getproxies().get(url.scheme)
    return httpx.AsyncHTTPTransport(
        limits=httpx.Limits(max_connections=concurrency, keepalive_expiry=_IDLE_CONNECTION_S),
        proxy=proxy,
        # While a long completion is written no byte flows: this notices a machine that is gone, and keeps routers from
        # forgetting the connection.
        socket_options=[(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), *_KEEPALIVE],
    )


_KEEPALIVE = [
    (socket.IPPROTO_TCP, getattr(socket, name), value)
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4))
    if hasattr(socket, name)
]


def _message(response: httpx.Response) -> str:
    """What a server says about its refusal, in whichever of the usual places."""
    try:
        found: Any = response.json()
    except (ValueError, RecursionError):
        found = response.text
    for key in ("error", "message", "detail"):
        if isinstance(found, dict) and found.get(key):
            found = found[key]
    return str(found).strip() or response.reason_phrase


def _retry_after_s(header: str) -> float:
    """Seconds, as a number or until a date; 0 where the header is missing or makes no sense."""
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0
