"""Addresses of files: objects of large ones on their way in, and any file on its way out."""

import hashlib
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from .fake_hub_request import Answer, Request
from .fake_hub_store import Refused, Repository

if TYPE_CHECKING:
    from .fake_hub import FakeHub


def answer(hub: "FakeHub", request: Request) -> Answer | None:
    """The answer; None for an address that is not one of these."""
    path = request.path
    if found := re.fullmatch(r"/([^/]+/[^/]+)\.git/info/lfs/objects/(batch|verify)", path):
        if request.token == "":
            raise Refused(401, "Invalid username or password.")
        ask = _batch if found[2] == "batch" else _verify
        return ask(hub, found[1], request.json)
    # The addresses of the storage are signed: they take no token.
    if found := re.fullmatch(r"/storage/([^/]+/[^/]+)/([0-9a-f]{64})(?:/(\d+))?", path):
        repository, oid = hub.repository(found[1]), found[2]
        content = request.body[::-1] if request.spoil else request.body
        if found[3]:
            hub.parts[oid, int(found[3])] = content
            return Answer(headers={"ETag": f'"{hashlib.md5(content).hexdigest()}"'})
        if request.method == "POST":
            content = b"".join(hub.parts[oid, part["partNumber"]] for part in request.json["parts"])
        return _keep(hub, repository, oid, content)
    if found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
        return _file(hub.repository(found[1]), unquote(found[2]), unquote(found[3]), request)
    return None


def _batch(hub: "FakeHub", name: str, asked: dict[str, Any]) -> Answer:
    kept = hub.repository(name).objects
    objects = [
        item if item["oid"] in kept else item | {"actions": _actions(hub, name, item["oid"], item["size"])}
        for item in asked["objects"]
    ]
    return Answer(value={"transfer": "basic" if hub.part_bytes is None else "multipart", "objects": objects})


def _actions(hub: "FakeHub", name: str, oid: str, size: int) -> dict[str, Any]:
    address = f"{hub.url}/storage/{name}/{oid}"
    verify = {"href": f"{hub.url}/{name}.git/info/lfs/objects/verify"}
    if hub.part_bytes is None:
        return {"upload": {"href": f"{address}?signature=of-the-storage"}, "verify": verify}
    parts = -(-size // hub.part_bytes)
    header = {"chunk_size": str(hub.part_bytes)} | {str(part): f"{address}/{part}" for part in range(1, parts + 1)}
    return {"upload": {"href": address, "header": header}, "verify": verify}


def _keep(hub: "FakeHub", repository: Repository, oid: str, content: bytes) -> Answer:
    if hashlib.sha256(content).hexdigest() != oid:
        raise Refused(400, "The content does not have the hash it was announced with")
    hub.received.append(oid)
    repository.objects[oid] = content
    return Answer(value={})


def _verify(hub: "FakeHub", name: str, asked: dict[str, Any]) -> Answer:
    if len(hub.repository(name).objects.get(asked["oid"], b"")) != asked["size"]:
        raise Refused(404, "Object not found")
    return Answer(value={})


def _file(repository: Repository, revision: str, path: str, request: Request) -> Answer:
    if repository.private and not request.token:
        raise Refused(404, "Repository not found", "RepoNotFound")
    commit = repository.at(revision)
    if path not in commit.blobs:
        raise Refused(404, "Entry not found", "EntryNotFound", {"X-Repo-Commit": commit.oid})
    blob = commit.blobs[path]
    etag = f'"{blob.sha256 if blob.large else blob.sha1}"'
    size = len(blob.content)
    about = {"X-Repo-Commit": commit.oid, "ETag": etag, "X-Linked-ETag": etag, "X-Linked-Size": str(size)}
    wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
    if not wanted:
        return Answer(value=blob.content, headers=about)
    first, last = int(wanted[1]), min(int(wanted[2] or size - 1), size - 1)
    about["Content-Range"] = f"bytes {first}-{last}/{size}"
    return Answer(206, blob.content[first : last + 1], about)
