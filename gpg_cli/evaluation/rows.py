"""The rows of a benchmark's data: from a file or folder here, from the Hub, or from a generator of ours."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpg_cli import quickstart_pictures, quickstart_task
from gpg_cli.data_file import read_json_lines
from gpg_cli.errors import GpgError
from gpg_cli.evaluation.benches import Bench
from gpg_cli.hub_access import load_hub_dataset, revision_of, undecoded
from gpg_cli.local_data import load_local_dataset

Row = dict[str, Any]

GENERATORS: dict[str, Callable[[], Sequence[Row]]] = {
    "quickstart": quickstart_task.held_out_problems,
    "quickstart-vision": quickstart_pictures.held_out_pictures,
}

_TABLES = (".parquet", ".arrow")


@dataclass(frozen=True)
class Rows:
    """The data of a benchmark.

    Attributes:
        folder: what relative paths in it are relative to; None where it is no file.
        source: for people.
        sha256: of the local file, or of the rows as JSON: tells revisions apart.
        faulty: (name, reason) of what was left out because it is broken.
        revision: commit of the data set on the Hub, where that is known.
    """

    rows: list[Row]
    folder: Path | None
    source: str
    sha256: str
    faulty: tuple[tuple[str, str], ...] = ()
    revision: str | None = None


def load_rows(bench: Bench, data: Path | None, *, skip_faulty: bool = False) -> Rows:
    """Load all rows of a benchmark; nothing about their columns is checked.

    Args:
        data: a local file or folder with the data set's columns, read instead of the data set.
        skip_faulty: leave out annotations of a ReasonSeg folder that are broken, instead of raising.

    Raises:
        GpgError: the file is missing, empty or broken; the benchmark needs one and none is named; the Hub cannot be
            reached.
    """
    if data is None:
        rows, revision = _from_elsewhere(bench)
        return Rows(rows, None, bench.data.name, _hash_of(rows), revision=revision)
    data = data.expanduser()
    if data.is_dir() and bench.data.layout == "reasonseg":
        return _reason_seg(bench, data, skip_faulty=skip_faulty)
    if data.is_dir() or data.suffix.lower() in _TABLES:
        rows = list(undecoded(load_local_dataset(str(data), bench.data.config, bench.data.split)))
        return Rows(rows, data if data.is_dir() else data.parent, str(data), _hash_of(rows))
    rows = read_json_lines(data)
    return Rows(rows, data.parent, str(data), hashlib.sha256(data.read_bytes()).hexdigest())


def _from_elsewhere(bench: Bench) -> tuple[list[Row], str | None]:
    """The rows of a generator or of the Hub, and the commit of the latter."""
    if bench.data.generator is not None:
        return [dict(row) for row in GENERATORS[bench.data.generator]()], None
    if bench.data.hub is None:
        raise GpgError(
            f"the data of {bench.name} is on no server it can be loaded from", f"{str(bench.data.local).strip()}"
        )
    hint = f"Name a local file with the same columns: --data {bench.name}=FILE.jsonl"
    dataset = load_hub_dataset(bench.data.hub, bench.data.config, bench.data.split, hint=hint)
    return list(undecoded(dataset)), revision_of(dataset)


def _reason_seg(bench: Bench, folder: Path, *, skip_faulty: bool) -> Rows:
    """The rows that `gpg data lisa --eval` writes, of the split in a folder, or of a folder that is the split."""
    from gpg_cli.vision.lisa_folder import read_lisa_folder, split_folder

    split = folder / bench.data.split
    found = read_lisa_folder(split if split.is_dir() else split_folder(folder, None), skip_faulty=skip_faulty)
    rows = [item.evaluation_row() for item in found.items]
    for row in rows:
        row["image"] = Path(row["image"]).name
    faulty = tuple((fault.name, fault.reason) for fault in found.faults)
    return Rows(rows, found.path, str(found.path), _hash_of(rows), faulty)


def _hash_of(rows: list[Row]) -> str:
    return hashlib.sha256(json.dumps(rows, sort_keys=True, default=_as_text).encode()).hexdigest()


def _as_text(value: Any) -> str:
    return hashlib.sha256(value).hexdigest() if isinstance(value, bytes) else str(value)
