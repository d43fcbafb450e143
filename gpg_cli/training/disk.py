"""A disk that is full, over its quota, read-only or broken: told in words, wherever a library met it."""

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

from gpg_cli.errors import GpgError
from gpg_cli.training.going_on import resume_command

_FAULTS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}
# safetensors 0.8 says it in the words of Rust, PyTorch 2.13 without saying what it is.
_RUST = re.compile(r"os error (\d+)")
_PYTORCH = ("PytorchStreamWriter failed", "inline_container", "No space left")


def disk_fault(error: BaseException) -> OSError | None:
    """What a disk did, as the standard library, safetensors and PyTorch say it; None for every other exception."""
    if isinstance(error, OSError):
        return error if error.errno in _FAULTS else None
    text = str(error)
    if number := _RUST.search(text):
        return OSError(int(number[1]), os.strerror(int(number[1])))
    return OSError(text) if any(sign in text for sign in _PYTORCH) else None


def reason_of(problem: OSError) -> str:
    """Such as `No space left on device`, with the file where it is known."""
    reason = problem.strerror or str(problem)
    return f"{problem.filename}: {reason}" if problem.filename else reason


@contextlib.contextmanager
def disk_faults_in_words(run: Path) -> Iterator[None]:
    """While a run writes into its folder.

    Raises:
        GpgError: there is no room, or the disk cannot be written.
    """
    try:
        yield
    except GpgError:  # it is told already
        raise
    except Exception as error:
        problem = disk_fault(error)
        if problem is None:
            raise
        raise GpgError(
            f"could not write to {run}: {reason_of(problem)}",
            f"Make room, then go on from the last checkpoint, if there is one: {resume_command(run)}",
        ) from error
