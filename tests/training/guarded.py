"""Calls of a guarded reward function, as the trainer makes them."""

from collections.abc import Callable, Sequence
from typing import Any

from gpg_cli.training.reward_guard import GuardedReward

Completions = list[str]


def call(function: Callable[..., Any], completions: Sequence[str], timeout_s: float = 5.0, **columns: Any) -> Any:
    """(rewards, report) of one call."""
    guarded = GuardedReward(function, timeout_s)
    ids = [[1, 2] for _ in completions]
    rewards = guarded(prompts=["2+2="] * len(completions), completions=completions, completion_ids=ids, **columns)
    return rewards, guarded.take_report()


def numbers(completions: Completions, **columns: Any) -> list[float]:
    """Raises for the whole batch because of one completion."""
    return [float(completion) for completion in completions]
