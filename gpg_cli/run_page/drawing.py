"""Curves as paths of SVG, of all runs in one drawing, over steps and over time."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from gpg_cli.run_page.axes import Axis, axis, robust_high, short
from gpg_cli.run_page.curves import Curve, curves
from gpg_cli.run_page.read import Run
from gpg_cli.run_page.series import Point, points, smoothed, thinned

# Of the drawing of a curve, in pixels of a phone's width: the whole, and where the curve itself stands.
WIDTH, HEIGHT = 372, 196
LEFT, TOP, RIGHT, BOTTOM = 46, 8, 16, 22
PLOT_WIDTH, PLOT_HEIGHT = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

_HOUR, _MINUTE = 3600, 60
# Of so few numbers each is marked.
_FEW = 30


@dataclass(frozen=True)
class Line:
    """A run's curve; each text is the `d` of a path, over steps and over time.

    Attributes:
        run: its number.
        raw, smooth: lines.
        dots: a mark at each number, where there are few.
        last: the last number, as text.
        spoken: what a screen reader says of it.
    """

    run: int
    raw: str
    smooth: str
    dots: str
    raw_by_time: str
    smooth_by_time: str
    dots_by_time: str
    last: str
    spoken: str


@dataclass(frozen=True)
class Drawing:
    """A curve of all runs that have it; ticks are (place, text)."""

    curve: Curve
    lines: list[Line]
    values: list[tuple[float, str]]
    beyond: bool


@dataclass(frozen=True)
class Drawings:
    """All curves of a page, and the axes that they share.

    Attributes:
        steps, times: ticks, (place, text).
        unit: of time: s, min or h.
        step_axis, time_axis: their ends, for the script that reads values; time in seconds.
    """

    drawings: list[Drawing]
    steps: list[tuple[float, str]]
    times: list[tuple[float, str]]
    unit: str
    step_axis: Axis
    time_axis: Axis


def draw(runs: Sequence[Run]) -> Drawings:
    """Draw every curve that some run has."""
    first, last = min(run.steps[0]["step"] for run in runs), max(run.steps[-1]["step"] for run in runs)
    step_axis = axis(first, last, whole_numbers=True)
    longest = max(sum(line.get("time/step", 0.0) for line in run.steps) for run in runs)
    size, unit = next(
        (size, unit) for size, unit in ((_HOUR, "h"), (_MINUTE, "min"), (1, "s")) if longest >= 3 * size or size == 1
    )
    in_unit = axis(0.0, longest / size)
    # Ticks at round numbers of the unit; the end is where the longest run ends.
    time_axis = Axis(0.0, longest or 1.0, tuple(size * tick for tick in in_unit.ticks if size * tick <= longest))
    made = [
        _drawing(curve, runs, step_axis, time_axis) for curve in curves([line for run in runs for line in run.steps])
    ]
    return Drawings(
        drawings=made,
        steps=[(round(step_axis.place(tick, PLOT_WIDTH), 1), short(tick)) for tick in step_axis.ticks],
        times=[(round(time_axis.place(tick, PLOT_WIDTH), 1), short(tick / size)) for tick in time_axis.ticks],
        unit=unit,
        step_axis=step_axis,
        time_axis=time_axis,
    )


def _drawing(curve: Curve, runs: Sequence[Run], step_axis: Axis, time_axis: Axis) -> Drawing:
    found = {number: raw for number, run in enumerate(runs) if (raw := points(run, curve))}
    values = [value for raw in found.values() for _, _, value in raw]
    high = robust_high(values)
    low = min(0.0, *values) if curve.from_zero else min(values)
    scale = axis(0.0, 100.0, 4) if curve.whole else axis(low, high, 4)
    lines = []
    for number, raw in found.items():
        smooth = raw if curve.sparse else smoothed(raw)
        paths: dict[str, str] = {}
        for over, by, ending in ((step_axis, 0, ""), (time_axis, 1, "_by_time")):
            at = partial(_places, over=over, scale=scale, by=by)
            paths[f"raw{ending}"] = "M" + "L".join(at(thinned(raw)))
            paths[f"smooth{ending}"] = "M" + "L".join(at(thinned(smooth)))
            # A line of no length with round ends is a dot.
            paths[f"dots{ending}"] = "".join(f"M{place}h0" for place in at(raw)) if len(raw) <= _FEW else ""
        lines.append(Line(number, last=_text(raw[-1][2], curve), spoken=_spoken(raw, curve), **paths))
    ticks = [(round(PLOT_HEIGHT - scale.place(tick, PLOT_HEIGHT), 1), short(tick)) for tick in scale.ticks]
    return Drawing(curve, lines, ticks, beyond=max(values) > scale.high)


def _places(drawn: Sequence[Point], over: Axis, scale: Axis, by: int) -> list[str]:
    return [
        f"{over.place(point[by], PLOT_WIDTH):.1f} {PLOT_HEIGHT - scale.place(point[2], PLOT_HEIGHT):.1f}"
        for point in drawn
    ]


def _text(value: float, curve: Curve) -> str:
    """12.3 of percent; the unit stands beside the title."""
    return f"{value:.1f}" if curve.unit == "%" else short(value)


def _with_unit(value: float, curve: Curve) -> str:
    return f"{_text(value, curve)} {curve.unit}".rstrip()


def _spoken(raw: Sequence[Point], curve: Curve) -> str:
    lowest, highest = (pick(raw, key=lambda point: point[2]) for pick in (min, max))
    return (
        f"from {_with_unit(raw[0][2], curve)} at step {raw[0][0]:.0f} to {_with_unit(raw[-1][2], curve)} at step "
        f"{raw[-1][0]:.0f}, lowest {_with_unit(lowest[2], curve)} at step {lowest[0]:.0f}, highest "
        f"{_with_unit(highest[2], curve)} at step {highest[0]:.0f}"
    )
