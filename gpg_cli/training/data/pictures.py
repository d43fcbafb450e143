"""Pictures of a data set for training: found, left encoded where they lie, and checked.

Thousands of pictures do not fit into memory, decoded or not: they stay in the Arrow table, which maps a file, and rows
are chosen from it without being copied.
"""

from collections.abc import Iterator, Sequence

import pyarrow as pa
from datasets import Dataset, DatasetInfo, Features, List, Value
from datasets.fingerprint import generate_random_fingerprint
from datasets.table import InMemoryTable

from gpg_cli.errors import GpgError
from gpg_cli.training.data.picture_cells import PICTURES, PictureColumn
from gpg_cli.training.settings import RunSettings
from gpg_cli.vision.images import PictureReport, check_pictures
from gpg_cli.yaml_file import did_you_mean

# Where a recipe names no column and the model sees, the first of these that the data has.
_USUAL = ("image", "images", "image_path", "image_bytes")
_CELL_FEATURE = List({"bytes": Value("binary"), "path": Value("string"), "upright": Value("bool")})
_SHOWN = 3


def choose_picture_column(table: Dataset, settings: RunSettings, *, vision: bool) -> str | None:
    """The column that the settings name; where they name none and the model sees, a usual one that the data has.

    Raises:
        GpgError: the column that is named is missing.
    """
    if settings.image_column is None:
        return next((name for name in _USUAL if vision and name in table.column_names), None)
    if settings.image_column not in table.column_names:
        usual = next((name for name in _USUAL if name in table.column_names), None)
        near = f"Did you mean {usual}? " if usual else did_you_mean(settings.image_column, table.column_names)
        raise GpgError(
            f"{settings.dataset_name} has no column {settings.image_column!r}, which image_column names",
            f"{near}It has: {', '.join(table.column_names)}. Name it with --set image_column=...",
        )
    return settings.image_column


def attach(rows: Dataset, pictures: PictureColumn, positions: Sequence[int]) -> Dataset:
    """Rows with their pictures in the column `images`; no picture is copied.

    Args:
        rows: without that column.
        positions: of each of them among the rows of `pictures`.
    """
    chosen = rows.with_format("arrow")[:]
    places: list[int | None] = [None] * len(pictures.cells)
    for place, position in enumerate(positions):
        places[position] = place
    # As long as the table of pictures, so that rows are then chosen from both by an index.
    table = chosen.take(pa.array(places, pa.int64())).append_column(PICTURES, pictures.cells)
    features = Features({**rows.features, PICTURES: _CELL_FEATURE})
    joined = InMemoryTable(table.replace_schema_metadata(None))
    # A fingerprint of the content would read every picture.
    made = Dataset(joined, info=DatasetInfo(features=features), fingerprint=generate_random_fingerprint())
    return made.select(list(positions))


def check_rows(pictures: PictureColumn, rows: Sequence[int], max_pixels: int | None) -> PictureReport:
    """Decode every picture of some rows once; each row needs one.

    Returns:
        What was found; the positions of its faults are those of the rows in the data set.
    """
    counts = pictures.counts()
    shown = [row for row in rows if counts[row] == 1]
    report = check_pictures((pictures.of(row) for row in shown), max_pixels)
    report.faults = [(shown[position], reason) for position, reason in report.faults]
    for row in rows:
        if counts[row] != 1:
            reason = f"{counts[row]} pictures where one is expected" if counts[row] else "it has no picture"
            report.faults.append((row, reason))
    report.faults.sort()
    return report


def refuse_faults(report: PictureReport, source: str) -> None:
    """Refuse pictures that cannot be used.

    Raises:
        GpgError: naming the first rows, and why.
    """
    if not report.faults:
        return
    row, reason = report.faults[0]
    others = ", ".join(str(row + 1) for row, _ in report.faults[1 : 1 + _SHOWN])
    more = "" if len(report.faults) <= 1 + _SHOWN else f" and {len(report.faults) - 1 - _SHOWN} more"
    also = f" (also row {others}{more})" if others else ""
    raise GpgError(
        f"{source}, row {row + 1}: {reason}{also}",
        "Mend or remove it, or leave such rows out: --set faulty_pictures=skip",
    )


def identities(pictures: PictureColumn, rows: Sequence[int]) -> Iterator[list[str]]:
    """For each row what its pictures are known by: their paths, or digests of their bytes."""
    for row in rows:
        yield [picture.identity for picture in pictures.of(row)]
