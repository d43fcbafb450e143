"""Reward functions as people write them, and what a run makes of those that fail."""

import contextlib
import functools
import itertools
import math
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
from transformers import TrainerState

from gpg_cli.grading.time_limit import TimeLimitReached, time_limit
from gpg_cli.training.reward_guard import Failure, GuardedReward, RewardReport
from tests.training.guarded import Completions, call, numbers


def test_a_function_that_works_is_called_once_with_everything() -> None:
    calls: list[dict[str, Any]] = []

    def reward(**inputs: Any) -> list[float]:
        calls.append(inputs)
        return [1.0, 0.5]

    state = TrainerState(global_step=3)
    rewards, report = call(reward, ["a", "b"], solution=["4", "5"], trainer_state=state, tools=["x"])
    assert rewards == [1.0, 0.5]
    assert report == RewardReport(rows=2, failures=[])
    assert calls == [
        {
            "prompts": ["2+2=", "2+2="],
            "completions": ["a", "b"],
            "completion_ids": [[1, 2], [1, 2]],
            "solution": ["4", "5"],
            "trainer_state": state,
            "tools": ["x"],
        }
    ]


def test_one_bad_row_does_not_cost_the_others() -> None:
    rewards, report = call(numbers, ["1", "2", "three", "4", "5"])
    assert rewards == [1.0, 2.0, None, 4.0, 5.0]
    assert report == RewardReport(5, [Failure(2, "ValueError: could not convert string to float: 'three'")])


def test_columns_stay_beside_their_completions() -> None:
    def correct(
        completions: Completions, solution: list[str], weight: tuple[float, ...], **columns: Any
    ) -> list[float]:
        assert len(completions) == len(solution) == len(weight)
        return [
            float(int(mine) == int(gold)) * factor
            for mine, gold, factor in zip(completions, solution, weight, strict=True)
        ]

    rewards, report = call(
        correct, ["1", "2", "?", "4", "5", "6"], solution=["1", "0", "3", "4", "?", "6"], weight=(1, 2, 3, 4, 5, 6)
    )
    assert rewards == [1.0, 0.0, None, 4.0, None, 6.0]
    assert [failure.row for failure in report.failures] == [2, 4]


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        ([1.0] * 3, "returned 3 values, expected 1"),
        ([], "returned 0 values, expected 1"),
        (None, "returned NoneType, not a list of numbers"),
        (1.0, "returned float, not a list of numbers"),
        ("1", "returned str, not a list of numbers"),
        ({"reward": 1.0}, "returned dict, not a list of numbers"),
        (["1.0"], "returned '1.0', which is no number"),
        ([[1.0]], "returned [1.0], which is no number"),
        ([math.inf], "returned inf, which is infinite in float32"),
        ([-math.inf], "returned -inf, which is infinite in float32"),
        ([1e300], "returned 1e+300, which is infinite in float32"),
    ],
)
def test_results_that_are_not_one_number_a_completion_are_failures(result: Any, reason: str) -> None:
    assert call(lambda **inputs: result, ["a"]) == ([None], RewardReport(1, [Failure(0, reason)]))


def test_values_without_end_are_a_failure_at_once() -> None:
    """`list` of them is one call into C that no time limit stops, until the memory is gone."""
    rewards, report = call(lambda **inputs: itertools.repeat(1.0), ["a"])
    assert (rewards, report.failures) == ([None], [Failure(0, "returned 2 or more values, expected 1")])


def test_a_value_that_fails_whatever_it_is_asked_costs_its_row_only() -> None:
    class Hostile:
        def __float__(self) -> float:
            raise ZeroDivisionError

        def __repr__(self) -> str:
            raise RuntimeError

    rewards, report = call(lambda **inputs: [1.0, Hostile()], ["a", "b"])
    assert (rewards, report.failures) == ([1.0, None], [Failure(1, "returned a Hostile, which is no number")])


def test_a_child_that_it_forks_does_not_go_on_training() -> None:
    here = os.getpid()
    rewards, _ = call(lambda **inputs: [float(os.fork() > 0)], ["a"])
    assert (os.getpid(), rewards) == (here, [1.0])


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ([True, False], [1.0, 0.0]),
        ((1, 0.5), [1.0, 0.5]),
        (torch.tensor([1.0, 0.5]), [1.0, 0.5]),
        ((number for number in (1, 2)), [1.0, 2.0]),
        ([None, 1.0], [None, 1.0]),
    ],
)
def test_whatever_holds_one_number_a_completion_is_fine(result: Any, expected: list[float | None]) -> None:
    assert call(lambda **inputs: result, ["a", "b"]) == (expected, RewardReport(2, []))


def test_nan_means_that_the_reward_does_not_apply() -> None:
    rewards, report = call(lambda **inputs: [math.nan, 1.0], ["a", "b"])
    assert math.isnan(rewards[0])
    assert report.failures == []


def test_a_row_whose_value_is_no_reward_costs_no_other_call() -> None:
    calls = []

    def reward(completions: Completions, **columns: Any) -> list[Any]:
        calls.append(completions)
        return [1.0, math.inf, "2", 3.0]

    rewards, report = call(reward, ["a", "b", "c", "d"])
    assert rewards == [1.0, None, None, 3.0]
    assert [failure.row for failure in report.failures] == [1, 2]
    assert len(calls) == 1


def test_a_row_that_takes_too_long_loses_its_reward_and_only_that_one() -> None:
    def reward(completions: Completions, **columns: Any) -> list[float]:
        for completion in completions:
            while completion == "hang":
                with contextlib.suppress(Exception):
                    time.sleep(0.01)
        return [1.0] * len(completions)

    started = time.monotonic()
    rewards, report = call(reward, ["a", "b", "hang", "d"], timeout_s=0.4)
    assert rewards == [1.0, 1.0, None, 1.0]
    assert report.failures == [Failure(2, "took longer than 0.4 s")]
    assert time.monotonic() - started < 3


def test_a_function_that_hangs_on_every_row_is_given_up_after_six_times_its_limit() -> None:
    def reward(completions: Completions, **columns: Any) -> list[float]:
        while True:
            time.sleep(0.01)

    started = time.monotonic()
    rewards, report = call(reward, ["a"] * 64, timeout_s=0.2)
    assert rewards == [None] * 64
    assert len(report.failures) == 64
    assert report.failures[-1].reason.startswith("not tried again")
    assert time.monotonic() - started < 5


def test_rows_that_hang_do_not_take_the_time_of_those_after_them() -> None:
    def reward(completions: Completions, **columns: Any) -> list[float]:
        if "hang" in completions:
            time.sleep(5)
        return [1.0] * len(completions)

    rewards, _ = call(reward, ["hang"] * 4 + ["fine"] * 4, timeout_s=0.2)
    assert rewards == [None] * 4 + [1.0] * 4


def test_a_part_of_the_rows_gets_its_share_of_the_time_but_never_too_little() -> None:
    limits: list[tuple[int, float]] = []

    def reward(completions: Completions, **columns: Any) -> list[float]:
        limits.append((len(completions), round(signal.getitimer(signal.ITIMER_REAL)[0], 1)))
        raise ValueError

    call(reward, ["a"] * 8, timeout_s=16)
    assert set(limits) == {(8, 16.0), (4, 8.0), (2, 5.0), (1, 5.0)}
    limits.clear()
    call(reward, ["a"] * 4, timeout_s=0.2)
    assert set(limits) == {(4, 0.2), (2, 0.2), (1, 0.2)}


def test_a_function_that_swallows_its_time_limit_does_not_make_up_a_reward() -> None:
    def reward(completions: Completions, **columns: Any) -> list[float]:
        try:
            time.sleep(5)
        except BaseException:
            return [0.0] * len(completions)
        return [1.0] * len(completions)

    assert call(reward, ["a"], timeout_s=0.2)[1].failures == [Failure(0, "took longer than 0.2 s")]


def test_a_time_limit_inside_the_function_works_and_is_no_failure() -> None:
    def reward(completions: Completions, **columns: Any) -> list[float | None]:
        rewards: list[float | None] = []
        for completion in completions:
            try:
                with time_limit(0.1):
                    time.sleep(5 if completion == "hang" else 0)
                rewards.append(1.0)
            except TimeLimitReached:
                rewards.append(None)
        return rewards

    assert call(reward, ["a", "hang", "c"]) == ([1.0, None, 1.0], RewardReport(3, []))
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_in_another_thread_what_comes_late_is_not_used() -> None:
    found: list[Any] = []
    reward = lambda completions, **columns: time.sleep(0.2) or [1.0]  # noqa: E731
    thread = threading.Thread(target=lambda: found.extend(call(reward, ["a"], timeout_s=0.1)))
    thread.start()
    thread.join()
    assert found == [[None], RewardReport(1, [Failure(0, "took longer than 0.1 s")])]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (SystemExit(3), "SystemExit: 3"),
        (AssertionError(), "AssertionError"),
        (ValueError("two\n  lines"), "ValueError: two lines"),
        (TimeLimitReached("of a grader"), "TimeLimitReached: of a grader"),
    ],
)
def test_whatever_is_raised_is_a_failure_in_one_line(error: BaseException, reason: str) -> None:
    def reward(**inputs: Any) -> list[float]:
        raise error

    assert call(reward, ["a"]) == ([None], RewardReport(1, [Failure(0, reason)]))


def test_a_long_reason_is_cut() -> None:
    def reward(**inputs: Any) -> list[float]:
        raise ValueError("x" * 10_000)

    reason = call(reward, ["a"])[1].failures[0].reason
    assert reason.startswith("ValueError: xxx")
    assert len(reason) == 200


def test_an_error_that_cannot_even_say_what_it_is_is_a_failure() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    def reward(**inputs: Any) -> list[float]:
        raise Mute

    assert call(reward, ["a"])[1].failures == [Failure(0, "Mute")]


def test_a_user_who_presses_control_c_is_heard() -> None:
    def reward(**inputs: Any) -> list[float]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        call(reward, ["a", "b"])


def test_a_function_may_do_to_its_lists_what_it_likes() -> None:
    def reward(
        prompts: list[Any],
        completions: list[Any],
        completion_ids: list[list[int]],
        solution: list[str],
        facts: list[dict[str, Any]],
        trainer_state: TrainerState,
    ) -> list[float]:
        rewards = [float(completion[0].pop("content")) for completion in completions]
        prompts.clear()
        completions.append("more")
        completion_ids[0].append(0)
        solution.reverse()
        facts[0]["deep"].append("more")
        trainer_state.max_steps = 1
        return rewards

    completions = [[{"role": "assistant", "content": text}] for text in ("1", "?", "3", "4")]
    ids = [[7], [8], [9], [10]]
    solution = ["a", "b", "c", "d"]
    facts: list[dict[str, Any]] = [{"deep": ["as it was"]}] * 4
    state = TrainerState(max_steps=9)
    guarded = GuardedReward(reward, 5.0)
    rewards = guarded(
        prompts=["p"] * 4,
        completions=completions,
        completion_ids=ids,
        solution=solution,
        facts=facts,
        trainer_state=state,
    )
    assert rewards == [1.0, None, 3.0, 4.0]
    assert [completion[0]["content"] for completion in completions] == ["1", "?", "3", "4"]
    assert ids == [[7], [8], [9], [10]]
    assert solution == ["a", "b", "c", "d"]
    assert (facts[0], state.max_steps) == ({"deep": ["as it was"]}, 9)


def test_reports_add_up_until_they_are_taken() -> None:
    guarded = GuardedReward(numbers, 5.0)
    for completions in (["1", "x"], ["2", "3", "4"], ["y"]):
        guarded(completions=completions)
    report = guarded.take_report()
    assert report.rows == 6
    assert [failure.row for failure in report.failures] == [1, 0]
    assert guarded.take_report() == RewardReport(0, [])


def test_no_rows_are_no_call() -> None:
    assert call(numbers, []) == ([], RewardReport(0, []))


def test_finding_bad_rows_takes_few_calls() -> None:
    calls: Counter[int] = Counter()

    def reward(completions: Completions, **columns: Any) -> list[float]:
        calls[len(completions)] += 1
        return numbers(completions)

    call(reward, ["1"] * 63 + ["bad"])
    # One call with everything, then two for each time that the rows can be halved.
    assert calls.total() == 1 + 2 * 6


class Judge:
    def __call__(self, **inputs: Any) -> list[float]:
        return [1.0]


@pytest.mark.parametrize(
    ("function", "name"), [(numbers, "numbers"), (functools.partial(numbers), "numbers"), (Judge(), "Judge")]
)
def test_it_has_the_name_that_trl_gives_the_function(function: Callable[..., Any], name: str) -> None:
    assert GuardedReward(function, 5.0).__name__ == name


def test_what_the_function_prints_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    call(lambda **inputs: print("hello") or sys.stdout.flush() or [1.0], ["a"])
    assert capsys.readouterr().out == "hello\n"
