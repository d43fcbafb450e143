"""metrics.jsonl of a run folder, which training writes and publishing reads: one JSON object a step."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gpg_cli.data_file import read_json_lines
from gpg_cli.run_folder import METRICS_FILE

_SCORE = re.compile(r"eval/(.+)/score")


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """All whole lines of metrics.jsonl; none where the file is missing. A kill may cut the last line short.

    Raises:
        GpgError: a whole line is no JSON object.
    """
    path = folder / METRICS_FILE
    return read_json_lines(path, torn_end=True) if path.is_file() else []


def step_of(line: Mapping[str, Any]) -> int | None:
    """The optimiser step of a line; None where it has none, as a line of another program's may."""
    step = line.get("step")
    return step if isinstance(step, int) and not isinstance(step, bool) else None


def benchmark_scores(metrics: Iterable[Mapping[str, Any]]) -> dict[str, dict[int, float]]:
    """What `eval_every` measured: benchmark to step to score, a share; values of another kind are passed over."""
    found: dict[str, dict[int, float]] = {}
    for line in metrics:
        step = step_of(line)
        for key, value in line.items():
            name = _SCORE.fullmatch(key)
            if name and step is not None and isinstance(value, int | float) and 0 <= value <= 1:
                found.setdefault(name[1], {})[step] = float(value)
    return found
