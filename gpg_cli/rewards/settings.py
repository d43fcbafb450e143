"""The numbers that rewards can be given: the one place that lists them, for recipes and for `gpg rewards` alike."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Le


@dataclass(frozen=True, kw_only=True)
class RewardSettings:
    """Parameters of the rewards; names and defaults are those of the training scripts of open-rs and open-r1.

    Each field is a setting of a recipe, where it may stand whether or not a reward uses it; the model of recipes checks
    types, the limits that stand here, and that numbers are finite. A reward names its own with the decorator of
    `registry`. No model of pydantic itself, whose import takes longer than all the rest of `gpg rewards`.
    """

    # What pydantic, where it reads them, goes by.
    __pydantic_config__: ClassVar = {"extra": "forbid", "allow_inf_nan": False}

    cosine_min_value_wrong: Annotated[float, "what an empty wrong answer earns"] = 0.0
    cosine_max_value_wrong: Annotated[float, "what a wrong answer of cosine_max_len earns"] = -0.5
    cosine_min_value_correct: Annotated[float, "what a correct answer of cosine_max_len earns"] = 0.5
    cosine_max_value_correct: Annotated[float, "what the shortest correct answer would earn"] = 1.0
    cosine_max_len: Annotated[
        int, Ge(1), "half a period of the cosine, in characters or, where asked for, in tokens"
    ] = 1000
    cosine_in_tokens: Annotated[bool, "measure the length in tokens, not in characters"] = False
    cosine_clamp: Annotated[bool, "let what is longer than cosine_max_len earn what that length earns"] = False
    repetition_n_grams: Annotated[int, Ge(1), "words that are compared together"] = 3
    repetition_max_penalty: Annotated[float, Le(0), "what endless repetition would earn; not above 0"] = -1.0
