"""Rewards by name, with TRL's signature: `reward(completions, **columns) -> list[float | None]`.

None means that nothing can be said about a completion; TRL leaves it out of the sum of rewards. A new reward is one
function with the decorator of `registry`, in one file of this folder.
"""

import inspect
from collections.abc import Sequence
from typing import Any

from gpg_cli.errors import GpgError
from gpg_cli.rewards.completion import Completion
from gpg_cli.rewards.registry import Reward, all_rewards
from gpg_cli.rewards.settings import RewardSettings
from gpg_cli.yaml_file import did_you_mean

__all__ = ["RewardSettings", "describe_reward", "get_reward", "reads_gold", "reward_names"]


def reward_names() -> tuple[str, ...]:
    """The names that `reward_funcs` takes, in alphabetical order."""
    return tuple(all_rewards())


def get_reward(name: str, settings: RewardSettings) -> Reward:
    """The reward function of a name, for TRL, which logs it under its `__name__`.

    Raises:
        GpgError: there is none of that name; the nearest names are in the message.
    """
    function = _find(name)

    def with_settings(completions: Sequence[Completion], **columns: Any) -> list[float | None]:
        return function(completions, settings, **columns)

    with_settings.__name__ = name
    with_settings.__doc__ = function.__doc__
    return with_settings


def describe_reward(name: str) -> str:
    """What a reward is for, in one line.

    Raises:
        GpgError: there is none of that name; the nearest names are in the message.
    """
    return (inspect.getdoc(_find(name)) or "").partition("\n")[0]


def reads_gold(name: str) -> bool:
    """Whether a reward compares with the gold: whether its function names `solution` among its columns.

    Raises:
        GpgError: there is none of that name; the nearest names are in the message.
    """
    return "solution" in inspect.signature(_find(name)).parameters


def _find(name: str) -> Reward:
    rewards = all_rewards()
    if name not in rewards:
        raise GpgError(f"unknown reward {name!r}", f"{did_you_mean(name, rewards)}There are: {', '.join(rewards)}.")
    return rewards[name]
