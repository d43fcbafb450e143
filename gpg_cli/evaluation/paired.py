"""What two models' scores on the same problems say about the models. Pure functions."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from gpg_cli.evaluation.intervals import Interval, paired_interval
from gpg_cli.evaluation.metrics import percent


@dataclass(frozen=True)
class Paired:
    """Two models on the same problems.

    Attributes:
        problems: that both were asked.
        first, second: mean over these of the share of right samples, in [0, 1].
        difference: second minus first.
        interval: 95% interval of the difference, from those of each problem.
        better, worse, equal: problems that the second solves more often, less often, as often.
        p_value: of the two-sided exact sign test on the better and the worse.
    """

    problems: int
    first: float
    second: float
    difference: float
    interval: Interval
    better: int
    worse: int
    equal: int
    p_value: float

    def to_dict(self) -> dict[str, Any]:
        """Scores and differences in percent."""
        shares = {key: percent(value) for key, value in asdict(self).items() if key in ("first", "second")}
        bounds = [percent(bound) for bound in self.interval]
        return {**asdict(self), **shares, "difference": percent(self.difference), "interval": bounds}


def paired(first: Sequence[float], second: Sequence[float], samples: int) -> Paired:
    """What two models' shares of right samples on the same problems, at least one, say about the models.

    Args:
        samples: of the problem and model that have the fewest.
    """
    differences = [other - one for one, other in zip(first, second, strict=True)]
    better, worse = sum(each > 0 for each in differences), sum(each < 0 for each in differences)
    return Paired(
        problems=len(differences),
        first=fmean(first),
        second=fmean(second),
        difference=fmean(differences),
        interval=paired_interval(differences, samples),
        better=better,
        worse=worse,
        equal=len(differences) - better - worse,
        p_value=sign_test(better, worse),
    )


def sign_test(better: int, worse: int) -> float:
    """The two-sided p-value of a fair coin that falls so unevenly, or more so; ties do not count.

    For one sample a problem this is McNemar's exact test.
    """
    count = better + worse
    tail = sum(math.comb(count, number) for number in range(min(better, worse) + 1))
    return min(1.0, 2 * tail / 2**count)
