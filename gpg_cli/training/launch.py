"""One command -> one process for each GPU, on one machine or on several.

The processes are started here and not by torchrun or accelerate: torchrun kills its workers 30 s after a signal, less
than a step that is to be finished and saved may take; accelerate 1.15 starts a single process, or another kind of
training than was asked for, where a configuration does not suit it, and says nothing. Whoever does start the training
with one of them, or with SLURM's srun, is understood (`is_launched`), and nothing is started twice.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import IO

from gpg_cli.console import messages, say
from gpg_cli.errors import GpgError
from gpg_cli.parent_death import die_with
from gpg_cli.training.lost_peer import LOST_PEER
from gpg_cli.training.meeting import DEFAULT_PORT, meeting_point
from gpg_cli.training.slurm import adopt_slurm_step

# A process whose peer has died waits in a collective for ever, so it is not given long to leave by itself.
_GRACE_S = 15.0
# After a stop that was asked for, one process may be gone while another is still writing tens of gigabytes.
_SAVING_S = 600.0
# A mistake of the user's is found by all processes alike; rank 0, the one that is heard, may be the slowest to say so.
_SAME_MISTAKE_S = 5.0
_USER_ERROR = 2
_POLL_S = 0.05
_TAIL_LINES = 20
# Tells a process that the one which started it makes the run folder, measures the model and prints the summary.
_STARTED_BY_US = "GPG_STARTED_BY_LAUNCHER"


@dataclass(frozen=True)
class Machines:
    """How many processes run where.

    Attributes:
        num_processes: on this machine; the same on every machine.
        num_machines: that train together; `gpg train` is started once on each.
        machine_rank: which of them this is, from 0.
        main_process_ip: address of machine 0, as the others see it.
        main_process_port: a port of it; found where there is one machine, 29500 where there are several.

    Raises:
        GpgError: they cannot be had.
    """

    num_processes: int
    num_machines: int = 1
    machine_rank: int = 0
    main_process_ip: str | None = None
    main_process_port: int | None = None

    def __post_init__(self) -> None:
        if self.num_processes < 1 or self.num_machines < 1:
            raise GpgError(
                f"{self.num_processes} processes on each of {self.num_machines} machines cannot train",
                "Give --num-processes and --num-machines 1 or more.",
            )
        if not 0 <= self.machine_rank < self.num_machines:
            raise GpgError(
                f"--machine-rank {self.machine_rank} is outside 0 to {self.num_machines - 1}",
                "Number the machines from 0; their count goes into --num-machines.",
            )
        if self.num_machines > 1 and self.main_process_ip is None:
            raise GpgError(
                f"{self.num_machines} machines need to know where machine 0 is",
                "Give all of them its address with --main-process-ip (and --main-process-port).",
            )
        gpus = _visible_gpus()
        if 0 < gpus < self.num_processes:
            raise GpgError(
                f"{self.num_processes} processes were asked for and {gpus} GPUs are visible",
                f"Use --num-processes {gpus} or fewer; CUDA_VISIBLE_DEVICES says which GPUs are visible.",
            )

    @property
    def world_size(self) -> int:
        return self.num_processes * self.num_machines


@dataclass(frozen=True)
class _Child:
    rank: int
    process: subprocess.Popen[bytes]
    errors: IO[bytes] | None

    @property
    def code(self) -> int:
        """As a shell gives it: 128 + its number for a signal."""
        code = self.process.returncode
        return 128 - code if code < 0 else code


def is_launched() -> bool:
    """Whether this process is one of several already, or the only one of a launcher that was told to start one.

    LOCAL_RANK is asked for because some clusters (Kubeflow) set RANK and WORLD_SIZE to count machines. Under srun the
    variables that torch.distributed reads are filled in here.
    """
    adopt_slurm_step()
    if all(name in os.environ for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE")):
        return True
    # `accelerate launch` with one process sets none of them, and this one always.
    return "ACCELERATE_DYNAMO_BACKEND" in os.environ


def is_started_by_us() -> bool:
    """Whether `launch` started this process."""
    return _STARTED_BY_US in os.environ


def process_rank() -> int:
    """Number of this process among all that train together; 0 where it is alone."""
    return int(os.environ.get("RANK", 0))


def world_size() -> int:
    """How many processes train together, on all machines."""
    return int(os.environ.get("WORLD_SIZE", 1))


def default_processes() -> int:
    """One for each visible GPU; one where there is none."""
    return max(1, _visible_gpus())


def launch(
    machines: Machines, arguments: Sequence[str], program: Sequence[str] = (sys.executable, "-m", "gpg_cli")
) -> int:
    """Run `program` with `arguments` in every process of this machine; call it from the main thread.

    Rank 0 is seen whole. Of the others standard error is kept, and its end shown where one of them is the first to
    fail; the rest is then ended. SIGTERM, SIGHUP and SIGINT are passed on, and waited for as long as saving takes; a
    third SIGINT kills. The processes do not outlive this one, however it ends.

    Returns:
        0, or the exit code of the first process that failed (128 + its number for a signal).
    """
    with contextlib.ExitStack() as stack:
        meeting = stack.enter_context(_meeting(machines))
        asked = stack.enter_context(_stop_signals())
        children: list[_Child] = []
        stack.callback(_kill_all, children)
        for local_rank in range(machines.num_processes):
            environment = _environment(machines, local_rank, meeting)
            rank = int(environment["RANK"])
            errors = stack.enter_context(tempfile.TemporaryFile()) if rank else None
            process = subprocess.Popen(
                [*program, *arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL if rank else None,
                stderr=errors,
                # Out of the terminal's reach: Ctrl-C comes to this process only, which decides.
                start_new_session=True,
                preexec_fn=partial(die_with, os.getpid()) if sys.platform == "linux" else None,
            )
            children.append(_Child(rank, process, errors))
        first = _wait(children, asked)
        if first is None:
            return 0
        _report(first, children, machines.world_size, asked)
        return first.code


def _wait(children: list[_Child], asked: list[signal.Signals]) -> _Child | None:
    """Wait until all have ended, passing `asked` on as it grows; the first that failed, if one did."""
    first: _Child | None = None
    passed_on = 0
    to_send: deque[tuple[float, signal.Signals]] = deque()
    while True:
        running = [child for child in children if child.process.poll() is None]
        if first is None and (failed := [child for child in children if child.process.returncode]):
            # Rank 0 has been heard already: of several at once, another says more, unless it only lost its peers.
            first = max(failed, key=lambda child: (child.code != LOST_PEER, child.rank))
            to_send.extend(_ending(first, stop_was_asked=bool(asked)))
        if not running:
            return first
        for number in asked[passed_on:]:
            passed_on += 1
            _send(running, signal.SIGKILL if asked[:passed_on].count(signal.SIGINT) > 2 else number)
        while to_send and time.monotonic() >= to_send[0][0]:
            _send(running, to_send.popleft()[1])
        time.sleep(_POLL_S)


def _ending(first: _Child, *, stop_was_asked: bool) -> list[tuple[float, signal.Signals]]:
    """When the other processes get which signal, now that `first` has failed."""
    now = time.monotonic()
    if stop_was_asked and first.process.returncode > 0:
        return [(now + _SAVING_S, signal.SIGKILL)]
    start = now + _SAME_MISTAKE_S if first.code == _USER_ERROR else now
    return [(start, signal.SIGTERM), (start + _GRACE_S, signal.SIGKILL)]


def _report(first: _Child, children: list[_Child], world: int, asked: list[signal.Signals]) -> None:
    rank_0_said_it = first.code == _USER_ERROR and any(c.rank == 0 and c.code == _USER_ERROR for c in children)
    alone_and_heard = world == 1 and first.process.returncode > 0
    if rank_0_said_it or alone_and_heard or (asked and first.code in {128 + number for number in asked}):
        return
    if first.code == LOST_PEER:
        how = "lost its connection to a process that ended before"
    elif first.process.returncode > 0:
        how = f"failed with exit code {first.code}"
    else:
        number = signal.Signals(-first.process.returncode)
        how = f"was killed by {number.name}"
        how += " (often: out of memory)" if number == signal.SIGKILL else ""
    say(f"[red]rank {first.rank} of {world} {how}{'; the others were stopped' if world > 1 else ''}[/]")
    if first.errors is not None and (tail := _tail(first.errors)):
        messages.print(tail, markup=False, soft_wrap=True)


def _tail(file: IO[bytes]) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 65536))
    return "\n".join(file.read().decode(errors="replace").splitlines()[-_TAIL_LINES:])


def _environment(machines: Machines, local_rank: int, meeting: dict[str, str]) -> dict[str, str]:
    """What torch.distributed, accelerate and DeepSpeed read.

    ACCELERATE_USE_CPU is left out on purpose: with it accelerate 1.15 takes DeepSpeed for DDP.
    """
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    defaults = {"OMP_NUM_THREADS": str(max(1, cpus // machines.num_processes))}
    if not _visible_gpus():
        defaults["DS_ACCELERATOR"] = "cpu"
        # accelerate calls the device cpu:0, at which torch.load of an optimiser's state fails on resuming.
        defaults["ACCELERATE_TORCH_DEVICE"] = "cpu"
    return {
        **defaults,
        **os.environ,
        "RANK": str(machines.machine_rank * machines.num_processes + local_rank),
        "LOCAL_RANK": str(local_rank),
        "WORLD_SIZE": str(machines.world_size),
        "LOCAL_WORLD_SIZE": str(machines.num_processes),
        **meeting,
        _STARTED_BY_US: "1",
    }


@contextlib.contextmanager
def _stop_signals() -> Iterator[list[signal.Signals]]:
    """A list that grows by the signals this process gets; only SIGINT is in it more than once."""
    asked: list[signal.Signals] = []

    def note(number: int, frame: FrameType | None) -> None:
        # A terminal that was closed is a reason to save and stop, like SIGTERM.
        stop = signal.SIGINT if number == signal.SIGINT else signal.SIGTERM
        if stop == signal.SIGINT or stop not in asked:
            asked.append(stop)

    # What is ignored (nohup) stays ignored.
    numbers = [n for n in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP) if signal.getsignal(n) != signal.SIG_IGN]
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _send(children: list[_Child], number: signal.Signals) -> None:
    for child in children:
        child.process.send_signal(number)


def _kill_all(children: list[_Child]) -> None:
    for child in children:
        if child.process.poll() is None:
            child.process.kill()
            child.process.wait()


def _meeting(machines: Machines) -> contextlib.AbstractContextManager[dict[str, str]]:
    if machines.num_machines == 1:
        return meeting_point(machines.world_size, machines.main_process_port)
    port = machines.main_process_port or DEFAULT_PORT
    return contextlib.nullcontext({"MASTER_ADDR": str(machines.main_process_ip), "MASTER_PORT": str(port)})


def _visible_gpus() -> int:
    import torch

    return int(torch.cuda.device_count())
