"""What samples add up to, against values computed by hand and by counting."""

import itertools
import math
import random

import pytest

from gpg_cli.evaluation.journal import Sample
from gpg_cli.evaluation.metrics import clustered_interval, mean_variance, pass_at_k, summarise, wilson_interval
from tests.evaluation.samples import changed


def samples_of(*verdicts: str, **values: object) -> list[Sample]:
    """One problem a text; a letter a sample: c(orrect) or w(rong)."""
    names = {"c": "correct", "w": "wrong", "u": "unparsed"}
    return [
        changed(index=index, number=number, verdict=names[letter], strict=names[letter], **values)
        for index, letters in enumerate(verdicts)
        for number, letter in enumerate(letters)
    ]


def test_one_sample_a_problem() -> None:
    metrics = summarise(samples_of("c", "w", "u", "c"), "exact")
    assert (metrics.problems, metrics.samples, metrics.correct, metrics.accuracy) == (4, 4, 2, 0.5)
    assert metrics.interval == pytest.approx((0.1500, 0.8500), abs=1e-4)
    assert metrics.verdicts == {"correct": 2, "unparsed": 1, "wrong": 1}
    assert metrics.pass_at == {1: 0.5}
    assert metrics.majority is None


def test_wilson_is_as_published() -> None:
    """Newcombe 1998 (Statistics in Medicine 17, 857), table I: 81/263, 15/148, 0/20, 1/29."""
    for correct, count, low, high in [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ]:
        assert wilson_interval(correct / count, count) == pytest.approx((low, high), abs=5e-5)


def test_several_samples_a_problem() -> None:
    metrics = summarise(samples_of("cccc", "cwww", "wwww"), "exact")
    assert metrics.accuracy == pytest.approx((1 + 0.25 + 0) / 3)
    assert metrics.correct == 5
    assert metrics.pass_at == pytest.approx({1: 5 / 12, 2: (1 + 0.5 + 0) / 3, 4: 2 / 3})
    # Standard error of the mean of 1, 0.25, 0.
    error = math.sqrt(((1 - 5 / 12) ** 2 + (0.25 - 5 / 12) ** 2 + (5 / 12) ** 2) / 2 / 3)
    assert metrics.interval == pytest.approx(
        (max(0, 5 / 12 - 1.95996 * error), min(1, 5 / 12 + 1.95996 * error)), abs=1e-4
    )


def test_samples_of_one_problem_do_not_pass_for_independent_ones() -> None:
    alike = summarise(samples_of(*["cccc"] * 10, *["wwww"] * 10), "exact")
    once = summarise(samples_of(*["c"] * 10, *["w"] * 10), "exact")
    low, high = alike.interval
    assert high - low > 0.9 * (once.interval[1] - once.interval[0])


def test_nothing_looks_certain() -> None:
    """A model that solves three of three, eight times each, is not known to solve everything."""
    for verdict in ("c", "w"):
        for letters in (verdict, verdict * 8):
            metrics = summarise(samples_of(letters, letters, letters), "exact")
            low, high = metrics.interval
            assert 0 <= low < high <= 1
            assert high - low > 0.5
            assert metrics.variance > 0
    assert clustered_interval([0.5]) == wilson_interval(0.5, 1)


def test_variance_is_that_of_the_mean() -> None:
    generator = random.Random(0)
    means = [[generator.choice([0.0, 0.5, 1.0]) for _ in range(50)] for _ in range(4000)]
    averages = [sum(each) / 50 for each in means]
    centre = sum(averages) / len(averages)
    spread = sum((average - centre) ** 2 for average in averages) / len(averages)
    assert sum(map(mean_variance, means)) / len(means) == pytest.approx(spread, rel=0.1)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_pass_at_k_is_the_share_of_subsets_with_a_right_one(count: int) -> None:
    for correct in range(count + 1):
        answers = [True] * correct + [False] * (count - correct)
        shares = []
        for k in range(1, count + 1):
            subsets = list(itertools.combinations(answers, k))
            shares.append(sum(map(any, subsets)) / len(subsets))
            assert pass_at_k(count, correct, k) == pytest.approx(shares[-1])
        assert shares == sorted(shares)


def test_pass_at_k_of_all_right_is_one_and_k_is_never_above_n() -> None:
    for count in range(1, 40):
        metrics = summarise(samples_of("c" * count, "c" * count), "exact")
        assert set(metrics.pass_at.values()) == {1.0}
        assert max(metrics.pass_at) == count
        assert list(metrics.pass_at)[:-1] == [2**power for power in range(len(metrics.pass_at) - 1)]
    with pytest.raises(ValueError, match="pass@3 of 2"):
        pass_at_k(2, 1, 3)


def test_pass_at_one_is_the_mean() -> None:
    generator = random.Random(1)
    for _ in range(50):
        each = generator.randint(2, 9)
        metrics = summarise(
            samples_of(*("".join(generator.choice("cw") for _ in range(each)) for _ in range(7))), "exact"
        )
        assert metrics.pass_at[1] == pytest.approx(metrics.accuracy)


def test_a_problem_with_fewer_samples_still_counts_once() -> None:
    metrics = summarise(samples_of("cccc", "w"), "exact")
    assert metrics.accuracy == 0.5
    assert metrics.pass_at == pytest.approx({1: 0.5, 2: 1.0, 4: 1.0})


def test_shares_of_what_went_wrong() -> None:
    samples = [
        changed(index=0, finish_reason="length", extracted=None, verdict="wrong", strict="wrong", tokens=30),
        changed(index=1, verdict="correct", strict="wrong", tokens=10),
        changed(index=2, verdict="wrong", strict="correct", tokens=20),
        changed(index=3, verdict="wrong", strict="unparsed", tokens=20),
    ]
    metrics = summarise(samples, "exact")
    assert (metrics.truncated, metrics.unparsed, metrics.mean_tokens) == (0.25, 0.25, 20)
    assert (metrics.accuracy, metrics.strict, metrics.differing) == (0.25, 0.25, 2)


def test_groups_are_scored_by_problem() -> None:
    samples = samples_of("cw", "cc", groups={"level": "1"}) + [
        changed(index=9, number=number, verdict="wrong", groups={"level": "5", "subject": "Algebra"})
        for number in (0, 1)
    ]
    groups = summarise(samples, "exact").to_dict()["groups"]
    assert groups == {
        "level": {"1": {"score": 75.0, "problems": 2}, "5": {"score": 0.0, "problems": 1}},
        "subject": {"Algebra": {"score": 0.0, "problems": 1}},
    }
