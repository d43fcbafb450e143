"""The part of the Hub's HTTP API that uploading, downloading and asking who one is need, on loopback.

Read from huggingface_hub 1.33, which is its client. Large files go by LFS, whole or in parts; there is no Xet storage,
as on a mirror of the Hub, so that the client needs HF_HUB_DISABLE_XET.
"""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from . import fake_hub_api, fake_hub_files
from .fake_hub_faults import Fault
from .fake_hub_request import Answer, Request
from .fake_hub_store import Refused, Repository

__all__ = ["FakeHub", "Fault", "Repository"]


class FakeHub:
    """A Hub with one login.

    Attributes:
        login: the answer to whoami.
        repositories: by name.
        faults: what goes wrong; see `fail`.
        refusals: the last word of a path (`create`, `main`), and the status that such requests are refused with.
        requests: every request, as `POST /api/repos/create`.
        received: the sha256 of every object that came whole, in order.
        part_bytes: objects are asked for in parts of that size; None takes them whole.
        page: how many entries one answer lists.
    """

    token = "hf_averysecrettoken"

    def __init__(self) -> None:
        self.login: dict[str, Any] = {
            "type": "user",
            "name": "me",
            "orgs": [{"name": "lab", "roleInOrg": "write"}, {"name": "readers", "roleInOrg": "read"}],
            "auth": {"type": "access_token", "accessToken": {"displayName": "laptop", "role": "write"}},
        }
        self.repositories: dict[str, Repository] = {}
        self.faults: list[Fault] = []
        self.refusals: dict[str, int] = {}
        self.requests: list[str] = []
        self.received: list[str] = []
        self.part_bytes: int | None = None
        self.parts: dict[tuple[str, int], bytes] = {}
        self.page = 3
        hub = self

        class Handler(_Handler):
            pass

        Handler.hub = hub
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *exception: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def fail(self, request: str, **fault: Any) -> None:
        """Let requests go wrong: `hub.fail("POST .*/commit/", status=503, times=1)`."""
        self.faults.append(Fault(request, **fault))

    def repository(self, name: str) -> Repository:
        if name not in self.repositories:
            raise Refused(404, "Repository not found", "RepoNotFound")
        return self.repositories[name]

    def answer(self, request: Request, fault: Fault | None) -> Answer:
        refused = [status for ending, status in self.refusals.items() if request.path.endswith(ending)]
        try:
            if fault and fault.status:
                raise Refused(fault.status, "refused", headers=fault.headers)
            if refused:
                raise Refused(refused[0], "refused")
            if request.token not in ("", f"Bearer {self.token}"):
                raise Refused(401, "Invalid username or password.")
            for answer in (fake_hub_api.answer, fake_hub_files.answer):
                if (found := answer(self, request)) is not None:
                    return found
            raise Refused(404, "Sorry, we can't find the page you are looking for.")
        except Refused as refusal:
            return Answer(refusal.status, {"error": refusal.message}, refusal.headers)


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub

    def _answer(self) -> None:
        line = f"{self.command} {urlsplit(self.path).path}"
        self.hub.requests.append(line)
        fault = next((fault for fault in self.hub.faults if fault.strikes(line)), None)
        if fault and fault.does:
            fault.does()
        length = int(self.headers.get("content-length", 0))
        if fault and fault.upload_cut_after is not None:
            self.rfile.read(min(fault.upload_cut_after, length))
            return self._cut()
        if fault and fault.silent_s is not None:
            threading.Event().wait(fault.silent_s)
            return self._cut()
        address = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=address.path,
            query={name: values[0] for name, values in parse_qs(address.query).items()},
            headers=self.headers,
            body=self.rfile.read(length),
            spoil=bool(fault and fault.spoil),
        )
        return self._send(self.hub.answer(request, fault), fault)

    def _send(self, answer: Answer, fault: Fault | None) -> None:
        content = answer.content
        if fault and fault.answer_cut_after == 0:
            return self._cut()
        self.send_response(answer.status)
        for name, value in ({"content-length": str(len(content))} | answer.headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[: fault.answer_cut_after if fault else None])
        return None

    def _cut(self) -> None:
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)

    do_GET = do_HEAD = do_POST = do_PUT = _answer

    def log_message(self, *arguments: Any) -> None:
        """Nothing: pytest shows what matters."""
