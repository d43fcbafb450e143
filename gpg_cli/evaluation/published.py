"""Published numbers beside measured ones: which, how far apart, and whether that can be chance.

A published number is one sample of each problem, and as uncertain as one: its standard error is 8.6 points on AIME24,
7 on AMC23, 2.8 on Minerva, 1.9 on OlympiadBench, 1.6 on MATH-500, 2.3 on the average of the five. Both numbers are of
the same problems, so that what is hard for both cancels; how much is not known without the published verdicts, and the
two are taken as independent. The intervals are rather too wide than too narrow. So are those of overlaps (mIoU, gIoU),
which are taken for shares of right answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gpg_cli.evaluation.intervals import Interval, difference_interval, mean_interval, wilson_interval


@dataclass(frozen=True)
class Against:
    """A measured score beside a published one.

    Attributes:
        row: whose the published score is.
        score: the published one, in percent.
        difference: measured minus published, in points.
        interval: 95% interval of that difference, in points.
    """

    row: str
    score: float
    difference: float
    interval: Interval

    @property
    def is_noise(self) -> bool:
        """Whether two models that are equally good would differ as much in more than one of twenty comparisons."""
        low, high = self.interval
        return low <= 0 <= high


def against_bench(score: float, interval: Interval, row: str, published: float, problems: int) -> Against:
    """Beside the published score of one benchmark, which was one sample of each of its problems.

    Args:
        score, published: in percent.
        interval: 95% interval of the measured score, in percent.
        problems: how many the benchmark has.
    """
    low, high = interval
    theirs = min(max(published / 100, 0.0), 1.0)
    bounds = difference_interval(score / 100, (low / 100, high / 100), theirs, wilson_interval(theirs, problems))
    return Against(row, published, score - published, (100 * bounds[0], 100 * bounds[1]))


def against_suite(score: float, benches: Sequence[Against], row: str) -> Against | None:
    """Beside the plain mean of the published scores of a suite's benchmarks; None where one of them is missing.

    Args:
        score: the suite's, in percent.
        benches: what `against_bench` gave for those of its benchmarks that have a published score.
    """
    if not benches:
        return None
    published = sum(each.score for each in benches) / len(benches)
    bounds = mean_interval([each.difference for each in benches], [each.interval for each in benches])
    return Against(row, published, score - published, bounds)
