"""The part of the Hub's HTTP API that creating a repository and one commit of small files need, on loopback.

Every file is a regular one (the Hub decides that, in its answer to preupload), so that neither LFS nor Xet comes in.
"""

import base64
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit


@dataclass
class Repository:
    private: bool = False
    files: dict[str, bytes] = field(default_factory=dict)
    commits: list[str] = field(default_factory=list)


class FakeHub:
    """`refusals` maps the last word of a path (`create`, `main`) and so a request to the status it is refused with."""

    token = "hf_averysecrettoken"

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.refusals: dict[str, int] = {}
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

    def answer(self, method: str, path: str, token: str, body: bytes) -> tuple[int, Any]:
        """Status and JSON value for a request."""
        refused = [status for ending, status in self.refusals.items() if path.endswith(ending)]
        if refused:
            return refused[0], {"error": "refused"}
        if method == "HEAD":
            return 200, {}
        if path == "/api/validate-yaml":
            return 200, {"errors": [], "warnings": []}
        if token != f"Bearer {self.token}":
            return 401, {"error": "no such token"}
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        found = re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/(\w+)/main)?", path)
        if not found or found[1] not in self.repositories:
            return 404, {"error": "not found"}
        return self._about(self.repositories[found[1]], found[1], found[2], body)

    def _create(self, wanted: dict[str, Any]) -> tuple[int, Any]:
        name = f"{wanted['organization']}/{wanted['name']}"
        known = name in self.repositories
        if not known:
            self.repositories[name] = Repository(private=wanted.get("visibility") == "private")
        return (409 if known else 200), {"url": f"{self.url}/{name}"}

    def _about(self, repository: Repository, name: str, what: str | None, body: bytes) -> tuple[int, Any]:
        match what:
            case None:
                return 200, {"id": name, "private": repository.private, "tags": []}
            case "tree":
                sizes = {path: len(content) for path, content in repository.files.items()}
                return 200, [{"type": "file", "path": path, "size": size, "oid": "0"} for path, size in sizes.items()]
            case "preupload":
                paths = [file["path"] for file in json.loads(body)["files"]]
                files = [{"path": path, "uploadMode": "regular", "shouldIgnore": False} for path in paths]
                return 200, {"files": files}
            case "commit":
                for line in map(json.loads, body.splitlines()):
                    _apply(repository, line["key"], line["value"])
                return 200, {"commitUrl": f"{self.url}/{name}/commit/{'a' * 40}", "commitOid": "a" * 40}
            case _:
                return 404, {"error": "not found"}


def _apply(repository: Repository, key: str, value: dict[str, str]) -> None:
    match key:
        case "header":
            repository.commits.append(value["summary"])
        case "file":
            repository.files[value["path"]] = base64.b64decode(value["content"])
        case "deletedFile":
            del repository.files[value["path"]]


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        path = urlsplit(self.path).path
        status, value = self.hub.answer(self.command, path, self.headers.get("authorization", ""), body)
        content = b"" if self.command == "HEAD" else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_HEAD = do_POST = _answer

    def log_message(self, *arguments: Any) -> None:
        """Nothing: pytest shows what matters."""
