"""What the samples of one benchmark add up to; n is how many samples a problem has."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from gpg_cli.evaluation.intervals import Interval, clustered_interval, wilson_interval
from gpg_cli.evaluation.journal import Sample
from gpg_cli.evaluation.majority import majority_is_right
from gpg_cli.evaluation.pass_at_k import mean_pass_at


@dataclass(frozen=True)
class GroupScore:
    """The mean score of the problems that share a subject or a level, in [0, 1], and how many they are."""

    accuracy: float
    problems: int

    @property
    def interval(self) -> Interval:
        """95% confidence, Wilson's, in [0, 1]; rather too wide where problems have several samples."""
        return wilson_interval(self.accuracy, self.problems)


@dataclass(frozen=True)
class Metrics:
    """Scores of one benchmark; all shares in [0, 1].

    Attributes:
        problems, samples, correct: how many there are, and how many of the samples are right.
        accuracy: mean@n, the mean over problems of the share of right samples, or of what the samples are worth where
            that is a matter of degree (mIoU). Timeouts, errors and answers that do not parse count 0.
        interval: 95% confidence, with problems as what was drawn: Wilson's for n = 1, else clustered by problem. For
            scores of degree it is rather too wide: they vary less than right and wrong do.
        strict: mean@n by the sound rule; on `differing` samples the two rules disagree, see `Sample.differs`.
        pass_at: k to the chance that one of k samples is right, for k = 1, 2, 4, ..., n; empty for scores of degree.
        majority: maj@n, the share of problems whose most frequent answer is right; of several that are equally
            frequent, the one that was given first. None for n = 1, and for scores of degree.
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
    counts = [len(each) for each in problems.values()]
    correct = [sum(sample.verdict == "correct" for sample in each) for each in problems.values()]
    shares = [fmean(sample.score for sample in each) for each in problems.values()]
    by_degree = any(sample.value is not None for sample in samples)
    many = max(counts) > 1 and not by_degree
    return Metrics(
        problems=len(problems),
        samples=len(samples),
        correct=sum(correct),
        accuracy=fmean(shares),
        interval=clustered_interval(shares, counts),
        strict=fmean(fmean(sample.strict_score for sample in each) for each in problems.values()),
        differing=sum(sample.differs for sample in samples),
        pass_at={} if by_degree else mean_pass_at(list(zip(counts, correct, strict=True))),
        majority=fmean(majority_is_right(list(problems.values()), rule)) if many else None,
        truncated=fmean(sample.finish_reason == "length" for sample in samples),
        unparsed=fmean(sample.extracted is None for sample in samples),
        mean_tokens=fmean(sample.tokens for sample in samples),
        verdicts=dict(sorted(Counter(sample.verdict for sample in samples).items())),
        groups=_groups(list(problems.values())),
    )


def percent(share: float) -> float:
    """As results.json rounds it."""
    return round(100 * share, 3)


def _groups(problems: Sequence[Sequence[Sample]]) -> dict[str, dict[str, GroupScore]]:
    found: dict[str, dict[str, list[float]]] = {}
    for each in problems:
        mean = fmean(sample.score for sample in each)
        for key, value in each[0].groups.items():
            found.setdefault(key, {}).setdefault(value, []).append(mean)
    return {
        key: {value: GroupScore(fmean(values[value]), len(values[value])) for value in sorted(values)}
        for key, values in found.items()
    }
