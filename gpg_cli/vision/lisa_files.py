"""`gpg data lisa`: a folder of ReasonSeg as JSON lines, and a report of what is not in them."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gpg_cli.errors import GpgError
from gpg_cli.vision.lisa import LisaItem
from gpg_cli.vision.lisa_folder import Fault, LisaFolder, read_lisa_folder, split_folder

_NAMED_AT_MOST = 5


@dataclass(frozen=True)
class LisaReport:
    """What was written, and what of the folder is not in it or deserves a look; names are those of files.

    Attributes:
        evaluation: whether the rows are for evaluation, one a picture, rather than for training, one an instruction.
        without_shapes: left out of training; in evaluation their box is `[]`, and any answer is wrong.
        without_area: the same for a first shape that has no area in the picture.
        too_thin: left out of training: a box without area once in thousandths.
        points_outside: some points lie outside the picture, where their box ends.
        exif_rotated: the picture is to be shown turned; rows, boxes and masks are of the stored one.
        outside: the folder of the pictures where that is not below the file's, and has to be named to read them.
    """

    file: Path
    evaluation: bool
    rows: int
    pictures: int
    without_shapes: tuple[str, ...]
    without_area: tuple[str, ...]
    too_thin: tuple[str, ...]
    faults: tuple[Fault, ...]
    unannotated: tuple[str, ...]
    points_outside: tuple[str, ...]
    exif_rotated: tuple[str, ...]
    outside: Path | None = None

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "file": str(self.file), "outside": str(self.outside) if self.outside else None}

    @property
    def lines(self) -> list[str]:
        """For a person: what was written, then a line for each kind of thing that was met."""
        kind = "evaluation" if self.evaluation else "training"
        fate = "their box is [] and any answer is wrong" if self.evaluation else "left out"
        faults = tuple(f"{fault.name}: {fault.reason}" for fault in self.faults)
        notes = (
            ("annotations that cannot be used, left out", faults),
            (f"pictures without shapes, {fate}", self.without_shapes),
            (f"pictures whose first shape has no area, {fate}", self.without_area),
            ("pictures whose box is too thin for thousandths, left out", () if self.evaluation else self.too_thin),
            ("pictures without annotation, passed over", self.unannotated),
            ("pictures with points outside, whose box ends at the edge", self.points_outside),
            ("pictures that EXIF would turn, taken as they are stored", self.exif_rotated),
        )
        written = f"Wrote {self.file}: {self.rows} {kind} rows of {self.pictures} pictures."
        listed = [f"  {len(names)} {text}: {_some(names)}" for text, names in notes if names]
        named = (
            [f"  Its pictures lie elsewhere, so name their folder: --image-dir {self.outside}"] if self.outside else []
        )
        return [written, *listed, *named]


def write_lisa_file(
    folder: Path,
    to: Path,
    *,
    split: str | None = None,
    evaluation: bool = False,
    skip_faulty: bool = False,
    overwrite: bool = False,
) -> LisaReport:
    """Write the rows of a folder, or of a split inside it, with picture paths relative to the file.

    See `LisaItem.training_rows` and `LisaItem.evaluation_row` for the columns.

    Raises:
        GpgError: the folder cannot be used (see `read_lisa_folder`), gives no rows, or the file is there already, is
            no .jsonl or cannot be written.
    """
    to = to.expanduser()
    if to.suffix.lower() != ".jsonl":
        raise GpgError(f"--to {to} does not end in .jsonl", "The rows are JSON lines: --to lisa.jsonl")
    if to.exists() and not overwrite:
        raise GpgError(f"{to} exists", "Name another file, or replace it: --overwrite")
    found = read_lisa_folder(split_folder(folder, split), skip_faulty=skip_faulty)
    if evaluation:
        rows = [item.evaluation_row() for item in found.items]
    else:
        rows = [row for item in found.items for row in item.training_rows()]
    if not rows:
        raise GpgError(f"{found.path} gives no training rows", "None of its pictures has a shape that gives a box.")
    target = to.resolve()
    for row in rows:
        row["image"] = Path(os.path.relpath(Path(row["image"]).resolve(), target.parent)).as_posix()
    _write_whole(target, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return _report(found, to, evaluation, len(rows))


def _report(found: LisaFolder, to: Path, evaluation: bool, rows: int) -> LisaReport:
    def names(items: list[LisaItem]) -> tuple[str, ...]:
        return tuple(item.image_path.name for item in items)

    return LisaReport(
        file=to,
        evaluation=evaluation,
        rows=rows,
        pictures=len(found.items) if evaluation else sum(item.box_text is not None for item in found.items),
        without_shapes=names([item for item in found.items if not item.shapes]),
        without_area=names([item for item in found.items if item.shapes and item.box is None]),
        too_thin=names([item for item in found.items if item.box is not None and item.box_text is None]),
        faults=found.faults,
        unannotated=found.unannotated,
        points_outside=names([item for item in found.items if item.has_points_outside]),
        exif_rotated=names([item for item in found.items if item.exif_rotated]),
        outside=None if found.path.resolve().is_relative_to(to.resolve().parent) else found.path,
    )


def _write_whole(path: Path, text: str) -> None:
    beside = path.with_name(path.name + ".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, path)
    except OSError as error:
        raise GpgError(f"cannot write {path}: {error.strerror}", "Check the path and the disk's space.") from error


def _some(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _NAMED_AT_MOST} more" if len(names) > _NAMED_AT_MOST else ""
    return ", ".join(names[:_NAMED_AT_MOST]) + more
