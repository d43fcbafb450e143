"""Two evaluations compared problem by problem: hard ones are hard for both, so this is more certain than intervals."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, variance
from typing import Any

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.journal import SAMPLES_FILE, Sample
from gpg_cli.evaluation.metrics import Z95, percent
from gpg_cli.evaluation.record import read_record
from gpg_cli.evaluation.samples_file import read_samples


@dataclass(frozen=True)
class Flip:
    """A problem that one of the two solves more often; shares of right samples in [0, 1]."""

    bench: str
    index: int
    problem: str
    first: float
    second: float


@dataclass(frozen=True)
class Paired:
    """Two models on the same problems.

    Attributes:
        problems: that both were asked.
        first, second: mean scores, in [0, 1].
        difference: second minus first.
        margin: half of its 95% interval, from the differences problem by problem (Miller 2024, arXiv 2411.00640).
        better, worse: problems that the second solves more often, or less often.
        p_value: of the two-sided exact sign test on these.
    """

    problems: int
    first: float
    second: float
    difference: float
    margin: float
    better: int
    worse: int
    p_value: float


@dataclass(frozen=True)
class Comparison:
    """Two evaluations.

    Attributes:
        first, second: names of the models.
        benches: benchmark to what was found on it; `total` is of all problems together.
        flips: where the two differ, most first.
        alone: how many problems only one of the two was asked.
    """

    first: str
    second: str
    benches: dict[str, Paired]
    total: Paired
    flips: list[Flip]
    alone: int

    def to_dict(self) -> dict[str, Any]:
        """For `--json`: scores and differences in percent."""
        return {
            "first": self.first,
            "second": self.second,
            "benches": {name: _as_percent(paired) for name, paired in self.benches.items()},
            "total": _as_percent(self.total),
            "flips": [asdict(flip) for flip in self.flips],
            "alone": self.alone,
        }


def compare(first: Path, second: Path) -> Comparison:
    """Compare the evaluations of two folders.

    Raises:
        GpgError: a folder holds no evaluation; they share no problem; or what should be the same problem is not.
    """
    records = [read_record(folder) for folder in (first, second)]
    shares = [_shares(read_samples(folder / SAMPLES_FILE)) for folder in (first, second)]
    both = sorted(shares[0].keys() & shares[1].keys())
    if not both:
        raise GpgError(f"{first} and {second} share no problem", "Compare evaluations of the same benchmarks.")
    for key in both:
        if shares[0][key][0] != shares[1][key][0]:
            raise GpgError(
                f"problem {key[1] + 1} of {key[0]} is not the same in {first} and {second}",
                "Compare evaluations of the same data.",
            )
    pairs = {key: (shares[0][key][1], shares[1][key][1]) for key in both}
    benches = {
        name: paired([pair for (bench, _), pair in pairs.items() if bench == name])
        for name in dict.fromkeys(bench for bench, _ in both)
    }
    flips = [
        Flip(bench, index, shares[0][bench, index][0], *pair)
        for (bench, index), pair in pairs.items()
        if pair[0] != pair[1]
    ]
    return Comparison(
        first=records[0].model,
        second=records[1].model,
        benches=benches,
        total=paired(list(pairs.values())),
        flips=sorted(flips, key=lambda flip: -abs(flip.second - flip.first)),
        alone=len(shares[0].keys() ^ shares[1].keys()),
    )


def paired(pairs: Sequence[tuple[float, float]]) -> Paired:
    """Two models' shares of right samples on the same problems, at least one."""
    differences = [second - first for first, second in pairs]
    better, worse = sum(each > 0 for each in differences), sum(each < 0 for each in differences)
    spread = variance(differences) / len(pairs) if len(pairs) > 1 else math.inf
    return Paired(
        problems=len(pairs),
        first=fmean(first for first, _ in pairs),
        second=fmean(second for _, second in pairs),
        difference=fmean(differences),
        margin=min(1.0, Z95 * math.sqrt(spread)),
        better=better,
        worse=worse,
        p_value=sign_test(better, worse),
    )


def sign_test(better: int, worse: int) -> float:
    """The two-sided p-value of a fair coin that falls so unevenly, or more so; ties do not count.

    For one sample a problem this is McNemar's exact test.
    """
    count = better + worse
    tail = sum(math.comb(count, number) for number in range(min(better, worse) + 1))
    return min(1.0, 2 * tail / 2**count)


def _shares(samples: Sequence[Sample]) -> dict[tuple[str, int], tuple[str, float]]:
    """(benchmark, problem) to the problem's text and the share of right samples."""
    found: dict[tuple[str, int], list[Sample]] = {}
    for sample in samples:
        found.setdefault((sample.bench, sample.index), []).append(sample)
    return {
        key: (each[0].problem, fmean(sample.verdict == "correct" for sample in each)) for key, each in found.items()
    }


def _as_percent(paired: Paired) -> dict[str, Any]:
    shares = ("first", "second", "difference", "margin")
    return {key: percent(value) if key in shares else value for key, value in asdict(paired).items()}
