import dataclasses

import pytest

from gpg_cli.evaluation.journal import Sample
from gpg_cli.evaluation.metrics import summarise, wilson_interval

SAMPLE = Sample(
    bench="math500",
    index=0,
    problem="1+1?",
    prompt="1+1?",
    completion=r"\boxed{2}",
    extracted="2",
    gold="2",
    verdict="correct",
    tokens=10,
    finish_reason="stop",
)


def changed(**changes: object) -> Sample:
    return dataclasses.replace(SAMPLE, **changes)


# Values of R's binom::binom.confint(x, n, method = "wilson").
@pytest.mark.parametrize(
    ("correct", "count", "low", "high"),
    [(0, 10, 0.0, 0.2775328), (5, 10, 0.2365931, 0.7634069), (10, 10, 0.7224672, 1.0), (10, 30, 0.1923050, 0.5121995)],
)
def test_wilson_interval_has_textbook_values(correct: int, count: int, low: float, high: float) -> None:
    assert wilson_interval(correct, count) == pytest.approx((low, high), abs=1e-6)


def test_ends_of_the_interval_are_exact() -> None:
    for count in range(1, 200):
        assert wilson_interval(0, count)[0] == 0.0
        assert wilson_interval(count, count)[1] == 1.0


def test_only_correct_counts_as_solved() -> None:
    verdicts = ["correct", "wrong", "unparsed", "timeout", "error"]
    metrics = summarise([changed(verdict=verdict) for verdict in verdicts])
    assert (metrics.problems, metrics.correct, metrics.accuracy) == (5, 1, 0.2)
    assert metrics.verdicts == dict.fromkeys(verdicts, 1)


def test_truncated_share_and_mean_tokens() -> None:
    metrics = summarise([SAMPLE, SAMPLE, SAMPLE, changed(tokens=50, finish_reason="length")])
    assert (metrics.truncated, metrics.mean_tokens) == (0.25, 20.0)
