"""How much of two masks is the same, and what the overlaps of many pictures add up to. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from gpg_cli.evaluation.masks.polygons import IGNORED, TARGET


@dataclass(frozen=True)
class Overlap:
    """Pixels in both masks, and in either."""

    intersection: int
    union: int


@dataclass(frozen=True)
class Definition:
    """How overlaps become scores.

    Attributes:
        picture_epsilon, total_epsilon: added to the union of a picture, and of all.
        empty_is_right: two empty masks count 1, else 0.
    """

    picture_epsilon: float
    total_epsilon: float
    empty_is_right: bool

    def iou(self, overlap: Overlap) -> float:
        """Intersection over union of one picture, in [0, 1]."""
        if overlap.union == 0 and self.empty_is_right:
            return 1.0
        return overlap.intersection / (overlap.union + self.picture_epsilon)

    def giou(self, overlaps: Sequence[Overlap]) -> float | None:
        """Mean over pictures, in [0, 1]; None without any."""
        return fmean(map(self.iou, overlaps)) if overlaps else None

    def ciou(self, overlaps: Sequence[Overlap]) -> float | None:
        """All intersections over all unions, in [0, 1]; None without pictures."""
        if not overlaps:
            return None
        total = sum(overlap.union for overlap in overlaps) + self.total_epsilon
        return sum(overlap.intersection for overlap in overlaps) / total


# Visual-RFT's lisa_evaluation/mask_iou.py.
FIRST_POLYGON = Definition(picture_epsilon=1e-6, total_epsilon=1e-6, empty_is_right=False)
# `validate` of LISA's train_ds.py.
OFFICIAL = Definition(picture_epsilon=1e-5, total_epsilon=1e-10, empty_is_right=True)


def overlap(predicted: NDArray[np.bool_], gold: NDArray[np.bool_]) -> Overlap:
    """Of two masks (height, width).

    Raises:
        ValueError: their sizes differ; numpy would stretch one of 1 pixel.
    """
    _check_sizes(predicted.shape, gold.shape)
    return Overlap(int(np.count_nonzero(predicted & gold)), int(np.count_nonzero(predicted | gold)))


def overlap_where_counted(predicted: NDArray[np.bool_], gold: NDArray[np.uint8]) -> Overlap:
    """Of a mask and a gold one of 0, 1 and 255, whose pixels of 255 count neither here nor there.

    Raises:
        ValueError: their sizes differ.
    """
    _check_sizes(predicted.shape, gold.shape)
    return overlap(predicted & (gold != IGNORED), gold == TARGET)


def _check_sizes(predicted: tuple[int, ...], gold: tuple[int, ...]) -> None:
    if predicted != gold:
        raise ValueError(f"a predicted mask of size {predicted} for a picture of size {gold}")
