"""Real signals: to this process where they only set a flag, to one of its own where they end it."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from gpg_cli.training.stopping import StopRequests


@pytest.fixture(autouse=True)
def handlers_as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def send(*numbers: signal.Signals) -> None:
    for number in numbers:
        os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_sets_a_flag_and_is_announced(number: signal.Signals) -> None:
    announced: list[str] = []
    with StopRequests(announced.append) as stop:
        assert not stop.requested
        send(number)
        assert stop.requested
    assert announced == [number.name]


def test_a_second_sigint_stops_at_once() -> None:
    announced: list[str] = []
    with pytest.raises(KeyboardInterrupt), StopRequests(announced.append):
        send(signal.SIGINT, signal.SIGINT)
    assert announced == ["SIGINT"]


def test_sigterm_however_often_changes_nothing_more() -> None:
    announced: list[str] = []
    with StopRequests(announced.append) as stop:
        send(signal.SIGTERM, signal.SIGTERM, signal.SIGINT, signal.SIGTERM)
        assert stop.requested
    assert announced == ["SIGTERM"]


def test_a_second_sigint_stops_while_the_first_is_announced() -> None:
    with pytest.raises(KeyboardInterrupt), StopRequests(lambda name: send(signal.SIGINT)):
        send(signal.SIGINT)


def test_an_announcement_that_fails_does_not_end_the_run() -> None:
    def announce(name: str) -> None:
        raise RuntimeError("reentrant call inside <_io.BufferedWriter name='<stderr>'>")

    with StopRequests(announce) as stop:
        send(signal.SIGTERM)
        assert stop.requested


@pytest.mark.parametrize("before", [signal.SIG_IGN, signal.SIG_DFL, signal.default_int_handler])
def test_handlers_are_put_back(before: Any) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, before)
    with contextlib.suppress(ValueError), StopRequests(print):
        assert signal.getsignal(signal.SIGTERM) is not before
        raise ValueError("the step failed")
    assert signal.getsignal(signal.SIGTERM) is before
    assert signal.getsignal(signal.SIGINT) is before


def test_in_another_thread_nothing_is_installed() -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen: list[object] = []

    def work() -> None:
        with StopRequests(print) as stop:
            seen.extend([signal.getsignal(signal.SIGTERM), stop.requested])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before, False]


STEPS = """
import sys, time
from gpg_cli.training.stopping import StopRequests

with StopRequests(lambda name: print(f"{name}: ends this step", flush=True)) as stop:
    print("training", flush=True)
    for step in range(200):
        time.sleep(0.05)
        if stop.requested and "never ends a step" not in sys.argv:
            print("saved", flush=True)
            break
"""


def training(*arguments: str) -> subprocess.Popen[str]:
    """A process in the middle of its first step."""
    process = subprocess.Popen(
        [sys.executable, "-c", STEPS, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=os.path.dirname(__file__) + "/../..",
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "training\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_saves_and_exits_with_code_0(number: signal.Signals) -> None:
    process = training()
    process.send_signal(number)
    assert process.communicate(timeout=10)[0].splitlines() == [f"{number.name}: ends this step", "saved"]
    assert process.returncode == 0


def test_a_process_in_a_step_that_never_ends_is_stopped_by_a_second_sigint() -> None:
    process = training("never ends a step")
    process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    assert process.stdout.readline() == "SIGINT: ends this step\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=5)[0] == ""
    assert process.returncode == -signal.SIGINT


def test_a_forked_worker_is_ended_by_sigterm_as_ever() -> None:
    """Pools and data loaders end their workers so, and wait for them."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    when_ready, ready = os.pipe()
    with StopRequests(print) as stop:
        worker = os.fork()
        if worker == 0:
            signal.alarm(5)
            os.write(ready, b"!")
            while True:
                time.sleep(0.01)
        os.read(when_ready, 1)
        os.kill(worker, signal.SIGTERM)
        status = os.waitpid(worker, 0)[1]
        assert not stop.requested
    assert os.WTERMSIG(status) == signal.SIGTERM
