"""A column of pictures as one kind of cell, whatever it holds: paths, bytes, image cells, or lists of them."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from datasets import Dataset

from gpg_cli.errors import GpgError
from gpg_cli.vision.images import Picture, as_picture, require_pillow
from gpg_cli.vision.places import Places

# The column of a trainer's rows: a list of encoded cells.
PICTURES = "images"
_CELL = pa.struct([("bytes", pa.binary()), ("path", pa.string()), ("upright", pa.bool_())])


@dataclass(frozen=True)
class PictureColumn:
    """The pictures of all rows of a data set, encoded.

    Attributes:
        name: of the column they come from.
        cells: for each row a list of structures `bytes`, `path` (absolute) and `upright` (null is true).
    """

    name: str
    cells: pa.ChunkedArray

    def of(self, row: int) -> list[Picture]:
        """The pictures of a row, from 0."""
        return row_pictures({PICTURES: self.cells[row].as_py()})

    def counts(self) -> list[int]:
        """How many pictures each row has."""
        return pc.list_value_length(self.cells).to_pylist()


def row_pictures(row: dict[str, Any]) -> list[Picture]:
    """The pictures of a row as `attach` makes them; none where it has no such column."""
    found = (as_picture(cell) for cell in row.get(PICTURES) or [])
    return [picture for picture in found if picture is not None]


def read_pictures(table: Dataset, name: str, places: Places, *, upright: bool = True) -> PictureColumn:
    """The pictures of a column of paths, of bytes, of image cells, or of lists of them.

    Args:
        places: what relative paths are relative to, and where pictures may lie.
        upright: whether pictures are turned as their EXIF data says.

    Raises:
        GpgError: the column holds something else, or names a file elsewhere.
    """
    require_pillow()
    if table._indices is not None:
        table = table.flatten_indices()
    column = table.data.column(name)
    kind = column.type
    if _is_known(kind.value_type if _is_list(kind) else kind):
        chunks = [_as_cells(chunk, places, upright) for chunk in column.chunks]
    else:
        chunks = [_read_values(list(table[name]), name, places, upright)]
    return PictureColumn(name, pa.chunked_array(chunks, pa.list_(_CELL)))


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _is_bytes(kind: pa.DataType) -> bool:
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def _is_known(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        fields = {field.name: field.type for field in kind}
        return "bytes" in fields and _is_bytes(fields["bytes"])
    return _is_bytes(kind)


def _as_cells(chunk: pa.Array, places: Places, upright: bool) -> pa.Array:
    """One chunk of a column as lists of cells, its bytes where they are."""
    if _is_list(chunk.type):
        lengths = pc.fill_null(pc.list_value_length(chunk), 0)
        values = chunk.flatten()
    else:
        lengths = pa.array([1] * len(chunk), pa.int32())
        values = chunk
    cells, held = _structures(values, places, upright)
    if not pc.all(held).as_py():
        counts, each = lengths.to_pylist(), iter(held.to_pylist())
        lengths = pa.array([sum(next(each) for _ in range(count)) for count in counts], pa.int32())
        cells = cells.filter(held)
    offsets = pa.array([0, *pc.cumulative_sum(lengths).to_pylist()], pa.int32())
    return pa.ListArray.from_arrays(offsets, cells, type=pa.list_(_CELL))


def _structures(values: pa.Array, places: Places, upright: bool) -> tuple[pa.Array, pa.Array]:
    """Bytes, or image cells, as cells of ours; and which of them hold a picture."""
    if pa.types.is_struct(values.type):
        names = {field.name for field in values.type}
        content = pc.struct_field(values, "bytes")
        paths = pc.struct_field(values, "path").to_pylist() if "path" in names else [None] * len(values)
    else:
        content, paths = values, [None] * len(values)
    content = content.cast(pa.binary()) if content.type != pa.binary() else content
    inside = pc.greater(pc.fill_null(pc.binary_length(content), 0), 0)
    # The path of a picture whose bytes are here is its name somewhere else.
    known = [
        None if held else places.find(path, "a picture of the data")
        for path, held in zip(paths, inside.to_pylist(), strict=True)
    ]
    held = pa.array([path is not None for path in known], pa.bool_())
    flags = pa.array([None if upright else False] * len(values), pa.bool_())
    cells = pa.StructArray.from_arrays([content, pa.array(known, pa.string()), flags], fields=list(_CELL))
    return cells, pc.or_(inside, held)


def _read_values(values: list[Any], name: str, places: Places, upright: bool) -> pa.Array:
    """Paths, lists of paths, or both in one column."""
    rows: list[list[dict[str, Any]]] = []
    for number, value in enumerate(values, start=1):
        cells = value if isinstance(value, list) else [value]
        row = []
        for cell in cells:
            picture = as_picture(cell)
            if picture is None and cell not in (None, "", b"", {}) and not isinstance(cell, dict):
                raise GpgError(f"row {number}: column {name!r} holds no picture", "Name another: image_column.")
            if picture is not None:
                named = cell.get("path") if isinstance(cell, dict) else cell
                path = None if picture.path is None else places.find(named, f"row {number}")
                row.append({"bytes": picture.content, "path": path, "upright": None if upright else False})
        rows.append(row)
    return pa.array(rows, pa.list_(_CELL))
