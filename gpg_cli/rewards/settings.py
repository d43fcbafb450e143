"""The numbers that rewards can be given: the one place that lists them, for recipes and for `gpg rewards` alike."""

from pydantic import BaseModel, ConfigDict, Field


class RewardSettings(BaseModel):
    """Parameters of the rewards; names and defaults are those of the training scripts of open-rs and open-r1.

    Each field is a setting of a recipe, where it may stand whether or not a reward uses it. A reward names its own with
    the decorator of `registry`.
    """

    # Deferred, because `gpg rewards` only asks what there is.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    cosine_min_value_wrong: float = Field(
        default=0.0, allow_inf_nan=False, description="what an empty wrong answer earns"
    )
    cosine_max_value_wrong: float = Field(
        default=-0.5, allow_inf_nan=False, description="what a wrong answer of cosine_max_len earns"
    )
    cosine_min_value_correct: float = Field(
        default=0.5, allow_inf_nan=False, description="what a correct answer of cosine_max_len earns"
    )
    cosine_max_value_correct: float = Field(
        default=1.0, allow_inf_nan=False, description="what the shortest correct answer would earn"
    )
    cosine_max_len: int = Field(
        default=1000, ge=1, description="half a period of the cosine, in characters or, where asked for, in tokens"
    )
    cosine_in_tokens: bool = Field(default=False, description="measure the length in tokens, not in characters")
    cosine_clamp: bool = Field(
        default=False, description="let what is longer than cosine_max_len earn what that length earns"
    )
    repetition_n_grams: int = Field(default=3, ge=1, description="words that are compared together")
    repetition_max_penalty: float = Field(
        default=-1.0, le=0, allow_inf_nan=False, description="what endless repetition would earn; not above 0"
    )
