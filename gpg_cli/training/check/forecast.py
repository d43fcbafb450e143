"""From the valid share of some groups to what a step will take. Pure functions."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from gpg_cli.training.rollout import Group, fill_batch

_STEPS = 1000


@dataclass(frozen=True)
class Forecast:
    """What to expect of a step.

    Attributes:
        valid: share of groups that carry signal, with its standard error.
        prompts, rounds: sampled for a step, and further rounds for it, on average.
        short: share of steps that do not reach the threshold within the rounds allowed.
    """

    valid: float
    error: float
    prompts: float
    rounds: float
    short: float


def forecast(valid: Sequence[bool], *, size: int, threshold: float, max_rounds: int, seed: int = 0) -> Forecast:
    """Simulate steps with independent groups that carry signal as often as those given.

    Args:
        valid: whether each group that was sampled carries signal; at least one.
        size: B, groups of a step.
        threshold: `min_inverse_alpha`.
        max_rounds: further rounds at most.
    """
    share = fmean(valid)
    # Agresti and Coull's estimate, so that eight dead groups of eight do not promise that all are dead.
    adjusted = (sum(valid) + 2) / (len(valid) + 4)
    draw = random.Random(seed)

    def sample(count: int) -> list[Group]:
        return [Group(0, [], draw.random() < adjusted) for _ in range(count)]

    steps = [fill_batch(sample, size=size, threshold=threshold, max_rounds=max_rounds) for _ in range(_STEPS)]
    return Forecast(
        valid=share,
        error=math.sqrt(adjusted * (1 - adjusted) / (len(valid) + 4)),
        prompts=fmean(len(step.generated) for step in steps),
        rounds=fmean(step.rounds for step in steps),
        short=fmean(step.short for step in steps),
    )
