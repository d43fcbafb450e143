import random

import pytest

from gpg_cli.run_page.axes import axis, robust_high, short


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.0, 100.0, (0, 25, 50, 75, 100)),
        (0.41, 0.97, (0.4, 0.6, 0.8, 1.0)),
        (-0.03, 0.05, (-0.04, -0.02, 0, 0.02, 0.04, 0.06)),
        (2e-7, 1e-6, (2e-7, 4e-7, 6e-7, 8e-7, 1e-6)),
        (5.0, 5.0, (2, 4, 6, 8)),
        (0.0, 0.0, (-0.5, -0.25, 0, 0.25, 0.5)),
    ],
)
def test_ticks_are_round_numbers_around_all_values(low: float, high: float, ticks: tuple[float, ...]) -> None:
    made = axis(low, high, 4)
    assert made.ticks == pytest.approx(ticks)
    assert made.low <= low <= high <= made.high
    assert (made.place(made.low, 300), made.place(made.high, 300)) == (0, 300)


def test_steps_are_whole_and_an_axis_of_them_has_no_room_around() -> None:
    assert (axis(1, 80, whole_numbers=True).low, axis(1, 80, whole_numbers=True).high) == (1, 80)
    assert axis(1, 80, whole_numbers=True).ticks == (20, 40, 60, 80)
    assert axis(1, 3, whole_numbers=True).ticks == (1, 2, 3)
    assert axis(7, 7, whole_numbers=True).ticks == (7,)


def test_any_two_numbers_have_an_axis_with_a_few_ticks() -> None:
    chance = random.Random(0)
    for _ in range(2000):
        low = chance.choice([-1, 1]) * 10 ** chance.uniform(-30, 30)
        high = low + abs(low) * 10 ** chance.uniform(-12, 12)
        made = axis(low, high)
        assert made.low < made.high
        assert 1 <= len(made.ticks) <= 8


def test_a_single_value_far_above_the_others_does_not_flatten_them() -> None:
    assert robust_high([400.0, *[30.0] * 20]) == 37.5
    # What is low most of the time, and high now and then, is shown as it is.
    assert robust_high([0.0] * 50 + [3.0] * 5) == 3.0
    assert robust_high([1.0, 2.0, 3.0]) == 3.0
    assert robust_high([7.0]) == 7.0


def test_numbers_are_short() -> None:
    shown = [short(value) for value in (0, 12345.6, 0.96, -1.5, 2e-6, -0.00025)]
    assert shown == ["0", "12,346", "0.96", "−1.5", "2e−6", "−2.5e−4"]
