from pathlib import Path
from typing import Any

from gpg_cli.publishing.hub_tree import LocalFile, Plan, Remote, compare, mismatch, read_folder


def remote(**files: bytes) -> Remote:
    """A commit as the Hub lists it: a.json regular, b.safetensors by LFS."""
    from huggingface_hub.hf_api import RepoFile
    from huggingface_hub.utils.sha import git_hash

    def listed(name: str, content: bytes) -> Any:
        from hashlib import sha256

        path = name.replace("_", ".")
        lfs = {"oid": sha256(content).hexdigest(), "size": len(content), "pointerSize": 134}
        by_lfs = {"lfs": lfs} if path.endswith("safetensors") else {}
        return RepoFile(path=path, size=len(content), oid=git_hash(content), **by_lfs)

    entries = [listed(name, content) for name, content in files.items()]
    return Remote(commit="0" * 40, private=False, files={entry.path: entry for entry in entries})


def folder(path: Path, **files: bytes) -> dict[str, LocalFile]:
    for name, content in files.items():
        (path / name.replace("_", ".")).write_bytes(content)
    return read_folder(path)


def test_the_hash_of_a_regular_file_is_that_of_git(tmp_path: Path) -> None:
    # `printf 'Hello, World!' | git hash-object --stdin`
    local = folder(tmp_path, a_json=b"Hello, World!")
    assert local["a.json"].blob_sha1 == "b45ef6fec89518d314f546fd6c3025367b721684"


def test_what_is_the_same_is_neither_sent_nor_deleted(tmp_path: Path) -> None:
    local = folder(tmp_path, a_json=b"{}", b_safetensors=b"weights")
    there = remote(a_json=b"{}", b_safetensors=b"weights", notes_md=b"")
    assert not compare(local, there)
    assert compare(local, remote(a_json=b"[]", b_safetensors=b"WEIGHTS")) == Plan(["a.json", "b.safetensors"], [])


def test_a_commit_that_is_not_what_was_sent_is_told_by_its_first_such_file(tmp_path: Path) -> None:
    local = folder(tmp_path, a_json=b"{}", b_safetensors=b"weights")
    before, plan = ["old.safetensors", "notes.md"], Plan(["a.json", "b.safetensors"], ["old.safetensors"])

    def told(**files: bytes) -> str | None:
        return mismatch(local, before, plan, remote(**files))

    whole = {"a_json": b"{}", "b_safetensors": b"weights", "notes_md": b""}
    assert told(**whole) is None
    assert told(**whole | {"b_safetensors": b"WEIGHTS"}) == "b.safetensors has another hash"
    assert told(**whole | {"a_json": b"{ }"}) == "a.json has 3 bytes instead of 2"
    assert told(a_json=b"{}", notes_md=b"") == "b.safetensors is not there"
    assert told(**whole | {"old_safetensors": b""}) == "old.safetensors is there and should not be"
    assert told(a_json=b"{}", b_safetensors=b"weights") == "notes.md is not there any more"
