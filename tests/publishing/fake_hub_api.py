"""Addresses under /api: who one is, repositories, their trees, branches, commits and pull requests."""

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import yaml

from .fake_hub_request import Answer, Request
from .fake_hub_store import Commit, Refused, Repository

if TYPE_CHECKING:
    from .fake_hub import FakeHub


def answer(hub: "FakeHub", request: Request) -> Answer | None:
    """The answer; None for an address that is not one of these."""
    if request.method == "HEAD" and request.path == "/":
        return Answer()
    match request.path:
        case "/api/validate-yaml":
            return _validate(request.json["content"])
        case "/api/whoami-v2":
            if not request.token:
                raise Refused(401, "Invalid username or password.")
            return Answer(value=hub.login)
        case "/api/repos/create":
            return _create(hub, request.json)
    found = re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/([^/]+)(?:/([^/]+)(?:/(.+))?)?)?", request.path)
    if not found or found[2] not in _ABOUT:
        return None
    name, what, revision = found[1], found[2], unquote(found[3] or "main")
    repository = hub.repository(name)
    if repository.private and not request.token:
        raise Refused(404, "Repository not found", "RepoNotFound")
    return _ABOUT[what](hub, request, name, repository, revision, found[4] or "")


def _validate(content: str) -> Answer:
    try:
        yaml.safe_load(content.split("---")[1] if content.startswith("---") else "")
    except yaml.YAMLError:
        return Answer(400, {"errors": [{"message": "not YAML"}], "warnings": []})
    return Answer(value={"errors": [], "warnings": []})


def _create(hub: "FakeHub", wanted: dict[str, Any]) -> Answer:
    name = f"{wanted['organization']}/{wanted['name']}"
    if name in hub.repositories:
        return Answer(409, {"error": "You already created this model repo", "url": f"{hub.url}/{name}"})
    if wanted["organization"] not in (hub.login["name"], *(org["name"] for org in hub.login["orgs"])):
        raise Refused(403, f"You don't have the rights to create a model under the namespace {wanted['organization']}")
    hub.repositories[name] = Repository(private=wanted.get("visibility") == "private")
    return Answer(value={"url": f"{hub.url}/{name}"})


def _info(hub: "FakeHub", request: Request, name: str, repository: Repository, revision: str, _: str) -> Answer:
    commit = repository.at(revision)
    siblings = [{"rfilename": path} for path in commit.blobs]
    about = {"id": name, "sha": commit.oid, "private": repository.private, "tags": [], "siblings": siblings}
    return Answer(value=about)


def _tree(hub: "FakeHub", request: Request, name: str, repository: Repository, revision: str, under: str) -> Answer:
    commit = repository.at(revision)
    if under and not any(path.startswith(f"{under}/") for path in commit.blobs):
        raise Refused(404, "Entry not found", "EntryNotFound")
    entries = [_entry(commit, path) for path in sorted(commit.blobs) if path.startswith(under)]
    start = int(request.query.get("cursor", 0))
    following = start + hub.page
    more = f'<{hub.url}{request.path}?recursive=True&cursor={following}>; rel="next"'
    return Answer(value=entries[start:following], headers={"Link": more} if following < len(entries) else {})


def _entry(commit: Commit, path: str) -> dict[str, Any]:
    blob = commit.blobs[path]
    entry = {"type": "file", "path": path, "size": len(blob.content), "oid": blob.sha1}
    lfs = {"oid": blob.sha256, "size": len(blob.content), "pointerSize": 134}
    return entry | ({"lfs": lfs} if blob.large else {})


def _preupload(hub: "FakeHub", request: Request, name: str, repository: Repository, revision: str, _: str) -> Answer:
    repository.at(revision)
    asked = request.json
    return Answer(value={"files": repository.how_to_send(asked["files"], asked.get("gitIgnore"))})


def _branch(hub: "FakeHub", request: Request, name: str, repository: Repository, branch: str, _: str) -> Answer:
    repository.make_branch(branch, request.json.get("startingPoint"))
    return Answer(value={})


def _commit(hub: "FakeHub", request: Request, name: str, repository: Repository, branch: str, _: str) -> Answer:
    lines = [json.loads(line) for line in request.body.splitlines()]
    pull_request = request.query.get("create_pr") == "1"
    oid = repository.commit(branch, lines, pull_request=pull_request, spoil=request.spoil)
    made = {"commitUrl": f"{hub.url}/{name}/commit/{oid}", "commitOid": oid}
    if pull_request:
        made["pullRequestUrl"] = f"{hub.url}/{name}/discussions/{len(repository.pull_requests)}"
    return Answer(value=made)


def _discussions(hub: "FakeHub", request: Request, name: str, repository: Repository, _: str, __: str) -> Answer:
    opened = [
        {
            "title": title,
            "num": number,
            "author": {"name": hub.login["name"]},
            "createdAt": "2026-11-23T10:15:00.000Z",
            "status": "open",
            "repo": {"name": name, "type": "model"},
            "isPullRequest": True,
        }
        for number, title in enumerate(repository.pull_requests, 1)
    ]
    return Answer(value={"discussions": opened[::-1], "count": len(opened), "start": 0})


_ABOUT: dict[str | None, Callable[["FakeHub", Request, str, Repository, str, str], Answer]] = {
    None: _info,
    "revision": _info,
    "tree": _tree,
    "preupload": _preupload,
    "branch": _branch,
    "commit": _commit,
    "discussions": _discussions,
}
