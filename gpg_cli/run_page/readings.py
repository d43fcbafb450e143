"""The numbers behind the curves, for whoever points at one: as many of them as a page can carry."""

from collections.abc import Sequence
from typing import Any

from gpg_cli.run_page.curves import Curve
from gpg_cli.run_page.read import Run

# Of a longer run every second, third, ... step can be read.
_MOST_STEPS = 1500


def readings(runs: Sequence[Run], shown: Sequence[Curve]) -> list[dict[str, Any]]:
    """For each run its steps, the seconds until each, and the numbers of each curve; None where a step has none."""
    return [_of(run, shown) for run in runs]


def _of(run: Run, shown: Sequence[Curve]) -> dict[str, Any]:
    stride = -(-len(run.steps) // _MOST_STEPS)
    sparse = [curve for curve in shown if curve.sparse]
    last = len(run.steps) - 1
    kept = [
        place
        for place, line in enumerate(run.steps)
        if place % stride == 0 or place == last or any(curve.value(line) is not None for curve in sparse)
    ]
    seconds, total = [], 0.0
    for line in run.steps:
        total += max(0.0, line.get("time/step", 0.0))
        seconds.append(round(total, 1))
    return {
        "steps": [int(run.steps[place]["step"]) for place in kept],
        "seconds": [seconds[place] for place in kept],
        "values": [[_short(curve.value(run.steps[place])) for place in kept] for curve in shown],
    }


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.5g}")
