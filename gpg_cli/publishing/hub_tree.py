"""A local folder beside what the Hub has: what to send, what to delete, and whether the two are the same."""

import fnmatch
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoFile

# What may be loaded in place of the weights that are sent: vLLM reads every *.safetensors and believes an old index,
# transformers applies an adapter that it finds beside a model.
_LOADED_INSTEAD = (
    "*.safetensors",
    "*.safetensors.index.json",
    "pytorch_model*.bin",
    "pytorch_model*.bin.index.json",
    "adapter_config.json",
    "adapter_model*.bin",
)
# Made from the weights by a person or a converter: stale where the weights change, and else none of our business.
_MADE_FROM_WEIGHTS = ("*.gguf", "tf_model.h5", "flax_model*.msgpack", "*.pth")
# Of an older model, where the new one has none: transformers takes what it finds.
_SETTINGS_OF_OLD_WEIGHTS = (
    "generation_config.json",
    "chat_template.jinja",
    "chat_template.json",
    "added_tokens.json",
    "special_tokens_map.json",
    "*processor_config.json",
)


@dataclass(frozen=True)
class LocalFile:
    """A file to upload; its hashes are computed when they are asked for, once.

    Attributes:
        path: where it is.
        size: bytes.
    """

    path: Path
    size: int

    @cached_property
    def sha256(self) -> str:
        """What LFS calls it by."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @cached_property
    def blob_sha1(self) -> str:
        """What git calls it by."""
        return hashlib.sha1(b"blob %d\0" % self.size + self.path.read_bytes()).hexdigest()

    def difference(self, remote: "RepoFile | None") -> str | None:
        """How a file on the Hub differs from this one; None where it does not."""
        if remote is None:
            return "is not there"
        if remote.size != self.size:
            return f"has {remote.size} bytes instead of {self.size}"
        same = remote.lfs.sha256 == self.sha256 if remote.lfs else remote.blob_id == self.blob_sha1
        return None if same else "has another hash"


Local = dict[str, LocalFile]


@dataclass(frozen=True)
class Remote:
    """A commit on the Hub.

    Attributes:
        commit: its 40 hexadecimal digits.
        private: whether its repository is.
        files: what it holds, by path.
        exported: what an earlier export put there, by its own account.
    """

    commit: str
    private: bool
    files: "dict[str, RepoFile]"
    exported: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Plan:
    """What makes a commit hold a local folder: paths to send and paths to delete."""

    send: list[str]
    delete: list[str]

    def __bool__(self) -> bool:
        return bool(self.send or self.delete)


def read_folder(folder: Path) -> Local:
    """Every file below a folder, by its path in the repository."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): LocalFile(path, path.stat().st_size) for path in paths}


def compare(local: Local, remote: Remote) -> Plan:
    """What to send and delete; of what is on the Hub and not in the folder, what is neither ours nor loaded stays."""
    send = [name for name, file in local.items() if file.difference(remote.files.get(name))]
    new_weights = any(_fits(name, _LOADED_INSTEAD) for name in send)
    older = (*_LOADED_INSTEAD, *(_MADE_FROM_WEIGHTS + _SETTINGS_OF_OLD_WEIGHTS if new_weights else ()))
    gone = [name for name in remote.files if name not in local]
    return Plan(send, [name for name in gone if name in remote.exported or _fits(name, older)])


def mismatch(local: Local, before: Iterable[str], plan: Plan, remote: Remote) -> str | None:
    """The first file of a commit that is not as it was to be, in words; None where all are.

    Args:
        before: the paths that the parent of the commit had.
    """
    for name, file in local.items():
        if difference := file.difference(remote.files.get(name)):
            return f"{name} {difference}"
    expected = (set(before) | set(local)) - set(plan.delete)
    for name in sorted(expected ^ set(remote.files)):
        return f"{name} is not there any more" if name in expected else f"{name} is there and should not be"
    return None


def _fits(name: str, patterns: Iterable[str]) -> bool:
    # Of the root alone: what lies in folders is another model's, or another part's.
    return "/" not in name and any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
