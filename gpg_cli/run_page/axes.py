"""Axes with round numbers, and where on a drawing a value stands. Pure functions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

_ROUND = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True)
class Axis:
    """A stretch of numbers.

    Attributes:
        low, high: its ends.
        ticks: round numbers between them.
    """

    low: float
    high: float
    ticks: tuple[float, ...]

    def place(self, value: float, length: float) -> float:
        """Where a value stands on a drawing of that length."""
        return length * (value - self.low) / (self.high - self.low)


def axis(low: float, high: float, most: int = 5, *, whole_numbers: bool = False) -> Axis:
    """From just below the lowest number to just above the highest, with at most so many ticks.

    Args:
        whole_numbers: ticks at whole numbers alone, and no room around.
    """
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-12):
        around = abs(low) / 2 or 0.5
        low, high = (low - 0.5, high + 0.5) if whole_numbers else (low - around, high + around)
    distance = _distance(high - low, most, whole_numbers)
    first, last = math.floor(low / distance + 1e-9), math.ceil(high / distance - 1e-9)
    bottom, top = (low, high) if whole_numbers else (first * distance, last * distance)
    ticks = [number * distance for number in range(first, last + 1)]
    return Axis(bottom, top, tuple(tick for tick in ticks if bottom - 1e-9 <= tick <= top + 1e-9 * abs(top)))


def _distance(span: float, most: int, whole_numbers: bool) -> float:
    size = 10.0 ** math.floor(math.log10(span / most))
    found = next(size * each for each in _ROUND if span / (size * each) <= most)
    return max(1.0, math.ceil(found)) if whole_numbers else found


def robust_high(values: Sequence[float]) -> float:
    """The highest value; where a few stand far above the others, as the first step's time, one that leaves them out.

    They leave the drawing at its upper edge then.
    """
    ordered = sorted(values)
    highest = ordered[-1]
    usual = ordered[max(0, min(len(ordered) - 2, math.ceil(0.99 * len(ordered)) - 1))]
    return 1.25 * usual if usual > 0 and highest > 3 * usual else highest


def short(value: float) -> str:
    """A number as a person writes it: 12,346, 0.0123, 2e-6."""
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}".replace("-", "−")
    if size < 0.001:
        mantissa, exponent = f"{value:.2e}".split("e")
        return f"{float(mantissa):g}e{int(exponent)}".replace("-", "−")
    return f"{value:.3g}".replace("-", "−")
