"""metrics.jsonl of a run folder, which training writes and publishing reads: one JSON object a step."""

from pathlib import Path
from typing import Any

from gpg_cli.data_file import read_json_lines
from gpg_cli.run_folder import METRICS_FILE


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """All whole lines of metrics.jsonl; none where the file is missing. A kill may cut the last line short.

    Raises:
        GpgError: a whole line is no JSON object.
    """
    path = folder / METRICS_FILE
    return read_json_lines(path, torn_end=True) if path.is_file() else []
