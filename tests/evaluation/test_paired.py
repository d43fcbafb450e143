"""Two models on the same problems: the figures."""

import math

import pytest

from gpg_cli.evaluation.intervals import paired_interval
from gpg_cli.evaluation.paired import paired, sign_test


@pytest.mark.parametrize(
    ("better", "worse", "p_value"),
    [
        (0, 0, 1.0),
        (1, 0, 1.0),
        # Tables of the sign test: 5 of 5 are not enough at 5%, 6 of 6 are.
        (5, 0, 0.0625),
        (0, 6, 0.03125),
        # Zar, Biostatistical Analysis: legs of 10 deer, 8 longer.
        (8, 2, 0.109375),
        # Conover, Practical Nonparametric Statistics: 8 of 9 shoppers, twice 10/512.
        (8, 1, 20 / 512),
        (9, 1, 0.021484375),
        (5, 5, 1.0),
        # McNemar's exact test of 121 and 59, as statsmodels documents it.
        (59, 121, 4.434e-06),
    ],
)
def test_the_sign_test_has_the_values_of_the_tables(better: int, worse: int, p_value: float) -> None:
    assert sign_test(better, worse) == pytest.approx(p_value, rel=1e-3)
    assert sign_test(worse, better) == sign_test(better, worse)


def test_the_sign_test_of_many_problems_is_normal() -> None:
    z = (550 - 450 - 1) / math.sqrt(1000)
    assert sign_test(550, 450) == pytest.approx(math.erfc(z / math.sqrt(2)), rel=0.01)


def test_pairing_takes_out_what_is_hard_for_both() -> None:
    """80 problems alike, 20 better: unpaired intervals of 100 problems would overlap."""
    found = paired([1.0] * 40 + [0.0] * 60, [1.0] * 40 + [0.0] * 40 + [1.0] * 20, 1)
    assert (found.problems, found.first, found.second) == (100, 0.4, 0.6)
    assert found.difference == pytest.approx(0.2)
    assert found.interval == paired_interval([0.0] * 80 + [1.0] * 20, 1)
    assert 0.1 < found.interval[0] < 0.2 < found.interval[1] < 0.3
    assert (found.better, found.worse, found.equal) == (20, 0, 80)
    assert found.p_value == pytest.approx(2 / 2**20)


def test_a_share_that_changed_a_little_counts_in_the_sign_test_as_any_other() -> None:
    found = paired([0.25, 0.5, 1.0], [0.5, 1.0, 0.75], 4)
    assert (found.better, found.worse, found.equal) == (2, 1, 0)
    assert found.difference == pytest.approx(1 / 6)


def test_in_percent() -> None:
    written = paired([0.0, 1.0], [1.0, 1.0], 1).to_dict()
    assert (written["first"], written["second"], written["difference"]) == (50.0, 100.0, 50.0)
    assert written["interval"] == [round(100 * bound, 3) for bound in paired_interval([1.0, 0.0], 1)]
