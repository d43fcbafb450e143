"""What the samples of one benchmark add up to. Pure functions."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from gpg_cli.evaluation.journal import Sample

# Standard normal quantile of a two-sided 95% interval.
_Z = 1.959963984540054


@dataclass(frozen=True)
class Metrics:
    """Scores of one benchmark with one sample a problem.

    Attributes:
        problems, correct: how many there were, and how many were solved.
        accuracy: share solved, in [0, 1]; timeouts, errors and answers that do not parse count as not solved.
        interval: lowest and highest accuracy that the sample allows for with 95% confidence.
        truncated: share of completions cut off by the token limit.
        mean_tokens: completion length in tokens, the end token included.
        verdicts: how many samples got each verdict.
    """

    problems: int
    correct: int
    accuracy: float
    interval: tuple[float, float]
    truncated: float
    mean_tokens: float
    verdicts: dict[str, int]


def summarise(samples: Sequence[Sample]) -> Metrics:
    """Metrics of at least one sample."""
    count = len(samples)
    verdicts = Counter(str(sample.verdict) for sample in samples)
    correct = verdicts["correct"]
    return Metrics(
        problems=count,
        correct=correct,
        accuracy=correct / count,
        interval=wilson_interval(correct, count),
        truncated=sum(sample.finish_reason == "length" for sample in samples) / count,
        mean_tokens=sum(sample.tokens for sample in samples) / count,
        verdicts=dict(sorted(verdicts.items())),
    )


def wilson_interval(correct: int, count: int) -> tuple[float, float]:
    """Wilson's 95% score interval (1927) of a share; unlike the normal one it stays in [0, 1] and holds near its ends.

    With p = correct / count and z = 1.96:  (p + z²/2n ± z sqrt(p(1 - p)/n + z²/4n²)) / (1 + z²/n)
    """
    share = correct / count
    scale = 1 + _Z**2 / count
    centre = (share + _Z**2 / (2 * count)) / scale
    half_width = _Z * math.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2)) / scale
    # At a share of 0 or 1 rounding can leave the bound a hair off the end it is equal to.
    low = 0.0 if correct == 0 else centre - half_width
    high = 1.0 if correct == count else centre + half_width
    return low, high
