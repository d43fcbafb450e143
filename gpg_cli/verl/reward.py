"""Our rewards as verl calls them: one function for one completion.

verl 0.9.1 loads it by `reward.custom_reward_function.path=pkg://gpg_cli.verl.reward`. Which rewards pay, and with what
parameters, comes from the command line (`reward_kwargs`) and never from the data: a reward may be a file of the user's.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from gpg_cli.errors import GpgError


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: str,
    extra_info: Mapping[str, Any] | None = None,
    *,
    reward_funcs: Iterable[str] = ("accuracy",),
    reward_weights: Iterable[float] | None = None,
    **parameters: Any,
) -> float:
    """What the rewards of a recipe pay for one completion: their weighted sum.

    A reward that says nothing (None: a gold that cannot be read, say) adds nothing, as in training. Safe in the threads
    of verl's reward workers.

    Args:
        data_source: which data set the row is of; not used.
        solution_str: the completion, without special tokens.
        ground_truth: the gold, as `gpg data verl` wrote it.
        extra_info: of the row; `columns` holds the data's other columns as JSON.
        reward_funcs, reward_weights: as in a recipe.
        parameters: of the rewards, by their names in a recipe (`cosine_max_len`).

    Raises:
        GpgError: an unknown reward or parameter, or not as many weights as rewards.
    """
    names = tuple(reward_funcs)
    weights = tuple(float(weight) for weight in reward_weights) if reward_weights is not None else (1.0,) * len(names)
    if len(weights) != len(names):
        raise GpgError(f"{len(names)} rewards have {len(weights)} weights", "Give one weight for each of reward_funcs.")
    # verl adds arguments of its own where it serves a reward model.
    given = {key: value for key, value in parameters.items() if key not in _OF_VERL}
    functions = _functions(names, json.dumps(given, sort_keys=True, default=list))
    columns = json.loads((extra_info or {}).get("columns") or "{}")
    row = {key: [value] for key, value in columns.items()} | {"solution": [ground_truth]}
    paid = [function(completions=[solution_str], **row)[0] for function in functions]
    return float(sum(weight * value for weight, value in zip(weights, paid, strict=True) if value is not None))


_OF_VERL = {"reward_router_address", "reward_model_tokenizer"}


@cache
def _functions(names: tuple[str, ...], parameters: str) -> list[Any]:
    from pydantic import TypeAdapter, ValidationError

    from gpg_cli.rewards import RewardSettings, get_rewards

    try:
        settings = TypeAdapter(RewardSettings).validate_json(parameters)
    except ValidationError as error:
        key = ".".join(map(str, error.errors()[0]["loc"]))
        raise GpgError(f"{key} is no parameter of a reward, or has a wrong value", "See `gpg rewards`.") from error
    return list(get_rewards(names, settings))
