"""A command that is watched from outside while it runs: what it holds, and what it costs."""

import os
import pty
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


@dataclass
class Seen:
    """One value for each look at the process.

    Attributes:
        done: how much of its work it had done.
        memory: resident, in MiB, of the process and all its descendants.
        files, threads: open ones, of all of them too.
        processor: seconds of processor time so far.
        shown: bytes it had written to its terminal.
        clock: seconds since its start.
    """

    done: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    files: list[float] = field(default_factory=list)
    threads: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    shown: list[float] = field(default_factory=list)
    clock: list[float] = field(default_factory=list)

    def growth(self, of: str) -> tuple[float, float]:
        """By how much of its middle a line through the second half of the work rises, and its standard error."""
        return _growth(np.array(self.done), np.array(getattr(self, of)))

    def growth_of_cost(self, of: str, per: str = "done", blocks: int = 40) -> tuple[float, float]:
        """The same for what a unit of work costs, or a second, from a total that only ever grows."""
        done, total = np.array(getattr(self, per)), np.array(getattr(self, of))
        edges = np.linspace(done[0], done[-1], blocks + 1)
        at_edges = np.interp(edges, done, total)
        return _growth((edges[1:] + edges[:-1]) / 2, np.diff(at_edges) / np.diff(edges), in_waves=True)


def watch(arguments: list[str], done: Callable[[], int], *, every_s: float = 0.2) -> Seen:
    """Run `gpg` with a terminal of 100 columns, looking at it until it ends well.

    Args:
        done: how much of the work is on record; looks are taken from the first on.
    """
    command = [sys.executable, "-m", "gpg_cli", *arguments]
    checkout = str(Path(__file__).parents[2])
    environment = os.environ | {"COLUMNS": "100", "TERM": "xterm-256color", "PYTHONPATH": checkout}
    main_end, its_end = pty.openpty()
    seen, shown, started = Seen(), bytearray(), time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=its_end, env=environment, text=True)
    os.close(its_end)
    threading.Thread(target=_drain, args=(main_end, shown), daemon=True).start()
    while process.poll() is None:
        time.sleep(every_s)
        if not (now := done()) or (seen.done and now == seen.done[-1]):
            continue
        try:
            tree = _descendants(process.pid)
            looked = (
                sum(_resident_mib(pid) for pid in tree),
                sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in tree),
                sum(len(os.listdir(f"/proc/{pid}/task")) for pid in tree),
                sum(_processor_s(pid) for pid in tree),
            )
        except OSError:  # one of them has ended
            continue
        seen.done.append(now)
        for name, value in zip(("memory", "files", "threads", "processor"), looked, strict=True):
            getattr(seen, name).append(value)
        seen.shown.append(len(shown))
        seen.clock.append(time.monotonic() - started)
    assert process.returncode == 0, shown.decode(errors="replace")[-2000:]
    return seen


def _growth(done: np.ndarray, values: np.ndarray, *, in_waves: bool = False) -> tuple[float, float]:
    """By Theil and Sen, the median of the slopes of all pairs: that a machine was busy for a moment does not count.

    Args:
        in_waves: what is slow now is slow a moment later too, as on a machine that others use: the error is that of
            the fewer independent values there are then, n (1 - r) / (1 + r) with the correlation r of neighbours.
    """
    late = done >= (done[0] + done[-1]) / 2
    x, y = done[late], values[late]
    first, second = np.triu_indices(len(x), 1)
    slope = np.median((y[second] - y[first]) / (x[second] - x[first]))
    residuals = y - slope * x
    spread = 1.4826 * np.median(np.abs(residuals - np.median(residuals)))
    error = spread / (np.std(x) * np.sqrt(len(x)))
    if in_waves:
        likeness = np.clip(np.corrcoef(residuals[1:], residuals[:-1])[0, 1], 0, 0.8)
        error *= np.sqrt((1 + likeness) / (1 - likeness))
    span = (x[-1] - x[0]) / np.median(y)
    return float(slope * span), float(error * span)


def _drain(terminal: int, into: bytearray) -> None:
    try:
        while chunk := os.read(terminal, 65536):
            into.extend(chunk)
    except OSError:  # its other end is closed
        pass


def _descendants(pid: int) -> list[int]:
    found = [pid]
    for process in found:
        for task in Path(f"/proc/{process}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found


def _resident_mib(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def _processor_s(pid: int) -> float:
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
