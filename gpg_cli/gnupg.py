"""GnuPG, whose command is called `gpg` too: where it is, and becoming it.

Standard library only: this runs before anything heavy is imported.
"""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

# Which scripts this very process has been handed to already: its id, then their paths. See `hand_over`.
_TRAIL = "GPG_CLI_HANDED_TO"
# Console scripts that pip, uv and pipx write have less than 1 kB.
_SCRIPT_BYTES = 4096


def version_lines() -> list[str]:
    """What `gpg --version` prints: our version, then where GnuPG is."""
    from gpg_cli import __version__

    return [f"gpg-cli {__version__}", f"GnuPG: {find_gnupg() or 'not found on PATH'}"]


def find_gnupg() -> Path | None:
    """The first executable `gpg` on PATH that is not ours, neither from this environment nor from another one."""
    tried = _scripts_tried()
    for folder in _path_folders():
        candidate = folder / "gpg"
        if not candidate.is_file() or not os.access(candidate, os.X_OK):
            continue
        if not _is_our_script(candidate) and str(candidate) not in tried:
            return candidate
    return None


def hand_over(gnupg: Path, arguments: list[str]) -> NoReturn:
    """Replace this process by GnuPG; exits with code 2 where the system cannot start it."""
    # Python ignores these two at start, and an ignored signal stays ignored across exec: GnuPG would then meet EPIPE
    # where `gpg ... | head` should end it quietly. subprocess restores the same ones (restore_signals).
    for name in ("SIGPIPE", "SIGXFSZ"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    environment = os.environ.copy()
    # A script may call `gpg` by exec once more and so come back to us (pyenv's and asdf's shims do), for ever. Exec
    # keeps the process id: by it, the next one of us knows which scripts this process has been through. A binary, as
    # GnuPG itself is, gets its environment untouched.
    if _head_of_script(gnupg):
        environment[_TRAIL] = os.pathsep.join([str(os.getpid()), *_scripts_tried(), str(gnupg)])
    try:
        os.execve(gnupg, [str(gnupg), *arguments], environment)
    except OSError as error:
        fail(f"cannot start GnuPG at {gnupg}: {error.strerror}", "Repair it, or call `gpg-cli` for this program.")


def _path_folders() -> Iterator[Path]:
    for entry in os.environ.get("PATH", os.defpath).split(os.pathsep):
        # An empty entry is the current folder for a shell, and a relative one depends on it: a `gpg` that lies in a
        # downloaded project must not be handed keys and passphrases.
        if os.path.isabs(entry):
            yield Path(entry)


def _is_our_script(path: Path) -> bool:
    """Whether a file is our console script: it is the same in every environment but for its first line."""
    return b"gpg_cli" in _head_of_script(path)


def _head_of_script(path: Path) -> bytes:
    """The beginning of a script, or nothing where the file is a binary or may be run but not read."""
    try:
        with path.open("rb") as file:
            head = file.read(_SCRIPT_BYTES)
    except OSError:
        return b""
    return head if head.startswith(b"#!") else b""


def _scripts_tried() -> list[str]:
    process, *scripts = os.environ.get(_TRAIL, "").split(os.pathsep)
    return scripts if process == str(os.getpid()) else []


def fail(message: str, hint: str) -> NoReturn:
    """Two lines on stderr and exit code 2, as for every mistake, without the libraries that print the others."""
    print(f"Error: {message}\n{hint}", file=sys.stderr)
    sys.exit(2)
