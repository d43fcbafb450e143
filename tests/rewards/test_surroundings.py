"""What code of the user's changes in our process is put back."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gpg_cli.rewards.surroundings import surroundings_kept


def test_folder_signals_and_torchs_modes_are_put_back(tmp_path: Path) -> None:
    before = os.getcwd(), signal.getsignal(signal.SIGTERM), sys.getrecursionlimit()
    with surroundings_kept():
        os.chdir("/")
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sys.setrecursionlimit(5000)
        torch.set_grad_enabled(False)
        torch.set_default_dtype(torch.float64)
        torch.set_default_device("meta")
    assert (os.getcwd(), signal.getsignal(signal.SIGTERM), sys.getrecursionlimit()) == before
    assert (torch.is_grad_enabled(), torch.ones(1).dtype, torch.ones(1).device.type) == (True, torch.float32, "cpu")


def test_streams_may_be_closed_replaced_and_wrapped(capfd: pytest.CaptureFixture[str]) -> None:
    with surroundings_kept():
        print("printed")
        sys.stdout.buffer.write(b"bytes\n")
        sys.stdout.close()
        sys.stderr = None  # type: ignore[assignment]
        os.close(1)
        os.close(2)
    print("still there")
    print("and here", file=sys.stderr)
    subprocess.run(["echo", "for children too"], check=True)
    out, err = capfd.readouterr()
    assert sorted(out.splitlines()) == ["bytes", "for children too", "printed", "still there"]
    assert err == "and here\n"


def test_an_exception_passes_and_all_is_put_back() -> None:
    def fail_elsewhere() -> None:
        with surroundings_kept():
            os.chdir("/")
            raise ValueError("no")

    before = os.getcwd()
    with pytest.raises(ValueError, match="no"):
        fail_elsewhere()
    assert os.getcwd() == before


@pytest.mark.parametrize("end", ["return", "raise"])
def test_a_fork_does_not_get_out(end: str) -> None:
    child = 0
    with surroundings_kept():
        child = os.fork()
        if child == 0 and end == "raise":
            raise SystemExit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 70
