"""LISA's ReasonSeg as Visual-RFT trains and measures grounding on it: rows with boxes from a folder of X.jpg + X.json.

The box is that of the first shape whatever its label, an excluded region or a deprecated flag too, and other parts of
the target are lost: so the published numbers were made (lisa_evaluation/gen_box_ann.py). Pixels are those of the stored
picture: upstream opens it with PIL and does not apply an EXIF rotation, so neither do we, here and for the masks.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

THOUSAND = 1000
# Of Visual-RFT's grpo_lisa.py, with its "grouding" and its parenthesis too many.
TRAINING_PROMPT = (
    "Output the bounding box in the image corresponding to the instruction: {instruction} "
    "Output the thinking process in <think> </think> and your grouding box. "
    'Following "<think> thinking process </think>\n<answer>(x1,y1),(x2,y2)</answer>)" format.'
)


class Box(NamedTuple):
    """Left, top, right and bottom; the unit is said where one is used."""

    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True)
class Shape:
    """One annotated polygon.

    Attributes:
        label: `target`; `ignore` for a region that does not count; `flag`, deprecated.
        points: (x, y) in pixels of the stored picture, at least one.
    """

    label: str
    points: tuple[tuple[float, float], ...]

    def to_dict(self) -> dict[str, Any]:
        return {"label": self.label, "points": [list(point) for point in self.points]}


@dataclass(frozen=True)
class LisaItem:
    """One annotated picture.

    Attributes:
        width, height: of the stored picture in pixels, before any EXIF rotation.
        instructions: at least one; several are one instruction in other words.
        is_sentence: whether the instructions are sentences rather than phrases.
        exif_rotated: the file asks viewers to turn or mirror it, which nothing here does.
    """

    image_path: Path
    width: int
    height: int
    instructions: tuple[str, ...]
    shapes: tuple[Shape, ...]
    is_sentence: bool = False
    exif_rotated: bool = False

    @property
    def pixel_box(self) -> Box | None:
        """Bounds of the first shape within the picture, in pixels; None without shapes, or where they hold no area."""
        if not self.shapes:
            return None
        xs, ys = zip(*self.shapes[0].points, strict=True)
        left, right = max(0.0, min(xs)), min(float(self.width), max(xs))
        top, bottom = max(0.0, min(ys)), min(float(self.height), max(ys))
        return Box(left, top, right, bottom) if left < right and top < bottom else None

    @property
    def box(self) -> Box | None:
        """The box in shares of width and height, in [0, 1], as evaluation compares it."""
        pixels = self.pixel_box
        if pixels is None:
            return None
        width, height = self.width, self.height
        return Box(pixels.x1 / width, pixels.y1 / height, pixels.x2 / width, pixels.y2 / height)

    @property
    def box_text(self) -> str | None:
        """The box as a model is taught to write it, `(x1,y1),(x2,y2)` in whole thousandths, rounded down.

        None without a box, and where it is too thin to have an area in thousandths: no answer could be right.
        """
        if self.box is None:
            return None
        x1, y1, x2, y2 = (math.floor(share * THOUSAND) for share in self.box)
        return f"({x1},{y1}),({x2},{y2})" if x1 < x2 and y1 < y2 else None

    @property
    def has_points_outside(self) -> bool:
        """Whether a point lies outside the picture."""
        points = (point for shape in self.shapes for point in shape.points)
        return any(not (0 <= x <= self.width and 0 <= y <= self.height) for x, y in points)

    def training_rows(self) -> list[dict[str, Any]]:
        """One row an instruction, with the columns image, problem and solution; none where there is no `box_text`."""
        if self.box_text is None:
            return []
        solution = f"<answer> {self.box_text} </answer>"
        prompts = [TRAINING_PROMPT.format(instruction=instruction) for instruction in self.instructions]
        return [{"image": str(self.image_path), "problem": prompt, "solution": solution} for prompt in prompts]

    def evaluation_row(self) -> dict[str, Any]:
        """The row of the first instruction: LISA's own validator and Visual-RFT leave out the others.

        Columns: image; instruction; box, JSON text of four shares or of an empty list; width and height in pixels; and
        shapes, for the scores of masks.
        """
        return {
            "image": str(self.image_path),
            "instruction": self.instructions[0],
            "box": json.dumps(list(self.box or [])),
            "width": self.width,
            "height": self.height,
            "shapes": [shape.to_dict() for shape in self.shapes],
        }


def training_rows(folder: Path, *, skip_faulty: bool = False) -> list[dict[str, Any]]:
    """What `LisaItem.training_rows` makes of a folder; see `read_lisa_folder`."""
    from gpg_cli.vision.lisa_folder import read_lisa_folder

    items = read_lisa_folder(folder, skip_faulty=skip_faulty).items
    return [row for item in items for row in item.training_rows()]


def evaluation_rows(folder: Path, *, skip_faulty: bool = False) -> list[dict[str, Any]]:
    """What `LisaItem.evaluation_row` makes of a folder, one row a picture; see `read_lisa_folder`."""
    from gpg_cli.vision.lisa_folder import read_lisa_folder

    return [item.evaluation_row() for item in read_lisa_folder(folder, skip_faulty=skip_faulty).items]
