"""Two processes train together, and any of them is killed: the others end too, and going on changes nothing."""

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults import LONG
from tests.faults.training_runs import LIMIT_S, Training

_TWO = ("--num-processes", "2", "--set", "per_device_train_batch_size=4")
_MARK = "GPG_FAULT_RUN"


@pytest.fixture(scope="module")
def whole_pair(training_command: list[str], tmp_path_factory: pytest.TempPathFactory) -> Training:
    """A run of two processes that nothing happened to."""
    training = Training(tmp_path_factory.mktemp("pair") / "whole", [*training_command, *_TWO])
    assert training.start(training.command).wait() == 0, training.said
    training.assert_equals(training)
    return training


def one(processes: list[int]) -> list[int]:
    return processes[-1:]


def both(processes: list[int]) -> list[int]:
    return processes[1:]


def launcher(processes: list[int]) -> list[int]:
    return processes[:1]


def everything(processes: list[int]) -> list[int]:
    return processes


@pytest.mark.parametrize(
    ("victims", "number", "times"),
    [
        pytest.param(one, signal.SIGKILL, 2, marks=LONG),
        pytest.param(both, signal.SIGKILL, 1, marks=LONG),
        pytest.param(launcher, signal.SIGKILL, 2, marks=LONG),
        pytest.param(everything, signal.SIGKILL, 1, marks=LONG),
        pytest.param(launcher, signal.SIGTERM, 1, marks=LONG),
        pytest.param(one, signal.SIGTERM, 1, marks=LONG),
    ],
)
def test_two_processes(
    victims: Callable[[list[int]], list[int]],
    number: signal.Signals,
    times: int,
    whole_pair: Training,
    tmp_path: Path,
    tally: Callable,
) -> None:
    chosen = random.Random(f"{victims.__name__} {number}")
    for attempt in range(times):
        training = Training(tmp_path / str(attempt), whole_pair.command)
        mark = str(training.folder)
        command = training.start(whole_pair.command, **{_MARK: mark})
        step = chosen.randint(1, 3)
        while not (training.run / f"checkpoint-{step}").exists():
            assert command.poll() is None, training.said
            time.sleep(0.01)
        time.sleep(chosen.uniform(0, 0.3))
        workers = _workers(command.pid)
        for pid in victims([command.pid, *workers]) if workers else []:
            os.kill(pid, number)
        code = command.wait(LIMIT_S)
        deadline = time.monotonic() + 30
        while left := _with_mark(mark):
            assert time.monotonic() < deadline, left
            time.sleep(0.1)
        if code == 0 and "Done." in training.said:  # it came when all was done
            training.assert_equals(whole_pair)
            continue
        if number == signal.SIGTERM:
            assert code == 0, training.said
            assert "Go on with" in training.said
        elif command.pid in victims([command.pid, 0, 1]):
            assert code == -signal.SIGKILL
        else:
            assert code == 2, training.said
            assert "was killed by SIGKILL" in training.said
            assert training.said.rstrip().endswith(" ".join(["gpg", *training.going_on]))
        again = training.start([*training.going_on, "--num-processes", "2"])
        assert again.wait(LIMIT_S) == 0, training.said
        training.assert_equals(whole_pair)
    tally(f"pairs of processes of which some got {number.name}", times)


def _workers(launcher_pid: int) -> list[int]:
    """The processes that train, in the order of their rank."""
    found: dict[int, int] = {}
    for pid in _children(launcher_pid):
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        for entry in environment:
            if entry.startswith(b"RANK="):
                found[int(entry[5:])] = pid
    return [found[rank] for rank in sorted(found)]


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _with_mark(mark: str) -> list[Any]:
    """What runs still, of all that was started with this mark in its environment."""
    wanted = f"{_MARK}={mark}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (process / "environ").read_bytes().split(b"\0"):
                found.append((process.name, (process / "cmdline").read_text()))
        except OSError:
            continue
    return found
