"""What samples add up to, against values computed by hand and by counting."""

import random
from dataclasses import replace

import pytest

from gpg_cli.evaluation.intervals import clustered_interval, wilson_interval
from gpg_cli.evaluation.journal import Sample
from gpg_cli.evaluation.metrics import summarise
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


def test_several_samples_a_problem() -> None:
    metrics = summarise(samples_of("cccc", "cwww", "wwww"), "exact")
    assert metrics.accuracy == pytest.approx((1 + 0.25 + 0) / 3)
    assert metrics.correct == 5
    assert metrics.pass_at == pytest.approx({1: 5 / 12, 2: (1 + 0.5 + 0) / 3, 4: 2 / 3})
    assert metrics.interval == clustered_interval([1, 0.25, 0], [4, 4, 4])


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


def test_pass_at_one_is_the_mean() -> None:
    generator = random.Random(1)
    for _ in range(50):
        each = generator.randint(2, 9)
        metrics = summarise(
            samples_of(*("".join(generator.choice("cw") for _ in range(each)) for _ in range(7))), "exact"
        )
        assert metrics.pass_at[1] == pytest.approx(metrics.accuracy)


def test_of_an_evaluation_that_was_cut_short_every_problem_counts_once() -> None:
    metrics = summarise(samples_of("cccc", "ww"), "exact")
    assert (metrics.accuracy, metrics.correct, metrics.samples) == (0.5, 4, 6)
    # No pass@4, which only the first problem has: it would be of another set of problems.
    assert metrics.pass_at == {1: 0.5, 2: 0.5}
    assert metrics.majority == 0.5


def test_the_order_of_the_samples_makes_no_difference() -> None:
    samples = samples_of("cwc", "wwc", "ccc", "cww", groups={"level": "1"})
    shuffled = random.Random(4).sample(samples, len(samples))
    assert summarise(shuffled, "exact").to_dict() == summarise(samples, "exact").to_dict()


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


def test_overlaps_are_averaged_as_they_are() -> None:
    """mIoU, by hand: an exact box, half of one, a third, none; the sound rule refuses the second's swapped corners."""
    values = [(1.0, "correct", 1.0), (0.5, "correct", 0.0), (1 / 3, "wrong", 1 / 3), (0.0, "wrong", 0.0)]
    samples = [
        changed(
            index=index,
            verdict=verdict,
            value=value,
            strict="correct" if strict >= 0.5 else "wrong",
            strict_value=strict,
            groups={"half": str(index // 2)},
        )
        for index, (value, verdict, strict) in enumerate(values)
    ]
    metrics = summarise(samples, "box")
    assert metrics.accuracy == pytest.approx(0.4583, abs=1e-4)
    assert metrics.strict == pytest.approx(0.3333, abs=1e-4)
    assert (metrics.correct, metrics.differing) == (2, 1)
    assert metrics.groups["half"]["0"].accuracy == 0.75
    # A chance of being right, or a majority, there is not.
    assert (metrics.pass_at, metrics.majority) == ({}, None)
    several = summarise([*samples, *(replace(sample, number=1) for sample in samples)], "box")
    assert (several.accuracy, several.pass_at, several.majority) == (pytest.approx(metrics.accuracy), {}, None)


def test_the_published_epsilon_is_no_difference() -> None:
    sample = changed(value=0.99995, strict_value=1.0)
    assert not sample.differs
    assert changed(value=0.6, strict_value=0.9).differs
    assert changed(value=0.4996, verdict="wrong", strict_value=0.5).differs


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


def test_what_results_json_gets() -> None:
    samples = samples_of("cww", "www", groups={"level": "2"})
    assert summarise(samples, "exact").to_dict() == {
        "score": 16.667,
        "interval": [round(100 * bound, 3) for bound in wilson_interval(1 / 6, 2)],
        "strict": 16.667,
        "differing": 0,
        "pass_at": {"1": 16.667, "2": 33.333, "3": 50.0},
        # All six gave the same answer; the verdict on the first sample counts.
        "majority": 50.0,
        "problems": 2,
        "correct": 1,
        "verdicts": {"correct": 1, "wrong": 5},
        "truncated": 0.0,
        "unparsed": 0.0,
        "mean_tokens": 10.0,
        "groups": {"level": {"2": {"score": 16.667, "problems": 2}}},
    }
