"""Kills at chosen moments: `python -m tests.faults.killing MODULES LINE gpg-arguments` runs `gpg` and dies at a line.

A moment is the n-th line of code, of certain modules, that the main thread comes to: so kills can fall into phases of
milliseconds. With LINE 0 nothing is killed, and the lines that each module came to are printed as the last line.
"""

import json
import os
import signal
import sys
from collections import Counter
from types import FrameType
from typing import Any


def main(modules: list[str], line: int) -> None:
    """Run `gpg` with the arguments that are left in sys.argv, and kill its process group at a line."""
    counted: Counter[str] = Counter()

    def watch(frame: FrameType, event: str, argument: Any) -> Any:
        name = str(frame.f_globals.get("__name__"))
        if not name.startswith(tuple(modules)):
            return None
        if event == "line":
            counted[name] += 1
            if counted.total() == line:
                os.killpg(os.getpgid(0), signal.SIGKILL)
        return watch

    from gpg_cli.cli import main as gpg

    sys.settrace(watch)
    try:
        gpg()
    finally:
        sys.settrace(None)
        if not line:
            print(json.dumps(counted))


if __name__ == "__main__":
    _, modules, line, *sys.argv[1:] = sys.argv
    main(modules.split(","), int(line))
