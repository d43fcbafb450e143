"""Rewards by name, with TRL's signature: `reward(completions, **columns) -> list[float | None]`.

None means that nothing can be said about a completion; TRL leaves it out of the sum of rewards. A new reward is one
function with the decorator of `registry`, in one file of this folder. A user's own needs no registration:
`python:path/to/file.py:function`.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from gpg_cli.errors import GpgError
from gpg_cli.rewards.completion import Completion
from gpg_cli.rewards.programs import refuse_program_reward
from gpg_cli.rewards.python_file import OWN_REWARD, is_own_reward, load_python_reward, own_reward_file
from gpg_cli.rewards.registry import Registered, Reward, all_rewards
from gpg_cli.rewards.settings import RewardSettings
from gpg_cli.rewards.summaries import RewardParameter, RewardSummary, summarise
from gpg_cli.yaml_file import did_you_mean

__all__ = [
    "OWN_REWARD",
    "RewardParameter",
    "RewardSettings",
    "RewardSummary",
    "get_reward",
    "get_rewards",
    "gold_is_text",
    "is_own_reward",
    "own_reward_file",
    "parameters_of",
    "reads_gold",
    "reward_names",
    "reward_summaries",
    "reward_summary",
]


def reward_names() -> tuple[str, ...]:
    """The names that `reward_funcs` takes, aliases included, in alphabetical order."""
    return tuple(all_rewards())


def get_reward(name: str, settings: RewardSettings) -> Reward:
    """The reward function of a name, for TRL, which logs it under its `__name__`.

    Args:
        name: one of `reward_names()`, or `python:path/to/file.py:function`, which is logged as `function`.
        settings: what its parameters are.

    Raises:
        GpgError: there is none of that name (the nearest are in the message), or it cannot be loaded.
    """
    if is_own_reward(name):
        return load_python_reward(name)
    function = _find(name).function

    def with_settings(completions: Sequence[Completion], **columns: Any) -> list[float | None]:
        return function(completions, settings, **columns)

    with_settings.__name__ = name
    with_settings.__doc__ = function.__doc__
    return with_settings


def get_rewards(names: Sequence[str], settings: RewardSettings) -> list[Reward]:
    """The reward functions of several names, in their order; see `get_reward`.

    Raises:
        GpgError: see `get_reward`; or two of them would be logged under one name.
    """
    functions = [get_reward(name, settings) for name in names]
    logged: dict[str, str] = {}
    for name, function in zip(names, functions, strict=True):
        if function.__name__ in logged:
            raise GpgError(
                f"reward_funcs has two rewards that are logged as {function.__name__!r}: "
                f"{logged[function.__name__]} and {name}",
                "Leave one out (a weight in reward_weights counts it more), or rename the function.",
            )
        logged[function.__name__] = name
    return functions


def parameters_of(names: Sequence[str]) -> set[str]:
    """The fields of `RewardSettings` that any of these rewards reads; names that are unknown have none."""
    rewards = all_rewards()
    return {parameter for name in names if name in rewards for parameter in rewards[name].parameters}


def reads_gold(name: str) -> bool:
    """Whether a reward compares with the gold: whether its function names `solution` among its arguments.

    Raises:
        GpgError: see `get_reward`.
    """
    function: Callable = load_python_reward(name) if is_own_reward(name) else _find(name).function
    return "solution" in inspect.signature(function).parameters


def gold_is_text(name: str) -> bool:
    """Whether a reward wants the data's gold in `solution` as it stands; the others want it as LaTeX.

    A reward of the user's own gets what the others get.

    Raises:
        GpgError: see `get_reward`.
    """
    return not is_own_reward(name) and _find(name).gold == "text"


def reward_summary(name: str) -> RewardSummary:
    """What there is to know about one reward.

    Raises:
        GpgError: see `get_reward`.
    """
    if is_own_reward(name):
        return summarise(name, Registered(load_python_reward(name), (), None))
    return summarise(name, _find(name))


def reward_summaries() -> list[RewardSummary]:
    """What there is to know about every reward, in alphabetical order."""
    return [summarise(name, registered) for name, registered in all_rewards().items()]


def _find(name: str) -> Registered:
    rewards = all_rewards()
    refuse_program_reward(name)
    if name not in rewards:
        raise GpgError(
            f"unknown reward {name!r}",
            f"{did_you_mean(name, rewards)}There are: {', '.join(rewards)}. One of your own is {OWN_REWARD}.",
        )
    return rewards[name]
