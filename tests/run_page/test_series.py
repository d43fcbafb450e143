import random

import pytest

from gpg_cli.run_page.series import smoothed, thinned


def raw(values: list[float]) -> list[tuple[float, float, float]]:
    return [(float(step), 10.0 * step, value) for step, value in enumerate(values, start=1)]


def test_a_smooth_curve_begins_at_the_first_value_and_keeps_a_level() -> None:
    assert [value for _, _, value in smoothed(raw([3.0] * 50))] == pytest.approx([3.0] * 50)
    chance = random.Random(0)
    noisy = raw([chance.gauss(5, 1) for _ in range(1000)])
    smooth = [value for _, _, value in smoothed(noisy)]
    assert smooth[0] == pytest.approx(noisy[0][2])
    assert all(4.5 < value < 5.5 for value in smooth[100:])


def test_a_thin_curve_keeps_its_ends_and_every_peak() -> None:
    chance = random.Random(0)
    values = [chance.random() for _ in range(10_000)]
    values[7777], values[1234] = 50.0, -50.0
    whole = raw(values)
    thin = thinned(whole, parts=100)
    assert len(thin) <= 202
    assert (thin[0], thin[-1]) == (whole[0], whole[-1])
    assert {whole[7777], whole[1234]} <= set(thin)
    assert thin == sorted(thin)
    assert thinned(whole[:50], parts=100) == whole[:50]
