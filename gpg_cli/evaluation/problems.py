"""The problems of a benchmark: from a local file, from the Hub, or from a generator of ours."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gpg_cli import quickstart_task
from gpg_cli.data_file import read_json_lines, require_columns
from gpg_cli.errors import GpgError
from gpg_cli.evaluation.benches import Bench
from gpg_cli.hub_access import load_hub_rows

Row = dict[str, Any]

GENERATORS = {"quickstart": quickstart_task.held_out_problems}


@dataclass(frozen=True)
class Problem:
    """One problem.

    Attributes:
        index: its row in the data, from 0.
        text: what the data's problem column holds.
        gold: the right answer, or several of which any counts.
        groups: what it counts among, such as `{"level": "3"}`.
    """

    index: int
    text: str
    gold: str | tuple[str, ...]
    groups: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ProblemSet:
    """The problems of one evaluation, and where they come from.

    Attributes:
        available: how many the data has; with a limit, more than are here.
        sha256: of the local file, or of the data set's rows as JSON: tells its revisions apart.
    """

    problems: list[Problem]
    available: int
    source: str
    sha256: str | None


def load_problems(bench: Bench, data_file: Path | None, limit: int | None) -> ProblemSet:
    """Load and check the first `limit` problems of a benchmark; all of them where it is None.

    Args:
        data_file: a local .jsonl file with the data set's columns, read instead of the data set.

    Raises:
        GpgError: the file is missing, empty or not JSON lines; a column is missing or holds no text; the Hub cannot be
            reached.
    """
    rows = _load_rows(bench, data_file)
    source = str(data_file) if data_file else bench.data.name
    sha256 = hashlib.sha256(data_file.read_bytes() if data_file else _as_bytes(rows)).hexdigest()
    require_columns(rows, (bench.columns.problem, bench.columns.gold), source)
    problems = [as_problem(bench, index, row, source) for index, row in enumerate(rows[:limit])]
    return ProblemSet(problems, len(rows), source, sha256)


def _as_bytes(rows: list[Row]) -> bytes:
    return json.dumps(rows, sort_keys=True, default=str).encode()


def _load_rows(bench: Bench, data_file: Path | None) -> list[Row]:
    if data_file is not None:
        return read_json_lines(data_file)
    if bench.data.generator is not None:
        return [dict(row) for row in GENERATORS[bench.data.generator]()]
    assert bench.data.hub is not None  # `DataSource` has one of the two
    hint = f"Name a local file with the same columns: --data {bench.name}=FILE.jsonl"
    return load_hub_rows(bench.data.hub, bench.data.config, bench.data.split, hint=hint)


def as_problem(bench: Bench, index: int, row: Row, source: str) -> Problem:
    """One row of a benchmark's data as a problem.

    Raises:
        GpgError: one of the two columns holds nothing usable.
    """
    text, gold = row[bench.columns.problem], row[bench.columns.gold]
    if not isinstance(text, str) or not text.strip():
        raise _unusable(source, index, bench.columns.problem)
    golds = tuple(_short_gold(bench, item) for item in (gold if isinstance(gold, list) else [gold]))
    if not golds or not all(golds):
        raise _unusable(source, index, bench.columns.gold)
    # A file of one's own may lack these columns: nothing is broken down by them then.
    groups = {name: str(row[column]) for name, column in bench.groups.items() if row.get(column) is not None}
    return Problem(index, text, golds if isinstance(gold, list) else golds[0], groups)


def _short_gold(bench: Bench, gold: Any) -> str:
    """The gold as text; empty where there is none."""
    if isinstance(gold, bool) or not isinstance(gold, str | int | float):
        return ""
    if bench.gold_after is None:
        return str(gold).strip()
    _, mark, answer = str(gold).rpartition(bench.gold_after)
    return answer.strip() if mark else ""


def _unusable(source: str, index: int, column: str) -> GpgError:
    return GpgError(
        f"{source}, row {index + 1}: column {column!r} holds nothing usable",
        "Mend or remove the row; a problem needs a text and an answer.",
    )
