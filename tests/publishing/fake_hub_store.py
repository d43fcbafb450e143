"""What a Hub keeps: repositories of commits, named by their content, and the objects of large files."""

import fnmatch
import hashlib
import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LARGE_ENDINGS = (".safetensors", ".bin", ".gguf")


class Refused(Exception):
    """An answer with a status; `code` is what the client tells kinds of 404 apart by."""

    def __init__(self, status: int, message: str, code: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message = status, message
        self.headers = ({"X-Error-Code": code} if code else {}) | dict(headers or {})


@dataclass(frozen=True)
class Blob:
    content: bytes
    large: bool = False

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def sha1(self) -> str:
        """Of git's blob, which is a pointer where the file is a large one."""
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {len(self.content)}\n"
        kept = pointer.encode() if self.large else self.content
        return hashlib.sha1(b"blob %d\0" % len(kept) + kept).hexdigest()


@dataclass(frozen=True)
class Commit:
    parent: str
    title: str
    blobs: Mapping[str, Blob]

    @property
    def oid(self) -> str:
        tree = sorted((name, blob.sha1) for name, blob in self.blobs.items())
        return hashlib.sha1(json.dumps([self.parent, self.title, tree]).encode()).hexdigest()

    @property
    def files(self) -> dict[str, bytes]:
        return {name: blob.content for name, blob in self.blobs.items()}


def is_large(name: str) -> bool:
    return name.endswith(LARGE_ENDINGS)


class Repository:
    """Made with one empty commit; `files` puts a second one on main.

    Attributes:
        objects: of large files that came whole, by sha256.
        branches: the newest commit of each; pull requests are `refs/pr/1` and so on.
        pull_requests: their titles.
    """

    def __init__(self, private: bool = False, files: Mapping[str, bytes] | None = None) -> None:
        self.private = private
        self.objects: dict[str, bytes] = {}
        self.branches: dict[str, str] = {}
        self.pull_requests: list[str] = []
        self._commits: dict[str, Commit] = {}
        self.add("main", Commit("", "initial commit", {}))
        if files is not None:
            blobs = {name: Blob(content, is_large(name)) for name, content in files.items()}
            self.add("main", Commit(self.branches["main"], "by somebody", blobs))

    @property
    def files(self) -> dict[str, bytes]:
        """What main shows."""
        return self.at("main").files

    @property
    def commits(self) -> list[str]:
        """The titles of main's commits, without the one that made the repository."""
        return [commit.title for commit in self.history()[1:]]

    def history(self, branch: str = "main") -> list[Commit]:
        """Oldest first."""
        commits = [self.at(branch)]
        while commits[0].parent:
            commits.insert(0, self._commits[commits[0].parent])
        return commits

    def at(self, revision: str) -> Commit:
        oid = self.branches.get(revision, revision)
        if oid not in self._commits:
            raise Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return self._commits[oid]

    def add(self, branch: str, commit: Commit) -> str:
        self._commits[commit.oid] = commit
        self.branches[branch] = commit.oid
        return commit.oid

    def make_branch(self, name: str, start: str | None) -> None:
        if name in self.branches:
            raise Refused(409, f"Reference already exists: {name}")
        self.branches[name] = self.at(start or "main").oid

    def how_to_send(self, files: list[dict[str, Any]], ignore: str | None) -> list[dict[str, Any]]:
        """The answer to preupload; without a .gitignore in the request that of main counts."""
        if ignore is None:
            ignore = self.files.get(".gitignore", b"").decode()
        ignored = ignore.split()
        return [
            {
                "path": file["path"],
                "uploadMode": "lfs" if is_large(file["path"]) else "regular",
                "shouldIgnore": any(fnmatch.fnmatch(file["path"], pattern) for pattern in ignored),
            }
            for file in files
        ]

    def commit(self, branch: str, lines: list[dict[str, Any]], *, pull_request: bool, spoil: bool) -> str:
        """Apply the lines of a commit; its name."""
        parent = self.at(branch).oid
        blobs = dict(self._commits[parent].blobs)
        title = ""
        for line in lines:
            value = line["value"]
            match line["key"]:
                case "header":
                    title = value["summary"]
                    if value.get("parentCommit", parent) != parent:
                        raise Refused(412, "A commit has happened since. Please refresh and try again.")
                case "file":
                    blobs[value["path"]] = Blob(b64decode(value["content"]) + b"?" * spoil)
                case "lfsFile":
                    if value["oid"] not in self.objects:
                        raise Refused(400, f"LFS pointer pointed to a file that does not exist: {value['path']}")
                    blobs[value["path"]] = Blob(self.objects[value["oid"]] + b"?" * spoil, large=True)
                case "deletedFile":
                    if blobs.pop(value["path"], None) is None:
                        raise Refused(404, "A file with this name doesn't exist", "EntryNotFound")
        if pull_request:
            self.pull_requests.append(title)
            branch = f"refs/pr/{len(self.pull_requests)}"
        return self.add(branch, Commit(parent, title, blobs))
