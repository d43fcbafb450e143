"""Tiny runs of `gpg train` that can be broken off, and what an uninterrupted one leaves to compare with.

Importing what a run needs takes longer than the run, so most are forked from a process that has imported it. In those a
fault comes at an exact moment: the n-th time that the run folder is changed.
"""

import json
import multiprocessing
import os
import resource
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet
import torch

from gpg_cli.sealed_folder import what_is_wrong
from gpg_cli.training.going_on import resume_command

STEPS = 4
# Every step writes all there is: a checkpoint, for which an older one goes, a line of metrics, the completions.
SETTINGS = (
    *("--preset", "quickstart", "--max-steps", str(STEPS), "--set", "lr_scheduler_type=constant"),
    *("--set", "save_strategy=steps", "--set", "save_steps=1", "--set", "save_total_limit=2"),
    *("--set", "per_device_train_batch_size=8", "--set", "max_completion_length=8", "--set", "learning_rate=0.003"),
    *("--set", "eval_bench=null", "--set", "log_completions=true", "--set", "num_completions_to_print=0"),
)
LIMIT_S = 600
# Sums are the same for the same number of threads only; and several would wait for each other here.
_THREADS = 1
# Of the clock and the machine, not of the training.
_MEASURED = ("time/", "speed/", "memory/")
_CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate"}

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(
    [
        *("gpg_cli.cli", "gpg_cli.training.run", "gpg_cli.report_training", "transformers.models.qwen2.modeling_qwen2"),
        *("math_verify", "deepspeed", "pandas", "matplotlib.figure", "matplotlib.backends.backend_agg"),
    ]
)


@dataclass(frozen=True)
class Fault:
    """What happens when the run folder is changed for the n-th time, just before it is.

    Attributes:
        at: from 1; 0 never.
        signals: sent by the process to itself, one after the other.
        largest_file: bytes that a file may have from then on; the kernel kills who writes more.
        room: bytes that are left on the file system of the run folder from then on.
        until: the change from which on there is room again; 0 never.
    """

    at: int = 0
    signals: Sequence[int] = ()
    largest_file: int | None = None
    room: int | None = None
    until: int = 0


@dataclass(frozen=True)
class Ended:
    """How a run ended: its exit code, the negative number of a signal, and all that it printed."""

    code: int
    said: str


@dataclass(frozen=True)
class Training:
    """A folder that holds one run, named `run`, and the command that makes it."""

    folder: Path
    command: list[str]

    @property
    def run(self) -> Path:
        return self.folder / "run"

    @property
    def filler(self) -> Path:
        """What takes the room."""
        return self.folder / "filler"

    def fork(self, arguments: Sequence[str], fault: Fault | None = None) -> Ended:
        """Call `gpg` in a forked process."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._changes.unlink(missing_ok=True)
        process = _forks.Process(target=_work, args=(self, list(arguments), fault or Fault()))
        process.start()
        process.join(LIMIT_S)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise AssertionError(f"hangs: {self.said}")
        return Ended(process.exitcode, self.said)

    def start(self, arguments: Sequence[str], **environment: str) -> "subprocess.Popen[bytes]":
        """Start the command itself, in a process group of its own."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._said.open("wb") as said:
            return subprocess.Popen(
                [sys.executable, "-m", "gpg_cli", *arguments],
                cwd=self.folder,
                env={**os.environ, "OMP_NUM_THREADS": str(_THREADS), **environment},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def going_on(self) -> list[str]:
        """What the program says to type to go on, after `gpg`; in the run's parent folder."""
        return ["run" if part == str(self.run) else part for part in shlex.split(resume_command(self.run))[1:]]

    def go_on(self, fault: Fault | None = None, options: Sequence[str] = ()) -> Ended:
        """As a user would after the run has ended too early, who knows no more than what the program says."""
        ended = self.fork([*self.going_on, *options], fault)
        if "Start again without --resume" in ended.said:
            ended = self.fork(self.command, fault)
        if "pass --overwrite" in ended.said:
            ended = self.fork([*self.command, "--overwrite"], fault)
        return ended

    @property
    def said(self) -> str:
        """All that was printed since the last start."""
        return self._said.read_text()

    @property
    def changes(self) -> list[str]:
        """The paths that the last fork changed in the run folder, in order, as often as it changed them."""
        return self._changes.read_text().splitlines()

    def assert_equals(self, whole: "Training") -> None:
        """Nothing is lost, nothing is there twice, nothing is half-written, nothing is left over."""
        assert _names(self.run) == _names(whole.run)
        for path in (whole.run / "model").iterdir():
            assert (self.run / "model" / path.name).read_bytes() == path.read_bytes(), path.name
        assert self.metrics() == whole.metrics()
        assert self.completions() == whole.completions()
        assert self.kept() == whole.kept()
        assert [what_is_wrong(path) for path in self.run.glob("checkpoint-*")] == [None, None]
        facts = json.loads((self.run / "run.json").read_text())
        assert facts["finished"]
        assert facts["summary"]["steps"] == STEPS
        assert (self.run / "reward.png").read_bytes().endswith(b"IEND\xaeB`\x82")

    def metrics(self) -> list[dict[str, Any]]:
        lines = (self.run / "metrics.jsonl").read_text().splitlines()
        return [
            {key: value for key, value in json.loads(line).items() if not key.startswith(_MEASURED)} for line in lines
        ]

    def kept(self) -> list[str]:
        """The lines of completions.jsonl."""
        return (self.run / "completions.jsonl").read_text().splitlines()

    def completions(self) -> dict[str, list[dict[str, Any]]]:
        files = sorted((self.run / "completions").iterdir())
        return {path.name: pyarrow.parquet.read_table(path).to_pylist() for path in files}

    # Beside the folder, which may lie on a disk that is full.

    @property
    def _said(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.said")

    @property
    def _changes(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.changes")


def _names(run: Path) -> list[str]:
    return sorted(path.relative_to(run).as_posix() for path in run.rglob("*"))


def _work(training: Training, arguments: list[str], fault: Fault) -> None:
    os.setsid()
    os.chdir(training.folder)
    # What pytest itself left unread must not be read by the run, nor what it prints be mixed with pytest's.
    descriptor = os.open(training._said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    torch.set_num_threads(_THREADS)
    sys.argv = ["gpg", *arguments]
    _watch_changes(training, fault)
    from gpg_cli.cli import main
    from gpg_cli.training import plan

    # No reward here asks for it, and starting its processes takes longer than the run.
    plan.require_grader = lambda: None

    main(arguments)


def _watch_changes(training: Training, fault: Fault) -> None:
    """Count and write down the changes, and have the fault happen.

    What Python does is seen. What libraries in C++ and Rust write is not, but they write into folders and among files
    of Python's.
    """
    inside, working_folder = os.fsencode(training.run), os.fsencode(training.folder)
    log = os.open(training._changes, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    count = 0

    def hook(event: str, details: tuple[Any, ...]) -> None:
        nonlocal count
        opened = event == "open" and isinstance(details[2], int) and details[2] & (os.O_WRONLY | os.O_RDWR)
        if not (opened or event in _CHANGES) or not isinstance(details[0], str | bytes | os.PathLike):
            return
        path = os.path.join(working_folder, os.fsencode(details[0]))
        if not path.startswith(inside):
            return
        count += 1
        os.write(log, os.path.relpath(path, working_folder) + b"\n")
        if count == fault.at:
            _happen(training, fault)
        if count == fault.until:
            training.filler.unlink()

    sys.addaudithook(hook)


def _happen(training: Training, fault: Fault) -> None:
    if fault.room is not None:
        _fill(training.filler, fault.room)
    if fault.largest_file is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (fault.largest_file, resource.RLIM_INFINITY))
    for number in fault.signals:
        os.kill(os.getpid(), number)


def _fill(filler: Path, room: int) -> None:
    free = os.statvfs(filler.parent)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, free.f_bavail * free.f_frsize - room))
