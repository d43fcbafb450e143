"""A curve's numbers, made smooth and thin: what of them is drawn. Pure functions."""

import math
from collections.abc import Sequence

from gpg_cli.run_page.curves import Curve
from gpg_cli.run_page.read import Run

# (step, seconds of training so far, value)
Point = tuple[float, float, float]

# Of more points, each part as wide as a pixel or two shows its lowest and its highest.
_PARTS = 240
# A smooth curve averages over about this part of a run.
_WINDOW = 1 / 25


def points(run: Run, curve: Curve) -> list[Point]:
    """All numbers of a curve, by step."""
    found = []
    seconds = 0.0
    for line in run.steps:
        seconds += max(0.0, line.get("time/step", 0.0))
        value = curve.value(line)
        if value is not None and math.isfinite(value):
            found.append((line["step"], seconds, value))
    return found


def smoothed(raw: Sequence[Point]) -> list[Point]:
    """An exponential moving average over the steps before, without a bias towards 0 at the beginning (as Adam's)."""
    keep = math.exp(-1 / max(1.0, len(raw) * _WINDOW))
    total = weight = 0.0
    made = []
    for step, seconds, value in raw:
        total, weight = keep * total + (1 - keep) * value, keep * weight + (1 - keep)
        made.append((step, seconds, total / weight))
    return made


def thinned(raw: Sequence[Point], parts: int = _PARTS) -> list[Point]:
    """At most two points of each part, its lowest and its highest, and the ends: no outlier is lost."""
    if len(raw) <= 2 * parts + 2:
        return list(raw)
    kept = {0, len(raw) - 1}
    for part in range(parts):
        places = range(part * len(raw) // parts, (part + 1) * len(raw) // parts)
        kept.add(min(places, key=lambda place: raw[place][2]))
        kept.add(max(places, key=lambda place: raw[place][2]))
    return [raw[place] for place in sorted(kept)]
