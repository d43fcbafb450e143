"""Names for rewards: a decorator registers a function, so that a new reward is one function in one file."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache
from typing import Literal

from gpg_cli.rewards.settings import RewardSettings

Reward = Callable[..., list[float | None]]
Gold = Literal["latex", "text"]


@dataclass(frozen=True)
class Registered:
    """What is known under one name.

    Attributes:
        function: `function(completions, settings, **columns)`.
        parameters: the fields of `RewardSettings` that it reads.
        alias_of: the name it is documented under, where this one is only another.
        gold: what it reads in `solution`: the gold as LaTeX, or as the text that the data has.
    """

    function: Reward
    parameters: tuple[str, ...]
    alias_of: str | None
    gold: Gold = "latex"


_REWARDS: dict[str, Registered] = {}


def reward(
    name: str, *, parameters: tuple[str, ...] = (), aliases: tuple[str, ...] = (), gold: Gold = "latex"
) -> Callable[[Reward], Reward]:
    """Register `function(completions, settings, **columns)` under the names that recipes use.

    Args:
        name: the one to document.
        parameters: the fields of `RewardSettings` that it reads.
        aliases: other names for the same.
        gold: what `solution` holds, where it reads that: `text` is the data's gold as it stands.
    """
    if unknown := set(parameters) - {field.name for field in fields(RewardSettings)}:
        raise ValueError(f"{name}: no settings of rewards: {', '.join(sorted(unknown))}")

    def register(function: Reward) -> Reward:
        for each in (name, *aliases):
            if each in _REWARDS:
                raise ValueError(f"two rewards are called {each!r}")
            _REWARDS[each] = Registered(function, parameters, None if each == name else name, gold)
        return function

    return register


@cache
def all_rewards() -> dict[str, Registered]:
    """Every reward of this package by name, in alphabetical order."""
    package = importlib.import_module("gpg_cli.rewards")
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
    return dict(sorted(_REWARDS.items()))
