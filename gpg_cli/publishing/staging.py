"""Where an export is built, so that its target is either whole or untouched."""

import ctypes
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.markup import escape

from gpg_cli.console import say
from gpg_cli.errors import GpgError
from gpg_cli.file_lock import take_lock
from gpg_cli.run_folder import check_output_folder

_PREFIX = ".gpg-export-"
_LOCK = "lock"
_STAGED, _REPLACED = "model", "replaced"
# Of linux/fs.h and fcntl.h.
_RENAME_EXCHANGE = 2
_AT_FDCWD = -100


def check_target(target: Path, source: Path, *, overwrite: bool, marker: str) -> None:
    """Refuse a target that cannot be put in place later, without touching anything.

    Raises:
        GpgError: it holds something that may not be replaced (see `run_folder.check_output_folder`), or the source, or
            it cannot be renamed to.
    """
    check_output_folder(target, overwrite=overwrite, written_by_us=[marker])
    if source.resolve().is_relative_to(target.resolve()):
        raise GpgError(f"{target} holds the model to export", "Name another output folder.")
    if Path.cwd().is_relative_to(target.resolve()):
        # It would be renamed away under the shell that stands in it.
        raise GpgError(f"{target} is the current folder", "Go up and name it from there.")
    if target.is_mount():
        raise GpgError(
            f"{target} is a mount point, so it cannot be replaced whole", f"Name {target / 'model'} instead."
        )
    place = _nearest_place(target)
    if not place.is_dir():
        raise GpgError(f"{place} is a file, not a folder", "Name another output folder.")
    if not os.access(place, os.W_OK):
        raise GpgError(f"cannot write to {place}", "Name another output folder.")


@contextmanager
def staging_folder(target: Path | None, needed_bytes: int = 0) -> Iterator[Path]:
    """A folder to build the export in, on the target's file system; what is left of it at the end is removed.

    Args:
        needed_bytes: that will be written; asked of the disk before anything is.

    Raises:
        GpgError: there is no room, or the system refuses to write, here or in the body.
    """
    # In the nearest folder that exists: parents of the target that do not are made only when all has gone well.
    place = _nearest_place(target) if target is not None else Path(tempfile.gettempdir())
    _remove_left_behind(place)
    _check_room(place, needed_bytes)
    try:
        with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=place) as folder, _in_use(Path(folder)):
            staged = Path(folder) / _STAGED
            staged.mkdir()
            yield staged
    except OSError as error:
        where = target or tempfile.gettempdir()
        raise GpgError(
            f"cannot export to {where}: {error}", "Make room, mend the permissions, or name another folder with --to."
        ) from error


def put_in_place(staged: Path, target: Path) -> None:
    """Rename a finished folder to its target, replacing what `check_target` allowed to replace.

    The two change places at once where the system can do that: a kill finds the old export or the new one there. The
    old export, where there is one, goes into the staging folder, and so away with it.
    """
    target = target.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists() and _exchange(staged, target):
        shutil.rmtree(staged, ignore_errors=True)
        return
    aside = staged.with_name(_REPLACED)
    if target.exists():
        os.replace(target, aside)
    try:
        os.replace(staged, target)
    except OSError:
        if aside.exists():
            os.replace(aside, target)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Let two folders take each other's place in one step; False where the system (not Linux) or its files cannot."""
    rename = getattr(ctypes.CDLL(None) if os.name == "posix" else None, "renameat2", None)
    if rename is None:
        return False
    done: int = rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)
    return done == 0


@contextmanager
def _in_use(folder: Path) -> Iterator[None]:
    """While it is entered, `_remove_left_behind` leaves the folder alone."""
    # Under another name until it is locked, so that nobody finds it in between.
    lock = take_lock(folder / f"{_LOCK}.new")
    os.replace(folder / f"{_LOCK}.new", folder / _LOCK)
    try:
        yield
    finally:
        if lock is not None:
            lock.close()


def _remove_left_behind(place: Path) -> None:
    """Delete the copies of models that exports which were killed could not take away with them."""
    for folder in place.glob(f"{_PREFIX}*"):
        # An old export of which there is nothing else.
        if not (folder / _LOCK).is_file() or ((folder / _STAGED).exists() and (folder / _REPLACED).exists()):
            continue
        try:
            lock = take_lock(folder / _LOCK)
        except OSError:  # somebody else's
            continue
        if lock is not None:
            with lock:
                shutil.rmtree(folder, ignore_errors=True)
            say(f"Removed {escape(str(folder))}, which an export that was killed had left behind.")


def _check_room(place: Path, needed_bytes: int) -> None:
    free = shutil.disk_usage(place).free
    if free < needed_bytes:
        raise GpgError(
            f"the export needs {needed_bytes / 1e9:.2f} GB in {place}, where {free / 1e9:.2f} GB are free",
            "Make room there, or name a folder on another disk: --to, or TMPDIR for what is only uploaded.",
        )


def _nearest_place(target: Path) -> Path:
    """The nearest parent of a folder that exists."""
    return next(parent for parent in target.resolve().parents if parent.exists())
