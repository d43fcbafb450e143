"""The average of several benchmarks, each counting the same, as papers print it."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from gpg_cli.evaluation.intervals import Interval, mean_interval
from gpg_cli.evaluation.metrics import Metrics, percent


@dataclass(frozen=True)
class SuiteScore:
    """A plain mean of benchmarks' scores, in [0, 1], with its 95% interval; `strict` is that of the sound rule."""

    accuracy: float
    interval: Interval
    strict: float

    def to_dict(self) -> dict[str, Any]:
        """As results.json has it, in percent."""
        return {
            "score": percent(self.accuracy),
            "interval": [percent(bound) for bound in self.interval],
            "strict": percent(self.strict),
        }


def suite_score(benches: Sequence[Metrics]) -> SuiteScore:
    """The plain mean of at least one benchmark's scores; their errors are independent, and add up as squares."""
    shares = [bench.accuracy for bench in benches]
    interval = mean_interval(shares, [bench.interval for bench in benches])
    return SuiteScore(fmean(shares), interval, fmean(bench.strict for bench in benches))
