"""What a data set's own files may name: files beside them, of a size that its file has room for.

A data set may come from a stranger. The README.md of a folder or repository can name its data files, and what
`save_to_disk` wrote does so too: as paths of this machine or as addresses, which the datasets library would read or
fetch. A parquet file of a few kB can stand for billions of rows.
"""

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpg_cli.data_file import check_bytes
from gpg_cli.errors import GpgError

if TYPE_CHECKING:
    from datasets import DatasetBuilder

MOST_ROWS = 100_000_000
# Of columns uncompressed, in memory and in the cache on disk: half a terabyte.
MOST_TABLE_BYTES = 500_000_000_000
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_HINT = "Data lies in its own folder, and nothing else is read: name the file itself if you trust it."
# Files of `save_to_disk` that name others.
_STATES = ("state.json", "*/state.json")


def check_file(path: Path) -> None:
    """Refuse a data file that stands for more than fits.

    Raises:
        GpgError: it is too large, or says that it holds too much.
    """
    kind = path.suffix.lower()
    if kind in (".json", ".jsonl"):
        check_bytes(path)
    if kind != ".parquet":
        return
    import pyarrow as pa
    from pyarrow import parquet

    try:
        facts = parquet.read_metadata(path)
        rows, size = (
            facts.num_rows,
            sum(facts.row_group(place).total_byte_size for place in range(facts.num_row_groups)),
        )
    except (OSError, pa.ArrowException, UnicodeDecodeError):
        return  # broken: its reader says so
    if rows > MOST_ROWS or size > MOST_TABLE_BYTES:
        raise GpgError(
            f"{path} says that it holds {rows:,} rows, {size / 1e9:,.0f} GB",
            f"Up to {MOST_ROWS:,} rows and {MOST_TABLE_BYTES / 1e9:,.0f} GB are read: split it.",
        )


def check_saved(folder: Path) -> None:
    """Refuse what `save_to_disk` wrote where it names files elsewhere.

    Raises:
        GpgError: it does.
    """
    for pattern in _STATES:
        for state in sorted(folder.glob(pattern)):
            try:
                files = json.loads(state.read_text(encoding="utf-8"))["_data_files"]
                names = [str(file["filename"]) for file in files]
            except (OSError, ValueError, KeyError, TypeError, RecursionError):
                continue  # broken: its reader says so
            _check_names(names, str(state))
            _check_inside([state.parent / name for name in names], folder, str(state))


def check_declared(folder: Path) -> None:
    """Refuse a folder whose README.md names data files elsewhere, before anything looks for them.

    Raises:
        GpgError: it does.
    """
    from huggingface_hub import DatasetCard

    for name in ("README.md", ".huggingface.yaml"):
        path = folder / name
        if not path.is_file():
            continue
        try:
            if name.endswith(".md"):
                facts: Any = DatasetCard.load(path).data.to_dict()
            else:
                import yaml

                facts = yaml.safe_load(path.read_text(encoding="utf-8"))
            configs = facts.get("configs") if isinstance(facts, dict) else None
        except Exception:  # no card: the library does not take it for one either
            continue
        for config in configs if isinstance(configs, list) else []:
            if isinstance(config, dict):
                _check_names([*_texts(config.get("data_files")), *_texts(config.get("data_dir"))], str(path))


def check_builder(builder: "DatasetBuilder", roots: Sequence[str], what: str) -> None:
    """Refuse a data set whose files, as the library has found them, lie elsewhere.

    Args:
        roots: beginnings of the places where they may lie: a folder, or `hf://datasets/org/name@`.
    """
    for files in (builder.config.data_files or {}).values():
        for file in files:
            if not any(str(file).startswith(root) for root in roots):
                raise GpgError(f"{what} names {str(file)[:200]} as its data", _HINT)


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _check_names(names: Iterable[str], source: str) -> None:
    for name in names:
        if Path(name).is_absolute() or ".." in Path(name).parts or _ADDRESS.match(name) or name.startswith("~"):
            raise GpgError(f"{source} names {name[:200]!r} as its data", _HINT)


def _check_inside(paths: Iterable[Path], folder: Path, source: str) -> None:
    for path in paths:
        if not path.resolve().is_relative_to(folder.resolve()):
            raise GpgError(f"{source} names {path.name!r}, which is a link out of its folder", _HINT)
