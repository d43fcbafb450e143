"""Measured numbers beside published ones."""

import pytest

from gpg_cli.evaluation.intervals import wilson_interval
from gpg_cli.evaluation.published import Against, against_bench, against_suite
from gpg_cli.evaluation.suites import choose_benches

BENCHES = choose_benches(["math"])[0]
PROBLEMS = {"aime24": 30, "math500": 500, "amc23": 40, "minerva": 272, "olympiadbench": 675}


def one_sample(score: float, problems: int) -> tuple[float, float]:
    """The 95% interval of one sample of each problem, in percent."""
    low, high = wilson_interval(score / 100, problems)
    return 100 * low, 100 * high


@pytest.mark.parametrize(
    ("bench", "row", "error"),
    # The standard errors of the published numbers, as the specification has them.
    [
        ("aime24", "GPG-RS1", 8.6),
        ("amc23", "GPG-RS1", 6.6),
        ("amc23", "Open-RS1", 7.4),
        ("minerva", "GPG-RS1", 2.8),
        ("math500", "GPG-RS1", 1.5),
        ("olympiadbench", "GPG-RS1", 1.9),
    ],
)
def test_a_published_number_is_as_uncertain_as_one_sample(bench: str, row: str, error: float) -> None:
    published = next(each.published for each in BENCHES if each.name == bench)[row]
    # Beside a score that is known exactly, all of the difference's uncertainty is the published number's.
    low, high = against_bench(published, (published, published), row, published, PROBLEMS[bench]).interval
    assert (high - low) / 2 / 1.96 == pytest.approx(error, rel=0.07)


def test_a_difference_within_the_errors_of_both_is_noise() -> None:
    against = against_bench(40.0, one_sample(40.0, 30), "GPG-RS1", 33.3, 30)
    assert (against.row, against.score) == ("GPG-RS1", 33.3)
    assert against.difference == pytest.approx(6.7)
    assert against.is_noise
    better = against_bench(70.0, one_sample(70.0, 30), "GPG-RS1", 33.3, 30)
    assert not better.is_noise
    assert 0 < better.interval[0] < better.difference < better.interval[1]
    assert not against_bench(5.0, one_sample(5.0, 30), "GPG-RS1", 33.3, 30).is_noise


@pytest.mark.parametrize(("score", "published"), [(0.0, 0.0), (100.0, 100.0), (0.0, 5.0), (100.0, 95.0)])
def test_nothing_solved_and_everything_solved_are_uncertain_too(score: float, published: float) -> None:
    """Trap: p(1 - p)/n is 0 there."""
    against = against_bench(score, one_sample(score, 30), "GPG-RS1", published, 30)
    assert against.interval[1] - against.interval[0] > 10
    assert against.is_noise


def papers_gain(**changes: float) -> list[Against]:
    """GPG-RS1 measured beside Open-RS1 published, benchmark by benchmark."""
    found = []
    for bench in BENCHES:
        ours = changes.get(bench.name, bench.published["GPG-RS1"])
        problems = PROBLEMS[bench.name]
        found.append(against_bench(ours, one_sample(ours, problems), "Open-RS1", bench.published["Open-RS1"], problems))
    return found


def test_the_papers_own_gain_is_about_one_standard_error() -> None:
    """GPG-RS1 against Open-RS1: +2.6 points on the average, whose standard error is 2.3 for each of the two."""
    mean = against_suite(55.66, papers_gain(), "Open-RS1")
    assert mean is not None
    assert mean.score == pytest.approx(53.06)
    assert mean.difference == pytest.approx(2.6)
    low, high = mean.interval
    assert (high - low) / 2 / 1.96 == pytest.approx(2.3 * 2**0.5, rel=0.05)
    assert mean.is_noise


def test_an_average_that_is_better_everywhere_is_not_noise() -> None:
    each = papers_gain(aime24=60.0, math500=95.0, amc23=90.0, minerva=40.0, olympiadbench=60.0)
    mean = against_suite(69.0, each, "Open-RS1")
    assert mean is not None
    assert not mean.is_noise


def test_without_a_published_row_there_is_no_average() -> None:
    assert against_suite(50.0, [], "Open-RS1") is None
