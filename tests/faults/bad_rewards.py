"""Reward functions that no one should write, and some do. All that return at all pay what `fair` pays."""

import contextlib
import ctypes
import decimal
import io
import itertools
import logging
import os
import random
import signal
import subprocess
import sys
import threading
import time
import warnings
from typing import Any

import numpy as np
import torch

print("A file that prints while it is imported.")
os.write(1, b"And past Python.\n")


def fair(completions: list[str], **columns: Any) -> list[float]:
    return [float(len(completion) % 3) for completion in completions]


# What changes the process


def prints_a_megabyte(completions: list[str], **columns: Any) -> list[float]:
    print("x" * 2**20)
    os.write(1, b"x" * 2**20)
    sys.stdout.buffer.write(b"bytes")
    subprocess.run(["echo", "a child"], check=True)
    return fair(completions)


def closes_the_streams(completions: list[str], **columns: Any) -> list[float]:
    sys.stdout.close()
    sys.stderr.close()
    for number in (0, 1, 2):
        os.close(number)
    return fair(completions)


def replaces_the_streams(completions: list[str], **columns: Any) -> list[float]:
    sys.stdout, sys.stderr = io.StringIO(), None  # type: ignore[assignment]
    io.TextIOWrapper(io.BytesIO())
    return fair(completions)


def wraps_the_streams(completions: list[str], **columns: Any) -> list[float]:
    sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8")
    print("wrapped")
    return fair(completions)


def goes_elsewhere(completions: list[str], **columns: Any) -> list[float]:
    os.chdir("/")
    return fair(completions)


def changes_the_environment(completions: list[str], **columns: Any) -> list[float]:
    for name in ("PATH", "HOME", "HF_HUB_OFFLINE"):
        os.environ.pop(name, None)
    return fair(completions)


def seeds_everything(completions: list[str], **columns: Any) -> list[float]:
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    return fair(completions)


def draws_at_random(completions: list[str], **columns: Any) -> list[float]:
    random.random()
    np.random.random(len(completions[0]))
    torch.rand(len(completions[0]))
    return fair(completions)


def ignores_signals(completions: list[str], **columns: Any) -> list[float]:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return fair(completions)


def sets_an_alarm(completions: list[str], **columns: Any) -> list[float]:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(3600)
    return fair(completions)


def turns_gradients_off(completions: list[str], **columns: Any) -> list[float]:
    torch.set_grad_enabled(False)
    return fair(completions)


def changes_torchs_defaults(completions: list[str], **columns: Any) -> list[float]:
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    return fair(completions)


def lowers_the_recursion_limit(completions: list[str], **columns: Any) -> list[float]:
    sys.setrecursionlimit(len_of_stack() + 60)
    return fair(completions)


def len_of_stack() -> int:
    frame, depth = sys._getframe(), 0
    while frame.f_back is not None:
        frame, depth = frame.f_back, depth + 1
    return depth


def forks(completions: list[str], **columns: Any) -> list[float]:
    os.fork()
    return fair(completions)


def forks_and_fails(completions: list[str], **columns: Any) -> list[float]:
    if os.fork() == 0:
        sys.exit(3)
    return fair(completions)


def spoils_its_inputs(
    prompts: list[Any], completions: list[Any], completion_ids: list[list[int]], trainer_state: Any, **columns: Any
) -> list[float]:
    paid = fair(completions)
    trainer_state.max_steps, trainer_state.global_step = 1, 1000
    columns["facts"][0]["deep"].append("spoilt")
    for given in (prompts, completions, completion_ids, *(value for value in columns.values() if type(value) is list)):
        given.clear()
    return paid


_KEPT: list[Any] = []


def keeps_references(completions: list[str], completion_ids: list[list[int]], **columns: Any) -> list[float]:
    paid = fair(completions)
    for kept in _KEPT:
        kept.clear()
    _KEPT.extend([completions, *completion_ids, columns["facts"]])
    return paid


class RaisesWhenItGoes:
    def __del__(self) -> None:
        raise RuntimeError("in __del__")


def leaves_raising_destructors(completions: list[str], **columns: Any) -> list[float]:
    RaisesWhenItGoes()
    return fair(completions)


def floods_with_warnings(completions: list[str], **columns: Any) -> list[float]:
    logging.basicConfig(level=0, stream=sys.stdout)
    for number in range(200):
        warnings.warn(f"warning {number}", stacklevel=1)
        logging.getLogger("reward").debug("debugging")
    return fair(completions)


def leaks_memory(completions: list[str], **columns: Any) -> list[float]:
    _KEPT.append(["x" * 100_000])
    return fair(completions)


def leaves_a_daemon(completions: list[str], **columns: Any) -> list[float]:
    threading.Thread(target=time.sleep, args=(20,), daemon=True).start()
    return fair(completions)


HARMLESS = [
    prints_a_megabyte, closes_the_streams, replaces_the_streams, wraps_the_streams, goes_elsewhere,
    changes_the_environment, seeds_everything, draws_at_random, ignores_signals, sets_an_alarm, turns_gradients_off,
    changes_torchs_defaults, lowers_the_recursion_limit, forks, forks_and_fails, spoils_its_inputs, keeps_references,
    leaves_raising_destructors, floods_with_warnings, leaks_memory, leaves_a_daemon,
]  # fmt: skip


# What comes back


def decimals(completions: list[str], **columns: Any) -> Any:
    return [decimal.Decimal(len(completion) % 3) for completion in completions]


def numpy_values(completions: list[str], **columns: Any) -> Any:
    return np.array(fair(completions), dtype=np.float16)


def torch_values(completions: list[str], **columns: Any) -> Any:
    return torch.tensor(fair(completions), dtype=torch.bfloat16, requires_grad=True)


def a_column_of_numbers(completions: list[str], **columns: Any) -> Any:
    return torch.tensor(fair(completions))[:, None]


def a_generator(completions: list[str], **columns: Any) -> Any:
    return (value for value in fair(completions))


LEGAL = [decimals, numpy_values, torch_values, a_column_of_numbers, a_generator]


def raises(error: BaseException) -> Any:
    def reward(completions: list[str], **columns: Any) -> Any:
        raise error

    return reward


def gives(value: Any) -> Any:
    def reward(completions: list[str], **columns: Any) -> Any:
        return [value] * len(completions)

    return reward


def recurses(completions: list[str], **columns: Any) -> Any:
    return recurses(completions)


class Hostile:
    """Fails whatever it is asked."""

    def __float__(self) -> float:
        raise ZeroDivisionError

    def __repr__(self) -> str:
        raise RuntimeError


def sleeps(completions: list[str], **columns: Any) -> Any:
    time.sleep(3600)


def loops(completions: list[str], **columns: Any) -> Any:
    while True:
        with contextlib.suppress(Exception):
            pass


def waits_for_a_lock(completions: list[str], **columns: Any) -> Any:
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


FAILING = {
    "an Exception": (raises(ValueError("no")), "ValueError: no"),
    "a BaseException": (raises(BaseException("no")), "BaseException: no"),
    "SystemExit": (raises(SystemExit(0)), "SystemExit: 0"),
    "GeneratorExit": (raises(GeneratorExit()), "GeneratorExit"),
    "StopIteration": (raises(StopIteration()), "StopIteration"),
    "MemoryError": (raises(MemoryError()), "MemoryError"),
    "RecursionError": (recurses, "RecursionError: maximum recursion depth exceeded"),
    "text": (gives("1.0"), "returned '1.0', which is no number"),
    "infinity": (gives(float("inf")), "returned inf, which is infinite in float32"),
    "a hostile object": (gives(Hostile()), "returned a Hostile, which is no number"),
    "an integer of 5,000 digits": (gives(10**5000), "returned a int, which is no number"),
    "None instead of a list": (lambda **columns: None, "returned NoneType, not a list of numbers"),
    "a dictionary": (lambda **columns: {0: 1.0}, "returned dict, not a list of numbers"),
    "too few values": (lambda **columns: [], "returned 0 values, expected 1"),
    "too many values": (lambda **columns: [1.0] * 99, "returned 99 values, expected 1"),
    "values without end": (lambda **columns: itertools.repeat(1.0), "returned 2 or more values, expected 1"),
    "a tensor without a dimension": (lambda **columns: torch.tensor(1.0), "TypeError: iteration over a 0-d tensor"),
    "sleep": (sleeps, "took longer than 0.3 s"),
    "a busy loop": (loops, "took longer than 0.3 s"),
    "a lock": (waits_for_a_lock, "took longer than 0.3 s"),
}


# What takes a process of its own


def presses_control_c(completions: list[str], **columns: Any) -> Any:
    raise KeyboardInterrupt


def exits_at_step_3(completions: list[str], trainer_state: Any, **columns: Any) -> list[float]:
    if trainer_state.global_step == 2 and not os.environ.get("GO_ON"):
        os._exit(7)
    return fair(completions)


def crashes_at_step_3(completions: list[str], trainer_state: Any, **columns: Any) -> list[float]:
    if trainer_state.global_step == 2 and not os.environ.get("GO_ON"):
        ctypes.string_at(0)
    return fair(completions)


def leaves_threads(completions: list[str], **columns: Any) -> list[float]:
    threading.Thread(target=time.sleep, args=(3600,), name="left").start()
    return fair(completions)


def raises_in_rank_1(completions: list[str], **columns: Any) -> list[float]:
    if os.environ.get("RANK") == "1":
        raise ValueError("only here")
    return fair(completions)


def exits_in_rank_1(completions: list[str], **columns: Any) -> list[float]:
    if os.environ.get("RANK") == "1":
        sys.exit(0)
    return fair(completions)


def hangs_in_rank_1(completions: list[str], **columns: Any) -> list[float]:
    if os.environ.get("RANK") == "1":
        time.sleep(3600)
    return fair(completions)


def dies_in_rank_1(completions: list[str], **columns: Any) -> list[float]:
    if os.environ.get("RANK") == "1":
        os._exit(9)
    return fair(completions)


def fails_at_random(completions: list[str], trainer_state: Any, **columns: Any) -> list[float]:
    if random.Random(f"{os.environ.get('RANK')} {trainer_state.global_step} {completions}").random() < 0.2:
        raise ValueError("at random")
    return fair(completions)
