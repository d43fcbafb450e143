"""The average of several benchmarks."""

import math

import pytest

from gpg_cli.evaluation.metrics import Metrics, summarise
from gpg_cli.evaluation.suite_scores import suite_score
from tests.evaluation.samples import changed


def solved(correct: int, problems: int, strict: int | None = None) -> Metrics:
    """One sample of each problem."""
    right = correct if strict is None else strict
    return summarise(
        [
            changed(
                index=index,
                verdict="correct" if index < correct else "wrong",
                strict="correct" if index < right else "wrong",
            )
            for index in range(problems)
        ],
        "math-expr",
    )


def test_every_benchmark_counts_the_same() -> None:
    found = suite_score([solved(15, 30, strict=12), solved(400, 500, strict=450)])
    assert found.accuracy == pytest.approx((0.5 + 0.8) / 2)
    assert found.strict == pytest.approx((0.4 + 0.9) / 2)


def test_its_standard_error_is_that_of_the_papers_average() -> None:
    """About 2.3 points for one sample of each problem of the five benchmarks at GPG-RS1's scores."""
    found = suite_score([solved(10, 30), solved(438, 500), solved(31, 40), solved(80, 272), solved(341, 675)])
    assert found.accuracy == pytest.approx(0.5567, abs=1e-4)
    low, high = found.interval
    assert (high - low) / 2 / 1.96 == pytest.approx(0.023, abs=0.001)
    errors = [(10, 30), (438, 500), (31, 40), (80, 272), (341, 675)]
    summed = sum(right / count * (1 - right / count) / count for right, count in errors)
    assert (high - low) / 2 / 1.96 == pytest.approx(math.sqrt(summed) / 5, rel=0.06)


def test_one_benchmark_alone_is_its_own_average() -> None:
    bench = solved(3, 30)
    found = suite_score([bench])
    assert (found.accuracy, found.interval) == (bench.accuracy, pytest.approx(bench.interval))


@pytest.mark.parametrize("correct", [0, 30])
def test_nothing_and_everything_are_not_certain(correct: int) -> None:
    low, high = suite_score([solved(correct, 30)] * 2).interval
    assert 0 <= low < high <= 1
    assert high - low == pytest.approx(0.1135 / math.sqrt(2), abs=1e-3)
    written = suite_score([solved(correct, 30)] * 2).to_dict()
    assert written.keys() == {"score", "interval", "strict"}
    assert written["score"] == 100 * correct / 30
