"""Names for rewards: a decorator registers a function, so that a new reward is one function in one file."""

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache

Reward = Callable[..., list[float | None]]

_REWARDS: dict[str, Reward] = {}


def reward(name: str) -> Callable[[Reward], Reward]:
    """Register `function(completions, settings, **columns)` under a name that recipes use."""

    def register(function: Reward) -> Reward:
        if name in _REWARDS:
            raise ValueError(f"two rewards are called {name!r}")
        _REWARDS[name] = function
        return function

    return register


@cache
def all_rewards() -> dict[str, Reward]:
    """Every reward of this package by name, in alphabetical order."""
    package = importlib.import_module("gpg_cli.rewards")
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
    return dict(sorted(_REWARDS.items()))
