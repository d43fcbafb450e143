"""stdout holds results only."""

import subprocess
import sys

PROGRAM = """
import subprocess, sys
from gpg_cli.console import stdout_on_stderr
held = sys.stdout
print("before")
with stdout_on_stderr():
    print("printed")
    print("by one who holds the stream", file=held)
    subprocess.run(["echo", "by a child"], check=True)
print("after")
"""


def test_what_is_printed_meanwhile_goes_to_stderr_whoever_prints() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout == "before\nafter\n"
    assert sorted(done.stderr.splitlines()) == ["by a child", "by one who holds the stream", "printed"]
