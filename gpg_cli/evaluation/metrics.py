"""What the samples of one benchmark add up to. Pure functions; n is how many samples a problem has."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance
from typing import Any

from gpg_cli.evaluation.journal import Sample
from gpg_cli.evaluation.majority import majority_is_right

# Standard normal quantile of a two-sided 95% interval.
Z95 = 1.959963984540054

Interval = tuple[float, float]


@dataclass(frozen=True)
class GroupScore:
    """The mean score of the problems that share a subject or a level, in [0, 1], and how many they are."""

    accuracy: float
    problems: int


@dataclass(frozen=True)
class Metrics:
    """Scores of one benchmark; all shares in [0, 1].

    Attributes:
        problems, samples, correct: how many there are, and how many of the samples are right.
        accuracy: mean@n, the mean over problems of the share of right samples. Timeouts, errors and answers that do
            not parse count as wrong.
        interval: 95% confidence, with problems as what was drawn: Wilson's for n = 1, else clustered by problem.
        variance: of the accuracy, as the interval has it.
        strict: mean@n by the sound rule; `differing` samples have another verdict by it.
        pass_at: k to the chance that one of k samples is right, for k = 1, 2, 4, ..., n.
        majority: maj@n, the share of problems whose most frequent answer is right; None for n = 1.
        truncated: share of samples cut off by the token limit.
        unparsed: share of samples in which no answer was found.
        mean_tokens: completion length in tokens, the end token included.
        verdicts: how many samples got each verdict.
        groups: `level` to `3` to the score of the problems of that level.
    """

    problems: int
    samples: int
    correct: int
    accuracy: float
    interval: Interval
    variance: float
    strict: float
    differing: int
    pass_at: dict[int, float]
    majority: float | None
    truncated: float
    unparsed: float
    mean_tokens: float
    verdicts: dict[str, int]
    groups: dict[str, dict[str, GroupScore]]

    def to_dict(self) -> dict[str, Any]:
        """As results.json has it: scores in percent, `truncated` and `unparsed` as shares."""
        return {
            "score": percent(self.accuracy),
            "interval": [percent(bound) for bound in self.interval],
            "strict": percent(self.strict),
            "differing": self.differing,
            "pass_at": {str(k): percent(share) for k, share in self.pass_at.items()},
            "majority": None if self.majority is None else percent(self.majority),
            "problems": self.problems,
            "correct": self.correct,
            "verdicts": self.verdicts,
            "truncated": round(self.truncated, 4),
            "unparsed": round(self.unparsed, 4),
            "mean_tokens": round(self.mean_tokens, 1),
            "groups": {
                key: {
                    value: {"score": percent(score.accuracy), "problems": score.problems}
                    for value, score in scores.items()
                }
                for key, scores in self.groups.items()
            },
        }


def summarise(samples: Sequence[Sample], rule: str) -> Metrics:
    """Metrics of at least one sample of one benchmark.

    Args:
        rule: of the benchmark; by it answers are alike or not, for the majority.
    """
    problems: dict[int, list[Sample]] = {}
    for sample in sorted(samples, key=lambda sample: sample.key):
        problems.setdefault(sample.index, []).append(sample)
    means = [fmean(sample.verdict == "correct" for sample in each) for each in problems.values()]
    most = max(map(len, problems.values()))
    accuracy = fmean(means)
    spread = mean_variance(means)
    return Metrics(
        problems=len(problems),
        samples=len(samples),
        correct=sum(sample.verdict == "correct" for sample in samples),
        accuracy=accuracy,
        interval=wilson_interval(accuracy, len(means)) if most == 1 else clustered_interval(means),
        variance=spread,
        strict=fmean(fmean(sample.strict == "correct" for sample in each) for each in problems.values()),
        differing=sum(
            sample.verdict != sample.strict and "correct" in (sample.verdict, sample.strict) for sample in samples
        ),
        pass_at=_pass_at(list(problems.values()), most),
        majority=fmean(majority_is_right(list(problems.values()), rule)) if most > 1 else None,
        truncated=fmean(sample.finish_reason == "length" for sample in samples),
        unparsed=fmean(sample.extracted is None for sample in samples),
        mean_tokens=fmean(sample.tokens for sample in samples),
        verdicts=dict(sorted(Counter(sample.verdict for sample in samples).items())),
        groups=_groups(list(problems.values())),
    )


def pass_at_k(samples: int, correct: int, k: int) -> float:
    """The chance that one of k samples, drawn without putting back from n of which c are right, is right.

    The unbiased estimator of Chen et al. 2021 (arXiv 2107.03374), 1 - C(n - c, k) / C(n, k), as a product.

    Raises:
        ValueError: k is not in 1..n.
    """
    if not 1 <= k <= samples:
        raise ValueError(f"pass@{k} of {samples} samples")
    if samples - correct < k:
        return 1.0
    return 1.0 - math.prod(1.0 - k / number for number in range(samples - correct + 1, samples + 1))


def mean_variance(means: Sequence[float]) -> float:
    """The variance of the mean over problems, of problems drawn at random (Miller 2024, arXiv 2411.00640, section 2).

    Where all are alike the samples say nothing about how they vary; the variance is then that at which Wilson's
    interval would be as wide, so that no average looks more certain than it is.
    """
    count = len(means)
    found = variance(means) / count if count > 1 else 0.0
    if found > 0:
        return found
    low, high = wilson_interval(fmean(means), count)
    return ((high - low) / (2 * Z95)) ** 2


def clustered_interval(means: Sequence[float]) -> Interval:
    """95% interval of the mean over problems, each with several samples: normal, with problems as clusters.

    Cut to [0, 1]; Wilson's where all problems are alike, since a width of 0 would promise what a few problems cannot.
    """
    mean = fmean(means)
    if len(means) < 2 or variance(means) == 0:
        return wilson_interval(mean, len(means))
    half = Z95 * math.sqrt(mean_variance(means))
    return max(0.0, mean - half), min(1.0, mean + half)


def wilson_interval(share: float, count: int) -> Interval:
    """Wilson's 95% score interval (1927) of a share; unlike the normal one it stays in [0, 1] and holds near its ends.

    With share p of n and z = 1.96:  (p + z²/2n ± z sqrt(p(1 - p)/n + z²/4n²)) / (1 + z²/n)
    """
    scale = 1 + Z95**2 / count
    centre = (share + Z95**2 / (2 * count)) / scale
    half_width = Z95 * math.sqrt(share * (1 - share) / count + Z95**2 / (4 * count**2)) / scale
    # At a share of 0 or 1 rounding can leave the bound a hair off the end it is equal to.
    low = 0.0 if share == 0 else centre - half_width
    high = 1.0 if share == 1 else centre + half_width
    return low, high


def percent(share: float) -> float:
    """As results.json rounds it."""
    return round(100 * share, 3)


def _pass_at(problems: Sequence[Sequence[Sample]], most: int) -> dict[int, float]:
    """For k = 1, 2, 4, ... and n; of an evaluation that was cut short, over the problems that have k samples."""
    ks = sorted({2**power for power in range(most.bit_length()) if 2**power <= most} | {most})
    right = [(len(each), sum(sample.verdict == "correct" for sample in each)) for each in problems]
    return {k: fmean(pass_at_k(count, correct, k) for count, correct in right if count >= k) for k in ks}


def _groups(problems: Sequence[Sequence[Sample]]) -> dict[str, dict[str, GroupScore]]:
    found: dict[str, dict[str, list[float]]] = {}
    for each in problems:
        mean = fmean(sample.verdict == "correct" for sample in each)
        for key, value in each[0].groups.items():
            found.setdefault(key, {}).setdefault(value, []).append(mean)
    return {
        key: {value: GroupScore(fmean(values[value]), len(values[value])) for value in sorted(values)}
        for key, values in found.items()
    }
