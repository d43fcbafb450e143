"""Published numbers beside measured ones: which, how far apart, and whether that can be chance."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gpg_cli.evaluation.metrics import Z95

# Shown beside a model of which no number was published: what GPG made of the model most begin with, and that one.
_METHOD, _BASE = "GPG-RS1", "DeepSeek-R1-Distill-Qwen-1.5B"
# The authors' models on the Hub have names under which the tables list others' (knoveleng's, trained with GRPO).
_BY_HUB_ID = {"gd-ml/open-rs1": "GPG-RS1", "gd-ml/open-rs3": "GPG-RS3"}


@dataclass(frozen=True)
class Against:
    """A measured score beside a published one.

    Attributes:
        row: whose the published score is.
        score: the published one, in percent.
        difference: measured minus published, in points.
        margin: half of the 95% interval of that difference, in points.
    """

    row: str
    score: float
    difference: float
    margin: float

    @property
    def is_noise(self) -> bool:
        """Whether equally good models would differ as much more often than once in twenty times."""
        return abs(self.difference) <= self.margin


def rows_to_show(model: str, published: Sequence[Mapping[str, float]]) -> list[str]:
    """This very model's published numbers, told by its name; else those of GPG-RS1 and of its base model."""
    known = [row for rows in published for row in rows]
    name = _BY_HUB_ID.get(model.lower(), Path(model).name)
    same = [row for row in known if row.lower() == name.lower()]
    return same[:1] or [row for row in (_METHOD, _BASE) if row in known]


def against_bench(score: float, variance: float, row: str, published: float, problems: int) -> Against:
    """Beside the published score of one benchmark, which was one sample of each of its problems.

    Args:
        score, published: in percent.
        variance: of the measured share.
        problems: how many the benchmark has.
    """
    theirs = published / 100
    spread = variance + theirs * (1 - theirs) / problems
    return Against(row, published, score - published, 100 * Z95 * math.sqrt(spread))


def against_suite(score: float, benches: Sequence[Against], row: str) -> Against | None:
    """Beside the plain mean of the published scores of a suite's benchmarks; None where one of them is missing.

    Args:
        score: the suite's, in percent.
        benches: what `against_bench` gave for those of its benchmarks that have a published score.
    """
    if not benches:
        return None
    published = sum(each.score for each in benches) / len(benches)
    margin = math.sqrt(sum(each.margin**2 for each in benches)) / len(benches)
    return Against(row, published, score - published, margin)
