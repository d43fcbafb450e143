"""One process at a time writes an evaluation's folder, and what goes wrong while it does is told in words."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.engine import GO_ON_HINT
from gpg_cli.file_lock import take_lock

# Deleted at the end; what a kill leaves of it is harmless.
LOCK_FILE = ".gpg-eval.lock"


@contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Keep other evaluations out of a folder; it is made where it is missing, and goes again where nothing came in.

    Raises:
        GpgError: another process has it, or it cannot be written.
    """
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    with told_in_words(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = take_lock(folder / LOCK_FILE)
    if lock is None:
        raise GpgError(
            f"another evaluation is writing to {folder}", "Wait for it to end, or name another --output-dir."
        )
    try:
        yield
    finally:
        with lock, suppress(OSError):
            (folder / LOCK_FILE).unlink()
        with suppress(OSError):  # one that is not empty
            for place in made:
                os.rmdir(place)


@contextmanager
def told_in_words(folder: Path) -> Iterator[None]:
    """What goes wrong while an evaluation's folder is written, as a GpgError.

    Raises:
        GpgError: the disk is full, may not be written, or has gone.
    """
    try:
        yield
    except OSError as error:
        raise GpgError(
            f"cannot write to {folder}: {error.strerror or error}",
            f"Make room there, or mend its permissions. {GO_ON_HINT}",
        ) from error
