"""A process ends though somebody's thread does not."""

import subprocess
import sys
import time

import pytest

PROGRAM = """
import sys, threading, time
from concurrent.futures import ThreadPoolExecutor
from gpg_cli.leftover_threads import end_without_them
{start}
end_without_them(3, patience_s=0.3)
sys.exit(3)
"""


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ("threading.Thread(target=time.sleep, args=(60,), name='left').start()", "ended: left"),
        ("ThreadPoolExecutor(1, 'pool').submit(time.sleep, 60)", "ended: pool_0"),
        ("threading.Thread(target=time.sleep, args=(0.1,)).start()", ""),
        ("threading.Thread(target=time.sleep, args=(60,), daemon=True).start()", ""),
    ],
)
def test_it_ends_with_its_code(start: str, said: str) -> None:
    started = time.monotonic()
    program = [sys.executable, "-c", PROGRAM.format(start=start)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 3
    assert time.monotonic() - started < 30
    assert said in done.stderr
    assert bool(said) == bool(done.stderr)
