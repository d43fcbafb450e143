"""stdout holds results only."""

import subprocess
import sys

import pytest

from gpg_cli.console import stdout_on_stderr


def test_what_is_printed_meanwhile_goes_to_stderr_whoever_prints(capfd: pytest.CaptureFixture[str]) -> None:
    held = sys.stdout
    print("before")
    with stdout_on_stderr():
        print("printed")
        print("by one who holds the stream", file=held)
        subprocess.run(["echo", "by a child"], check=True)
    print("after")
    out, err = capfd.readouterr()
    assert out == "before\nafter\n"
    assert sorted(err.splitlines()) == ["by a child", "by one who holds the stream", "printed"]
