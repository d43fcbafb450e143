"""Where an export is built, so that its target is either whole or untouched."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gpg_cli.errors import GpgError
from gpg_cli.run_folder import check_output_folder


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
    place = _nearest_place(target) if target is not None else None
    _check_room(place or Path(tempfile.gettempdir()), needed_bytes)
    try:
        with tempfile.TemporaryDirectory(prefix=".gpg-export-", dir=place) as folder:
            staged = Path(folder) / "model"
            staged.mkdir()
            yield staged
    except OSError as error:
        where = target or tempfile.gettempdir()
        raise GpgError(
            f"cannot export to {where}: {error}", "Make room, mend the permissions, or name another folder with --to."
        ) from error


def put_in_place(staged: Path, target: Path) -> None:
    """Rename a finished folder to its target, replacing what `check_target` allowed to replace.

    The old export, where there is one, goes aside into the staging folder, and so away with it.
    """
    target = target.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = staged.with_name("replaced")
    if target.exists():
        os.replace(target, aside)
    try:
        os.replace(staged, target)
    except OSError:
        if aside.exists():
            os.replace(aside, target)
        raise
    shutil.rmtree(aside, ignore_errors=True)


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
