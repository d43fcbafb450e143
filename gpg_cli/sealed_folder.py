"""A folder that says of itself whether it is whole: a manifest names every file with its size and hash.

Training writes checkpoints so; publishing takes none that is not.
"""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gpg_cli.errors import GpgError
from gpg_cli.run_folder import read_json, write_json

MANIFEST = "manifest.json"
SCHEMA = 1


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
        sync_folder(Path(parent))
    write_json(folder / MANIFEST, {"schema": SCHEMA, "facts": facts, "files": files})
    _sync(folder / MANIFEST)
    sync_folder(folder)


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
    except (GpgError, KeyError, TypeError, ValueError, AttributeError, OverflowError):
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


def sync_folder(folder: Path) -> None:
    # Some network file systems cannot; after a power cut the manifest tells what is missing.
    with contextlib.suppress(OSError):
        _sync(folder)
