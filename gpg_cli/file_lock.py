"""A file that one process at a time has for itself; the kernel takes the lock back from one that is killed."""

import os
from pathlib import Path
from typing import IO


def take_lock(path: Path) -> IO[bytes] | None:
    """Make and lock a file; the lock lasts until the file is closed.

    Where there are no such locks, on Windows and some network file systems, everybody gets one.

    Returns:
        The open file; None where another process has the lock.

    Raises:
        OSError: the file cannot be made.
    """
    while True:
        file = path.open("ab")
        if not _lock(file):
            file.close()
            return None
        if _is_at(path, file):
            return file
        file.close()  # the one who had it has deleted it in between


def _lock(file: IO[bytes]) -> bool:
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def _is_at(path: Path, file: IO[bytes]) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False
