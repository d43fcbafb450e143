"""reward.png: what a run earned, step by step; drawn when a run ends, and for a checkpoint that is exported."""

import os
from pathlib import Path
from typing import Any

_NEEDED = {"step", "reward", "groups/valid", "groups/total"}
# What is larger has no place on an axis.
_LARGEST = 1e30


def draw_reward(metrics: list[dict[str, Any]], path: Path, title: str) -> bool:
    """Reward and accuracy by step, and the share of groups with signal; nothing where there is no step.

    Args:
        metrics: lines of metrics.jsonl; those of something else than a step, and values that are no finite numbers,
            are passed over.
        path: the PNG file to write, whole or not at all.

    Returns:
        Whether there was anything to draw.
    """
    # The object interface with its own canvas: pyplot would look for a display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    metrics = [{key: value for key, value in line.items() if _is_number(value)} for line in metrics]
    metrics = [line for line in metrics if line.keys() >= _NEEDED and line["groups/total"] > 0]
    if not metrics:
        return False
    figure = Figure(figsize=(8, 4.5), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    _curve(upper, metrics, "reward", "tab:blue", "reward, mean of a step")
    if any(line.get("accuracy") is not None for line in metrics) and any(
        line.get("accuracy") != line.get("reward") for line in metrics
    ):
        _curve(upper, metrics, "accuracy", "tab:green", "right answers, share of a step")
    upper.set_title(title, parse_math=False)
    upper.legend(loc="best", frameon=False)
    upper.grid(alpha=0.3)
    shares = [line["groups/valid"] / line["groups/total"] for line in metrics]
    lower.plot([line["step"] for line in metrics], shares, color="tab:orange")
    lower.set(xlabel="step", ylabel="groups\nwith signal", ylim=(-0.05, 1.05))
    lower.grid(alpha=0.3)
    beside = path.with_name(path.name + ".tmp")
    figure.savefig(beside, format="png")
    os.replace(beside, path)
    return True


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) <= _LARGEST


def _curve(axes: Any, metrics: list[dict[str, Any]], key: str, color: str, label: str) -> None:
    points = [(line["step"], line[key]) for line in metrics if line.get(key) is not None]
    axes.plot(*zip(*points, strict=True), color=color, label=label, marker="." if len(points) < 30 else None)
