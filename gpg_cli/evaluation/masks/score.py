"""gIoU and cIoU of predicted boxes: box -> segmenter -> mask -> overlap with the annotated polygons."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.masks.overlap import (
    FIRST_POLYGON,
    OFFICIAL,
    Definition,
    Overlap,
    overlap,
    overlap_where_counted,
)
from gpg_cli.evaluation.masks.polygons import first_polygon_mask, official_mask
from gpg_cli.evaluation.metrics import percent
from gpg_cli.vision.images import open_picture
from gpg_cli.vision.lisa import Shape

# Left, top, right and bottom in whole pixels.
PixelBox = tuple[int, int, int, int]
# Pixels beyond any picture: a prompt stays a number, whatever the model wrote.
_FARTHEST = 1_000_000


class Segmenter(Protocol):
    """What turns a box into a mask."""

    batch_size: int

    def segment(self, images: Sequence[Image.Image], boxes: Sequence[PixelBox]) -> list[NDArray[np.bool_]]:
        """The masks (height, width) of at most `batch_size` RGB pictures, each for the one box of its picture."""


@dataclass(frozen=True)
class MaskItem:
    """One picture to score.

    Attributes:
        shapes: the annotation; empty where the picture has none.
        box: the predicted one in shares of width and height, `(x1, y1, x2, y2)`; None where the answer held none. It
            goes to the segmenter as it is, with swapped corners too.
    """

    image_path: Path
    shapes: Sequence[Shape]
    box: Sequence[float] | None

    @classmethod
    def from_row(cls, row: dict[str, Any], folder: Path, box: Sequence[float] | None) -> "MaskItem":
        """From a row of `LisaItem.evaluation_row`, whose image path is absolute or relative to `folder`."""
        shapes = tuple(Shape(shape["label"], tuple((x, y) for x, y in shape["points"])) for shape in row["shapes"])
        return cls(folder / row["image"], shapes, box)


@dataclass(frozen=True)
class DefinitionScore:
    """The scores of all pictures by one definition; see `overlap.Definition`.

    Attributes:
        giou: mean intersection over union, in [0, 1]; None where no picture counts.
        ciou: total intersection over total union, in [0, 1]; None likewise.
        pictures: how many count, the denominator of `giou`.
        ious: of each item given, in its order; None where it does not count.
    """

    giou: float | None
    ciou: float | None
    pictures: int
    ious: tuple[float | None, ...]

    def to_dict(self) -> dict[str, Any]:
        """Scores in percent."""
        giou, ciou = (None if share is None else percent(share) for share in (self.giou, self.ciou))
        return {"giou": giou, "ciou": ciou, "pictures": self.pictures}


@dataclass(frozen=True)
class MaskScores:
    """What `score_masks` found.

    Attributes:
        first_polygon: as in the published tables; pictures without shapes do not count.
        official: as LISA defines it; all pictures count.
        pictures: how many were given.
        without_box: how many had no predicted box, so an empty mask.
        without_shapes: how many had no annotation.
    """

    first_polygon: DefinitionScore
    official: DefinitionScore
    pictures: int
    without_box: int
    without_shapes: int

    def to_dict(self) -> dict[str, Any]:
        """Scores in percent, with their denominators."""
        return {
            "first_polygon": self.first_polygon.to_dict(),
            "official": self.official.to_dict(),
            "pictures": self.pictures,
            "without_box": self.without_box,
            "without_shapes": self.without_shapes,
        }


def score_masks(
    items: Sequence[MaskItem], segmenter: Segmenter, on_scored: Callable[[int], None] | None = None
) -> MaskScores:
    """Segment each picture by its predicted box and compare with the annotation.

    A picture without a predicted box has an empty mask of the picture's own size, so an overlap of 0. Upstream gives it
    the size of the picture before, and breaks.

    Args:
        on_scored: called with how many pictures have been scored since the last call.

    Raises:
        GpgError: a picture is missing or broken; what the segmenter raises.
        ValueError: the segmenter gave a mask of another size than its picture's.
    """
    first: list[Overlap | None] = [None] * len(items)
    official: list[Overlap] = [Overlap(0, 0)] * len(items)
    for places, masks in _segmented(items, segmenter):
        for place, mask in zip(places, masks, strict=True):
            height, width = mask.shape
            shapes = items[place].shapes
            official[place] = overlap_where_counted(mask, official_mask(shapes, width, height))
            if shapes:
                first[place] = overlap(mask, first_polygon_mask(shapes, width, height))
        if on_scored is not None:
            on_scored(len(places))
    return MaskScores(
        first_polygon=_score(FIRST_POLYGON, first),
        official=_score(OFFICIAL, official),
        pictures=len(items),
        without_box=sum(item.box is None for item in items),
        without_shapes=sum(not item.shapes for item in items),
    )


def prompt_box(box: Sequence[float], width: int, height: int) -> PixelBox:
    """A box in shares as whole pixels, cut, not rounded, as Visual-RFT's box2mask.py does."""
    x1, y1, x2, y2 = (
        int(max(-_FARTHEST, min(_FARTHEST, share * side)))
        for share, side in zip(box, (width, height, width, height), strict=True)
    )
    return x1, y1, x2, y2


def _segmented(items: Sequence[MaskItem], segmenter: Segmenter) -> Iterator[tuple[list[int], list[NDArray[np.bool_]]]]:
    """Places among the items, and the masks there; the pictures of one batch are in memory at a time."""
    boxless = [place for place, item in enumerate(items) if item.box is None]
    boxed = [place for place, item in enumerate(items) if item.box is not None]
    for place in boxless:
        width, height = _open(items[place].image_path).size
        yield [place], [np.zeros((height, width), dtype=np.bool_)]
    for start in range(0, len(boxed), segmenter.batch_size):
        places = boxed[start : start + segmenter.batch_size]
        images = [_open(items[place].image_path, pixels=True) for place in places]
        boxes = [prompt_box(items[place].box or (), *image.size) for place, image in zip(places, images, strict=True)]
        masks = segmenter.segment(images, boxes)
        for image, mask in zip(images, masks, strict=True):
            if mask.shape != (image.height, image.width):
                raise ValueError(f"a mask of size {mask.shape} for a picture of {image.height} x {image.width}")
        yield places, masks


def _open(path: Path, *, pixels: bool = False) -> Image.Image:
    """The stored picture, not turned by EXIF, as the annotation was read; in RGB where its pixels are asked for."""
    try:
        with open_picture(path) as picture:
            return picture.convert("RGB") if pixels else picture
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise GpgError(f"cannot read the picture {path}: {error}", "Check the file, or --masks off.") from error


def _score(definition: Definition, overlaps: Sequence[Overlap | None]) -> DefinitionScore:
    counted = [each for each in overlaps if each is not None]
    return DefinitionScore(
        giou=definition.giou(counted),
        ciou=definition.ciou(counted),
        pictures=len(counted),
        ious=tuple(None if each is None else definition.iou(each) for each in overlaps),
    )
