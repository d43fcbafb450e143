"""What a disk did, in the words of whoever met it."""

import errno
import resource
import signal
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from gpg_cli.errors import GpgError
from gpg_cli.training.disk import disk_fault, disk_faults_in_words


@pytest.mark.parametrize("write", [save_file, torch.save])
def test_libraries_that_meet_a_limit_are_understood(write, tmp_path: Path) -> None:
    """A limit on the size of files stands for a full disk: neither library raises an OSError."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(Exception) as raised:  # noqa: PT011 (which one is the library's affair)
            write({"weight": torch.zeros(100_000)}, tmp_path / "file")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert disk_fault(raised.value) is not None


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "could not write to run: No space left on device"),
        (OSError(errno.EDQUOT, "Disk quota exceeded", "run/run.json.tmp"), "run/run.json.tmp: Disk quota exceeded"),
        (RuntimeError("Error while serializing: I/O error: x (os error 30)"), "to run: Read-only file system"),
    ],
)
def test_a_run_says_what_happened_and_how_to_go_on(error: Exception, told: str) -> None:
    with pytest.raises(GpgError, match=told) as raised, disk_faults_in_words(Path("run")):
        raise error
    assert raised.value.hint.endswith("gpg train --resume run")


@pytest.mark.parametrize("error", [FileNotFoundError(errno.ENOENT, "No such file"), RuntimeError("shapes differ")])
def test_other_errors_stay_what_they_are(error: Exception) -> None:
    with pytest.raises(type(error)), disk_faults_in_words(Path("run")):
        raise error
