"""The numbers that rewards can be given."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RewardSettings:
    """Parameters of the rewards; the defaults are those of the training scripts of open-rs and open-r1.

    Args:
        cosine_min_value_wrong: what an empty wrong answer earns.
        cosine_max_value_wrong: what a wrong answer of `cosine_max_len` characters earns.
        cosine_min_value_correct: what a correct answer of `cosine_max_len` characters earns.
        cosine_max_value_correct: what an empty correct answer would earn.
        cosine_max_len: half a period of the cosine, in characters.
    """

    cosine_min_value_wrong: float = 0.0
    cosine_max_value_wrong: float = -0.5
    cosine_min_value_correct: float = 0.5
    cosine_max_value_correct: float = 1.0
    cosine_max_len: int = 1000
