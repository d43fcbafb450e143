"""Reads a folder of ReasonSeg: X.jpg + X.json, sorted by name so that every machine sees one order."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpg_cli.errors import GpgError
from gpg_cli.vision.lisa import LisaItem, Shape

# The set's pictures are .jpg; the first of these that exists is taken.
PICTURE_ENDINGS = (".jpg", ".jpeg", ".png")
SPLITS = ("train", "val", "test")
_EXIF_ORIENTATION = 0x0112
# Pixels beyond any picture; also what is infinite or no number is refused so.
_FAR = 1e6
_HINT = "Mend or remove it, or leave out what is broken: --skip-faulty."


@dataclass(frozen=True)
class Fault:
    """An annotation that cannot be used, by its file's name, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class LisaFolder:
    """What a folder holds.

    Attributes:
        items: sorted by name.
        faults: annotations left out.
        unannotated: names of pictures without annotation, which the protocol passes over.
    """

    path: Path
    items: tuple[LisaItem, ...]
    faults: tuple[Fault, ...]
    unannotated: tuple[str, ...]


def split_folder(folder: Path, split: str | None) -> Path:
    """The folder that holds a split's files: `folder` itself, or its subfolder of that name.

    Raises:
        GpgError: there is no such folder or split, or several splits could be meant.
    """
    if not folder.is_dir():
        raise GpgError(f"there is no folder {folder}", "Name a folder of ReasonSeg: X.jpg and X.json side by side.")
    found = [name for name in SPLITS if (folder / name).is_dir()]
    if split is not None and split not in SPLITS:
        raise GpgError(f"--split {split!r} is not known", f"Choose {', '.join(SPLITS[:-1])} or {SPLITS[-1]}.")
    if split in found:
        return folder / split
    if split is not None and split != folder.resolve().name:
        raise GpgError(f"{folder} has no split {split!r}", f"It has: {', '.join(found) or 'no splits'}.")
    if found and not any(folder.glob("*.json")):
        raise GpgError(f"{folder} holds several splits: {', '.join(found)}", f"Choose one: --split {found[0]}")
    return folder


def read_lisa_folder(folder: Path, *, skip_faulty: bool = False) -> LisaFolder:
    """Read all annotations of a folder, and the size of each picture without decoding it.

    Args:
        skip_faulty: leave out an annotation that is broken or has no picture, instead of raising. One without shapes is
            not broken: the real test split has two, and they count.

    Raises:
        GpgError: there is no such folder, nothing usable is in it, or an annotation cannot be used.
    """
    if not folder.is_dir():
        raise GpgError(f"there is no folder {folder}", "Name a folder of ReasonSeg: X.jpg and X.json side by side.")
    pictures = {path.name: path for path in folder.iterdir() if path.suffix.lower() in PICTURE_ENDINGS}
    annotations = sorted(folder.glob("*.json"))
    items: list[LisaItem] = []
    faults: list[Fault] = []
    for annotation in annotations:
        try:
            items.append(_read_item(annotation, _picture_of(annotation, pictures)))
        except ValueError as error:
            faults.append(Fault(annotation.name, str(error)))
    if faults and not skip_faulty:
        others = f" (and {len(faults) - 1} more files cannot be used)" if len(faults) > 1 else ""
        raise GpgError(f"{folder / faults[0].name}: {faults[0].reason}{others}", _HINT)
    if not items:
        raise GpgError(f"{folder} holds no usable annotation", "It needs X.jpg and X.json side by side.")
    stems = {annotation.stem for annotation in annotations}
    unannotated = tuple(sorted(name for name, path in pictures.items() if path.stem not in stems))
    return LisaFolder(folder, tuple(items), tuple(faults), unannotated)


def _picture_of(annotation: Path, pictures: dict[str, Path]) -> Path:
    """Looked up as the folder spells it, so that .JPG is found on any file system."""
    by_ending = {path.suffix.lower(): path for path in pictures.values() if path.stem == annotation.stem}
    for ending in PICTURE_ENDINGS:
        if ending in by_ending:
            return by_ending[ending]
    raise ValueError(f"its picture {annotation.stem}.jpg is missing")


def _read_item(annotation: Path, picture: Path) -> LisaItem:
    """One annotation with its picture; a ValueError says what is wrong with either."""
    for path in (annotation, picture):
        if not path.resolve().is_relative_to(annotation.parent.resolve()):
            raise ValueError(f"{path.name} is a link out of the folder")
    value = _read_json(annotation)
    instructions = _instructions(value.get("text"))
    shapes = value.get("shapes")
    if not isinstance(shapes, list):
        raise ValueError("'shapes' is no list")
    width, height, exif_rotated = _picture_facts(picture)
    return LisaItem(
        image_path=picture,
        width=width,
        height=height,
        instructions=instructions,
        shapes=tuple(_shape(number, shape) for number, shape in enumerate(shapes, start=1)),
        is_sentence=bool(value.get("is_sentence", False)),
        exif_rotated=exif_rotated,
    )


def _read_json(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    try:
        # The set was written on several systems; LISA reads it so as well.
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("cp1252")
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ValueError("is not a JSON object")
    return value


def _instructions(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError("'text' is no list of instructions")
    if not all(isinstance(text, str) and text.strip() for text in value):
        raise ValueError("'text' holds an instruction that is no text, or empty")
    return tuple(value)


def _shape(number: int, value: Any) -> Shape:
    label, points = (value.get("label"), value.get("points")) if isinstance(value, dict) else (None, None)
    if not isinstance(label, str) or not isinstance(points, list) or not points:
        raise ValueError(f"shape {number} needs a label and points")
    if not all(_is_point(point) for point in points):
        raise ValueError(f"shape {number} has a point that is not two numbers")
    return Shape(label, tuple((float(x), float(y)) for x, y in points))


def _is_point(value: Any) -> bool:
    if not isinstance(value, list) or len(value) != 2:
        return False
    return all(type(part) in (int, float) and abs(part) < _FAR for part in value)


def _picture_facts(path: Path) -> tuple[int, int, bool]:
    """Width and height as stored, and whether EXIF asks to turn the picture; reads the header alone."""
    from PIL import Image

    from gpg_cli.vision.images import open_picture

    try:
        with open_picture(path) as picture:
            # A PNG would be decoded in search of it.
            orientation = 1 if picture.format == "PNG" else picture.getexif().get(_EXIF_ORIENTATION, 1)
            return picture.width, picture.height, orientation not in (0, 1)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"its picture {path.name} cannot be read: {error}") from error
