"""Intervals: against published values, and against what they promise."""

import math
import random
from statistics import fmean

import pytest

from gpg_cli.evaluation.intervals import (
    clustered_interval,
    difference_interval,
    effective_count,
    mean_interval,
    paired_interval,
    student_quantile,
    wilson_interval,
)


@pytest.mark.parametrize(
    ("correct", "count", "low", "high"),
    # Newcombe 1998 (Statistics in Medicine 17, 857), table I.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_is_as_published(correct: int, count: int, low: float, high: float) -> None:
    assert wilson_interval(correct / count, count) == pytest.approx((low, high), abs=5e-5)


def test_ends_of_wilsons_interval_are_exact() -> None:
    for count in range(1, 200):
        assert wilson_interval(0.0, count)[0] == 0.0
        assert wilson_interval(1.0, count)[1] == 1.0


@pytest.mark.parametrize(
    ("freedom", "value"), [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (5, 2.571), (10, 2.228), (29, 2.045)]
)
def test_students_quantiles_are_those_of_the_tables(freedom: int, value: float) -> None:
    assert student_quantile(freedom) == pytest.approx(value, abs=0.004)


def test_one_sample_a_problem_is_wilsons_interval() -> None:
    for correct, count in [(0, 30), (1, 30), (10, 30), (30, 30), (1, 2), (499, 500)]:
        shares = [1.0] * correct + [0.0] * (count - correct)
        assert clustered_interval(shares, [1] * count) == pytest.approx(wilson_interval(correct / count, count))


def test_the_effective_count_by_hand() -> None:
    # Shares 1, 1/2, 1/2, 0 of 8 samples each: p = 1/2, variance 1/6, SE² = 1/24, p(1 - p)/SE² = 6;
    # times (1.96/3.182)² that is 2.3, less than the problems.
    assert effective_count([1, 0.5, 0.5, 0], [8] * 4) == 4
    # 100 problems of which half have 3/4 and half 1/4: variance 1/16 * 100/99, SE² = 1/1584, 396 samples; times
    # (1.95996/1.98422)² = 0.97570.
    shares = [0.75] * 50 + [0.25] * 50
    assert effective_count(shares, [16] * 100) == pytest.approx(396 * 0.97570, rel=1e-4)


def test_samples_of_one_problem_do_not_pass_for_independent_ones() -> None:
    shares = [1.0] * 10 + [0.0] * 10
    assert clustered_interval(shares, [64] * 20) == wilson_interval(0.5, 20)


def test_problems_that_came_out_alike_are_no_more_than_their_samples() -> None:
    low, high = clustered_interval([0.5] * 30, [4] * 30)
    independent = wilson_interval(0.5, 120)
    assert low <= independent[0] < independent[1] <= high
    assert high - low < 1.1 * (independent[1] - independent[0])


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("problems", [1, 2, 3])
@pytest.mark.parametrize("samples", [1, 2, 64])
def test_a_few_problems_are_never_certain(share: float, problems: int, samples: int) -> None:
    low, high = clustered_interval([share] * problems, [samples] * problems)
    assert 0 <= low <= share <= high <= 1
    assert high - low > (0.5 if share in (0, 1) or problems == 1 else 0.15)


@pytest.mark.parametrize(
    ("problems", "samples", "alpha", "beta"),
    # An AIME of a middling and of a weak model, AMC, a larger benchmark; difficulty as beta distributions.
    [(30, 16, 0.5, 0.5), (30, 4, 0.3, 1.2), (30, 16, 0.05, 4.95), (40, 1, 2, 2), (200, 8, 2, 1)],
)
def test_nineteen_of_twenty_intervals_hold_the_truth(problems: int, samples: int, alpha: float, beta: float) -> None:
    """Trap: the normal interval of 30 problems of which a model solves 1% holds it in 81 of 100 cases."""
    generator = random.Random(0)
    truth, held, rounds = alpha / (alpha + beta), 0, 1000
    for _ in range(rounds):
        solvable = [generator.betavariate(alpha, beta) for _ in range(problems)]
        shares = [sum(generator.random() < chance for _ in range(samples)) / samples for chance in solvable]
        low, high = clustered_interval(shares, [samples] * problems)
        held += low <= truth <= high
    assert held / rounds >= 0.935


def test_the_mean_of_five_by_hand() -> None:
    shares, halves = [0.2, 0.4, 0.6], [0.03, 0.04, 0.12]
    intervals = [(share - half, share + 2 * half) for share, half in zip(shares, halves, strict=True)]
    # 0.03² + 0.04² + 0.12² = 0.13²
    assert mean_interval(shares, intervals) == pytest.approx((0.4 - 0.13 / 3, 0.4 + 0.26 / 3))


def test_a_mean_of_certain_looking_scores_is_not_certain() -> None:
    low, high = mean_interval([1.0, 1.0], [wilson_interval(1, 30), wilson_interval(1, 40)])
    assert 0 < low < 0.95
    assert high == 1.0


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    # Newcombe 1998 (Statistics in Medicine 17, 873), table II, method 10.
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
    ],
)
def test_differences_are_as_published(first: tuple[int, int], second: tuple[int, int], low: float, high: float) -> None:
    one, other = first[0] / first[1], second[0] / second[1]
    bounds = difference_interval(one, wilson_interval(one, first[1]), other, wilson_interval(other, second[1]))
    assert bounds == pytest.approx((low, high), abs=1e-4)


def test_paired_differences_of_one_sample_are_bonetts_and_prices() -> None:
    # 100 problems, 20 better and 5 worse: (21/102, 6/102), difference 15/102, with z; here with t of 99 degrees.
    better, worse = 21 / 102, 6 / 102
    half = 1.98422 * math.sqrt((better + worse - (better - worse) ** 2) / 102)
    bounds = paired_interval([1.0] * 20 + [-1.0] * 5 + [0.0] * 75, 1)
    assert bounds == pytest.approx((15 / 102 - half, 15 / 102 + half), abs=1e-4)


def test_paired_differences_of_many_problems_are_normal() -> None:
    generator = random.Random(2)
    differences = [generator.choice([-0.25, 0.0, 0.0, 0.25, 0.5]) for _ in range(2000)]
    mean = fmean(differences)
    half = 1.96 * math.sqrt(fmean((each - mean) ** 2 for each in differences) / 2000)
    assert paired_interval(differences, 4) == pytest.approx((mean - half, mean + half), abs=5e-4)


@pytest.mark.parametrize("difference", [-1.0, 0.0, 0.25, 1.0])
@pytest.mark.parametrize("problems", [1, 2, 5, 30])
@pytest.mark.parametrize("samples", [1, 4])
def test_no_paired_difference_is_certain(difference: float, problems: int, samples: int) -> None:
    low, high = paired_interval([difference] * problems, samples)
    assert -1 <= low <= difference <= high <= 1
    assert high - low > 0.04
    assert low <= 0 <= high or problems > 2


@pytest.mark.parametrize(("problems", "samples"), [(30, 1), (30, 16), (500, 1)])
def test_nineteen_of_twenty_paired_intervals_hold_the_truth(problems: int, samples: int) -> None:
    """One problem of ten becomes solvable, one of thirty unsolvable; the others keep their difficulty."""
    generator = random.Random(3)
    rounds = 1000 if problems < 100 else 200

    def one() -> float:
        before = generator.betavariate(0.5, 0.5)
        change = generator.random()
        after = 1.0 if change < 0.1 else 0.0 if change < 0.1 + 1 / 30 else before
        return fmean((generator.random() < after) - (generator.random() < before) for _ in range(samples))

    truth = 0.1 * 0.5 - 0.5 / 30
    held = 0
    for _ in range(rounds):
        low, high = paired_interval([one() for _ in range(problems)], samples)
        held += low <= truth <= high
    assert held / rounds >= 0.93
