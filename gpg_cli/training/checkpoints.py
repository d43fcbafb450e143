"""Checkpoints as files: each is whole and says so, or it is not gone on from.

A checkpoint is written in RUN/.checkpoint.tmp/, sealed with a manifest of every file, and renamed to
RUN/checkpoint-<step>. Where that step is there already, the old one is first renamed to RUN/.checkpoint-<step>.old and
deleted when the new one is in place. A run that is killed between these leaves a whole checkpoint under one of the two
names, and `find_newest` knows both. The name with a dot in front is not taken for a checkpoint by anything else.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpg_cli.errors import GpgError
from gpg_cli.run_folder import read_json, write_json

MANIFEST = "manifest.json"
STAGING = ".checkpoint.tmp"
SCHEMA = 1

_CHECKPOINT = re.compile(r"checkpoint-(\d+)|\.checkpoint-(\d+)\.old")


@dataclass(frozen=True)
class Newest:
    """The checkpoint to go on from.

    Attributes:
        path: its folder.
        ignored: newer ones that are broken, newest first, and what is wrong with each.
    """

    path: Path
    ignored: list[tuple[Path, str]]


def seal(folder: Path, facts: dict[str, Any]) -> None:
    """Write the manifest: the facts, and the size and SHA-256 of every file below the folder.

    When this returns, all of it is on disk, the manifest last: a folder that has one was written to its end.

    Args:
        folder: holds all files of the checkpoint.
        facts: about the run, as JSON takes them; other values are written as text.
    """
    for left_by_another_try in (MANIFEST, f"{MANIFEST}.tmp"):
        (folder / left_by_another_try).unlink(missing_ok=True)
    files = {}
    for path in sorted(_files_below(folder)):
        _sync(path)
        files[path.relative_to(folder).as_posix()] = {"size": path.stat().st_size, "sha256": _sha256(path)}
    for parent, _, _ in os.walk(folder):
        _sync_folder(Path(parent))
    write_json(folder / MANIFEST, {"schema": SCHEMA, "facts": facts, "files": files})
    _sync(folder / MANIFEST)
    _sync_folder(folder)


def publish(staged: Path, final: Path) -> None:
    """Rename a sealed folder into place; a checkpoint of the same step is replaced.

    Args:
        staged: on the same file system as `final`.
        final: RUN/checkpoint-<step>.
    """
    aside = final.with_name(f".{final.name}.old")
    if final.exists():
        # Whatever is deleted or renamed here, the other one of the two is whole.
        if aside.exists() and what_is_wrong(aside, hashes=False) is None:
            _delete(final)
        else:
            _delete(aside)
            os.rename(final, aside)
    try:
        os.rename(staged, final)
    except OSError:
        if aside.exists():
            os.rename(aside, final)
        raise
    _sync_folder(final.parent)
    _delete(aside)


def what_is_wrong(folder: Path, *, hashes: bool = True) -> str | None:
    """Why a checkpoint is not whole, in a short sentence about it; None where it is.

    Files that the manifest does not name are harmless.

    Args:
        folder: of the checkpoint.
        hashes: read all files; without, only their sizes are compared, which takes no time.
    """
    if not (folder / MANIFEST).is_file():
        return f"has no {MANIFEST}: it was not written to its end"
    try:
        manifest = read_json(folder / MANIFEST)
        recorded = {name: (int(entry["size"]), str(entry["sha256"])) for name, entry in manifest["files"].items()}
        schema = manifest["schema"]
    except (GpgError, KeyError, TypeError, ValueError, AttributeError):
        return f"{MANIFEST} is not readable"
    if schema != SCHEMA:
        return f"{MANIFEST} has schema {schema}, this version of gpg reads {SCHEMA}"
    # All sizes first: what was cut short shows without reading gigabytes.
    checks = (_wrong_size, _wrong_hash) if hashes else (_wrong_size,)
    faults = (check(folder, name, *entry) for check in checks for name, entry in recorded.items())
    try:
        return next(filter(None, faults), None)
    except OSError as error:
        return f"{Path(error.filename or folder).name} cannot be read: {error.strerror}"


def find_newest(run: Path) -> Newest:
    """The whole checkpoint of a run that has the highest step; every hash is checked.

    Raises:
        GpgError: there is none; broken ones are named with what is wrong.
    """
    ignored: list[tuple[Path, str]] = []
    for _, path in _checkpoints(run):
        wrong = what_is_wrong(path)
        if wrong is None:
            return Newest(path, ignored)
        ignored.append((path, wrong))
    broken = "; ".join(f"{path.name}: {wrong}" for path, wrong in ignored)
    raise GpgError(
        f"no checkpoint in {run} is whole: {broken}" if broken else f"there is no checkpoint in {run}",
        "Start again without --resume.",
    )


def read_facts(folder: Path) -> dict[str, Any]:
    """What `seal` was told.

    Raises:
        GpgError: there is no readable manifest.
    """
    facts = read_json(folder / MANIFEST).get("facts")
    if not isinstance(facts, dict):
        raise GpgError(f"{folder / MANIFEST} holds no facts about the run", "Go on from another checkpoint.")
    return facts


def delete_old(run: Path, keep: int | None, protect: Path | None = None, *, hashes: bool = False) -> None:
    """Make room: keep the newest whole checkpoints, and clear away what interrupted writing left.

    Broken checkpoints go with the whole ones of their age; those newer than the oldest that is kept stay, to be looked
    at.

    Args:
        run: the run folder.
        keep: how many whole checkpoints stay; None and 0 keep all.
        protect: one that stays whatever its age.
        hashes: how wholeness is judged, as for `what_is_wrong`.
    """
    _delete(run / STAGING)
    kept: set[int] = set()
    for step, path in _checkpoints(run):
        # The whole one of a step comes first under its own name, so a second one is a leftover of `publish`.
        is_leftover = path.name.startswith(".") and step in kept
        is_old = keep is not None and 0 < keep <= len(kept)
        is_protected = protect is not None and path.resolve() == protect.resolve()
        if (is_leftover or is_old) and not is_protected:
            _delete(path)
        elif what_is_wrong(path, hashes=hashes) is None:
            kept.add(step)


def differing_settings(before: dict[str, Any], now: dict[str, Any], *, may_differ: set[str]) -> list[str]:
    """The settings that are not those of the checkpoint, a line each, such as `seed: 1 in the checkpoint, 2 now`.

    They are compared as JSON gives them back (a tuple is a list, a path is text); one that is not set is null.

    Args:
        before: from a manifest.
        now: of this run.
        may_differ: keys that are not looked at.
    """
    lines = []
    for key in sorted((before.keys() | now.keys()) - may_differ):
        then, today = _as_json(before.get(key)), _as_json(now.get(key))
        if then != today and before.get(key) != now.get(key):
            lines.append(f"{key}: {then} in the checkpoint, {today} now")
    return lines


def _checkpoints(run: Path) -> list[tuple[int, Path]]:
    """(step, folder), the highest step first; of one step, what `publish` put aside last."""
    matches = [(_CHECKPOINT.fullmatch(path.name), path) for path in run.glob("*checkpoint-*") if path.is_dir()]
    found = [(int(match[1] or match[2]), path) for match, path in matches if match]
    return sorted(found, key=lambda item: (item[0], not item[1].name.startswith(".")), reverse=True)


def _wrong_size(folder: Path, name: str, size: int, digest: str) -> str | None:
    path = folder / name
    if not _is_inside(path, folder):
        return f"{name} leads out of the checkpoint"
    if not path.is_file():
        return f"{name} is missing"
    found = path.stat().st_size
    return None if found == size else f"{name} has {found} bytes, the manifest says {size}"


def _wrong_hash(folder: Path, name: str, size: int, digest: str) -> str | None:
    return None if _sha256(folder / name) == digest else f"{name} differs from its hash in the manifest"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def _files_below(folder: Path) -> Iterator[Path]:
    """Regular files, and links to files inside the folder; links out of it are no part of the checkpoint."""
    paths = (Path(parent, name) for parent, _, names in os.walk(folder) for name in names)
    return (path for path in paths if path.is_file() and _is_inside(path, folder))


def _is_inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    # Some network file systems cannot; after a power cut the manifest tells what is missing.
    with contextlib.suppress(OSError):
        _sync(folder)


def _delete(path: Path) -> None:
    if path.is_symlink():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)
