"""Threads that somebody else's code left running must not keep a process from ending whose work is done."""

import os
import sys
import threading
import time

# What ends by itself, a pool of idle workers or an upload, has done so by then.
PATIENCE_S = 10.0


def end_without_them(code: int, patience_s: float = PATIENCE_S) -> None:
    """Have this process end with `code` in `patience_s` at the latest, though threads are left that Python waits for.

    The last thing that a command does. Without such threads nothing is done, and Python ends as it always does.
    """
    left = [thread for thread in threading.enumerate() if thread is not threading.main_thread() and not thread.daemon]
    if left:
        threading.Thread(target=_end, args=(left, code, patience_s), daemon=True).start()


def _end(left: list[threading.Thread], code: int, patience_s: float) -> None:
    give_up_at = time.monotonic() + patience_s
    for thread in left:
        thread.join(max(0.0, give_up_at - time.monotonic()))
    names = ", ".join(thread.name for thread in left if thread.is_alive())
    if names:
        from gpg_cli.console import say

        say(f"[yellow]Threads were left running (by a reward function?) and are ended: {names}[/]")
        sys.stdout.flush()
        os._exit(code)
