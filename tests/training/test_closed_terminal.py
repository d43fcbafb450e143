"""A terminal that is closed while a run shows itself on it, as when a connection to the machine breaks."""

import contextlib
import fcntl
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gpg_cli.training.checkpoints import find_newest, read_facts


@pytest.mark.slow
def test_a_run_saves_and_ends_when_its_terminal_is_closed(tiny_model: Path, json_lines: Callable) -> None:
    rows = json_lines(*({"problem": f"1{n}+1{n}=", "answer": str(20 + 2 * n)} for n in range(8)))
    settings = ("per_device_train_batch_size=8", "max_completion_length=8", "save_steps=100000", "eval_bench=null")
    sets = [part for each in ("save_strategy=steps", *settings) for part in ("--set", each)]
    given = ("--model", str(tiny_model), "--dataset", str(rows), "--max-steps", "100000", "--output-dir", "run")
    ours, its = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-m", "gpg_cli", "train", "--preset", "quickstart", *given, *sets],
        **dict.fromkeys(("stdin", "stdout", "stderr"), its),
        start_new_session=True,
        preexec_fn=_take_the_terminal,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    os.close(its)
    enough = threading.Event()
    shown = threading.Thread(target=_read, args=(ours, enough), daemon=True)
    shown.start()
    try:
        metrics = Path("run/metrics.jsonl")
        while not metrics.is_file() or metrics.read_bytes().count(b"\n") < 3:
            time.sleep(0.05)
            assert running.poll() is None
        enough.set()
        shown.join()  # a terminal that somebody waits to read from is not closed before there is something to read
        os.close(ours)
        assert running.wait(120) == 0
    finally:
        enough.set()
        running.kill()
    assert read_facts(find_newest(Path("run")).path)["step"] >= 3


def _take_the_terminal() -> None:
    # What nohup started ignores it, or what else started the tests holds it back, and so do its children.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGHUP])
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _read(terminal: int, enough: threading.Event) -> None:
    with contextlib.suppress(OSError):  # the run has ended
        while not enough.is_set():
            if select.select([terminal], [], [], 0.1)[0]:
                os.read(terminal, 65536)
