"""Measured numbers beside published ones."""

import pytest

from gpg_cli.evaluation.metrics import mean_variance
from gpg_cli.evaluation.published import against_bench, against_suite, rows_to_show
from gpg_cli.evaluation.suites import choose_benches

BENCHES = choose_benches(["math"])[0]
PUBLISHED = [bench.published for bench in BENCHES]
PROBLEMS = {"aime24": 30, "math500": 500, "amc23": 40, "minerva": 272, "olympiadbench": 675}


@pytest.mark.parametrize(
    ("model", "rows"),
    [
        ("GD-ML/Open-RS1", ["GPG-RS1"]),
        ("knoveleng/Open-RS1", ["Open-RS1"]),
        ("models/qwen2.5-math-7b", ["Qwen2.5-Math-7B"]),
        ("runs/mine", ["GPG-RS1", "DeepSeek-R1-Distill-Qwen-1.5B"]),
    ],
)
def test_whose_numbers_are_shown(model: str, rows: list[str]) -> None:
    assert rows_to_show(model, PUBLISHED) == rows


def test_nothing_is_shown_where_nothing_was_published() -> None:
    assert rows_to_show("runs/mine", [{}]) == []


def test_a_difference_within_the_errors_of_both_is_noise() -> None:
    # 30 problems: one published sample has a standard error of 8.6 points at 33.3.
    measured = mean_variance([1.0] * 12 + [0.0] * 18)
    against = against_bench(40.0, measured, "GPG-RS1", 33.3, 30)
    assert against.difference == pytest.approx(6.7)
    assert against.margin == pytest.approx(1.96 * (8.6**2 + 9.1**2) ** 0.5, rel=0.01)
    assert against.is_noise
    assert not against_bench(70.0, mean_variance([1.0] * 21 + [0.0] * 9), "GPG-RS1", 33.3, 30).is_noise


def test_the_papers_own_gain_is_about_one_standard_error() -> None:
    """GPG-RS1 against Open-RS1: +2.6 points on the average, whose standard error is 2.3 for each of the two."""
    each = [
        against_bench(
            bench.published["GPG-RS1"],
            bench.published["GPG-RS1"] / 100 * (1 - bench.published["GPG-RS1"] / 100) / PROBLEMS[bench.name],
            "Open-RS1",
            bench.published["Open-RS1"],
            PROBLEMS[bench.name],
        )
        for bench in BENCHES
    ]
    mean = against_suite(55.66, each, "Open-RS1")
    assert mean is not None
    assert mean.score == pytest.approx(53.06)
    assert mean.difference == pytest.approx(2.6)
    assert mean.margin / 1.96 == pytest.approx(2.3 * 2**0.5, rel=0.05)
    assert mean.is_noise
