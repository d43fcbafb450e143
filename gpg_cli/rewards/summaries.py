"""What a reward says about itself: its docstring, and its parameters as a recipe has them."""

import inspect
import json
from dataclasses import dataclass, fields

from gpg_cli.rewards.registry import Registered
from gpg_cli.rewards.settings import RewardSettings


@dataclass(frozen=True)
class RewardParameter:
    """A setting of recipes.

    Attributes:
        name: its key.
        default: as YAML has it.
        description: what it means, half a line.
    """

    name: str
    default: str
    description: str


@dataclass(frozen=True)
class RewardSummary:
    """One reward.

    Attributes:
        name: what `reward_funcs` takes.
        description: one line.
        documentation: all of it, starting with that line.
        parameters: those that change it.
        alias_of: the name of the same reward that is to be preferred, if any.
    """

    name: str
    description: str
    documentation: str
    parameters: tuple[RewardParameter, ...]
    alias_of: str | None


def summarise(name: str, registered: Registered) -> RewardSummary:
    """What there is to know about a reward; an alias says first whose other name it is."""
    documentation = inspect.getdoc(registered.function) or "No docstring."
    if registered.alias_of:
        documentation = f"Another name of {registered.alias_of}.\n\n{documentation}"
    parameters = tuple(_parameter(parameter) for parameter in registered.parameters)
    return RewardSummary(name, documentation.partition("\n")[0], documentation, parameters, registered.alias_of)


def _parameter(name: str) -> RewardParameter:
    field = {field.name: field for field in fields(RewardSettings)}[name]
    (description,) = (each for each in field.type.__metadata__ if isinstance(each, str))  # type: ignore[union-attr]
    # JSON is YAML, as a recipe has it, and imports faster.
    return RewardParameter(name, json.dumps(field.default), description)
