"""Local data files with one JSON object a line, checked so that an error names the file and the line."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gpg_cli.errors import GpgError

MOST_JSON_BYTES = 4_000_000_000


def read_json_lines(path: Path, *, torn_end: bool = False) -> list[dict[str, Any]]:
    """Read a .jsonl file; blank lines are passed over.

    Args:
        torn_end: the file is one of ours, that a kill may have cut short: a last line without an end is passed over,
            and there may be no row at all.

    Raises:
        GpgError: the file is missing, is not UTF-8, holds no row, or has a line that is no JSON object.
    """
    if not path.is_file():
        raise GpgError(f"there is no data file {path}", "Check the path.")
    check_bytes(path)
    rows: list[dict[str, Any]] = []
    try:
        content = path.read_bytes()
        # Before decoding: a kill may cut a character in two.
        text = (content[: content.rfind(b"\n") + 1] if torn_end else content).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise GpgError(f"{path} is not UTF-8 text", "Save it as UTF-8 with one JSON object a line.") from error
    # Not str.splitlines: it also cuts at U+2028 and others, which may stand inside a JSON string.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise GpgError(f"{path}:{number} is not JSON: {error}", "Write one JSON object a line.") from error
        if not isinstance(row, dict):
            raise GpgError(f"{path}:{number} is not a JSON object", "Write one JSON object a line.")
        rows.append(row)
    if not rows and not torn_end:
        raise GpgError(f"{path} holds no rows", "Write one JSON object a line.")
    return rows


def check_bytes(path: Path) -> None:
    """Refuse a file of JSON that would fill the memory: it is read as a whole, and takes several times its size there.

    Raises:
        GpgError: it is too large, or no regular file.
    """
    if path.exists() and not path.is_file():
        raise GpgError(f"{path} is no regular file", "Name a file.")
    size = path.stat().st_size
    if size > MOST_JSON_BYTES:
        raise GpgError(
            f"{path} has {size / 1e9:.1f} GB; JSON is read up to {MOST_JSON_BYTES / 1e9:.0f} GB",
            "Split it, or convert it to parquet, which is read piece by piece.",
        )


def require_columns(rows: list[dict[str, Any]], columns: Iterable[str], source: str) -> None:
    """Check that every row has the columns.

    Raises:
        GpgError: naming the first row (from 1) without a column, and the columns it has.
    """
    needed = list(columns)
    for number, row in enumerate(rows, start=1):
        missing = [column for column in needed if row.get(column) is None]
        if missing:
            raise GpgError(
                f"{source}, row {number}, has no column {missing[0]!r}",
                f"It has: {', '.join(row) or 'nothing'}.",
            )
