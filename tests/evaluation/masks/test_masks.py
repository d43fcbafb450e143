"""gIoU and cIoU by both definitions, against overlaps counted by hand and against pycocotools."""

import math
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.masks.overlap import FIRST_POLYGON, OFFICIAL, Overlap, overlap, overlap_where_counted
from gpg_cli.evaluation.masks.polygons import first_polygon_mask, official_mask
from gpg_cli.evaluation.masks.score import MaskItem, prompt_box, score_masks
from gpg_cli.vision.lisa import Shape, evaluation_rows
from gpg_cli.vision.lisa_folder import read_lisa_folder
from tests.evaluation.masks.boxes import BoxFiller
from tests.vision.lisa_pictures import annotate, reason_seg, rectangle, shape


def polygon(*corners: float, label: str = "target") -> Shape:
    """An upright rectangle from left, top, right and bottom."""
    return Shape(label, tuple(rectangle(*corners)))


def picture(folder: Path, name: str = "a", size: tuple[int, int] = (20, 10)) -> Path:
    path = folder / f"{name}.png"
    Image.new("RGB", size).save(path)
    return path


def test_a_polygon_is_painted_with_its_outline() -> None:
    mask = first_polygon_mask([polygon(2, 1, 5.9, 3.9)], width=8, height=6)  # cut to 2..5 and 1..3
    assert mask.shape == (6, 8)
    assert mask.sum() == 4 * 3
    assert mask[1:4, 2:6].all()
    triangle = first_polygon_mask([Shape("target", ((0, 0), (4, 0), (0, 4)))], width=5, height=5)
    assert [row.sum() for row in triangle] == [5, 4, 3, 2, 1]


def test_the_first_polygon_counts_whatever_its_label_and_alone() -> None:
    mask = first_polygon_mask([polygon(0, 0, 1, 1, label="flag"), polygon(4, 0, 7, 3)], width=8, height=4)
    assert mask.sum() == 4
    with pytest.raises(ValueError, match="no shapes"):
        first_polygon_mask([], width=8, height=4)


@pytest.mark.parametrize(
    "points", [((1.0, 1.0),), ((1.0, 1.0), (3.0, 1.0)), ((-9.0, -9.0), (-5.0, -9.0), (-5.0, -5.0))]
)
def test_polygons_without_an_area_are_painted_as_far_as_they_go(points) -> None:
    painted = {1: 1, 2: 3, 3: 0}[len(points)]
    assert first_polygon_mask([Shape("target", points)], width=8, height=4).sum() == painted
    assert (official_mask([Shape("target", points)], width=8, height=4) == 1).sum() == painted


def test_the_official_mask_joins_targets_and_leaves_flags_out() -> None:
    shapes = [polygon(0, 0, 1, 1, label="FLAG"), polygon(2, 0, 3, 1), polygon(6, 2, 7, 3)]
    mask = official_mask(shapes, width=8, height=4)
    assert (mask == 1).sum() == 8
    assert (mask == 0).sum() == 32 - 8


def test_smaller_shapes_are_painted_over_larger_ones_in_whatever_order() -> None:
    large, small = polygon(0, 0, 7, 3), polygon(2, 1, 3, 2, label="ignore region")
    for shapes in ([large, small], [small, large]):
        mask = official_mask(shapes, width=8, height=4)
        assert ((mask == 1).sum(), (mask == 255).sum()) == (28, 4)
    hidden = official_mask([polygon(2, 1, 3, 2), polygon(0, 0, 7, 3, label="ignore")], width=8, height=4)
    assert ((hidden == 1).sum(), (hidden == 255).sum()) == (4, 28)


def test_of_equal_shapes_the_earlier_lies_on_top() -> None:
    first, second = polygon(0, 0, 3, 3), polygon(2, 0, 5, 3, label="ignore")
    assert official_mask([first, second], width=8, height=4)[0, 2] == 1
    assert official_mask([second, first], width=8, height=4)[0, 2] == 255


def test_an_area_is_what_lies_inside_the_picture() -> None:
    cut_off, inside = polygon(6, 0, 90, 90, label="ignore"), polygon(4, 0, 7, 3)
    assert official_mask([inside, cut_off], width=8, height=4)[0, 7] == 255


def test_ignored_pixels_count_neither_in_the_intersection_nor_in_the_union() -> None:
    gold = official_mask([polygon(0, 0, 3, 3), polygon(2, 0, 3, 3, label="ignore")], width=8, height=4)
    predicted = first_polygon_mask([polygon(1, 0, 4, 3)], width=8, height=4)
    assert overlap_where_counted(predicted, gold) == Overlap(intersection=4, union=4 + 4 + 4)


def test_masks_of_different_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="size"):
        overlap(np.zeros((1, 4), dtype=bool), np.zeros((3, 4), dtype=bool))


def test_definitions_by_hand() -> None:
    overlaps = [Overlap(6, 12), Overlap(0, 0), Overlap(1, 4)]
    assert FIRST_POLYGON.iou(overlaps[0]) == 6 / (12 + 1e-6)
    assert OFFICIAL.iou(overlaps[0]) == 6 / (12 + 1e-5)
    assert FIRST_POLYGON.giou(overlaps) == pytest.approx((0.5 + 0 + 0.25) / 3)
    assert OFFICIAL.giou(overlaps) == pytest.approx((0.5 + 1 + 0.25) / 3, abs=1e-6)
    assert FIRST_POLYGON.ciou(overlaps) == pytest.approx(7 / 16)
    assert OFFICIAL.ciou(overlaps) == pytest.approx(7 / 16)
    assert OFFICIAL.giou([]) is None
    assert FIRST_POLYGON.ciou([]) is None


def test_overlaps_equal_those_of_pycocotools() -> None:
    coco = pytest.importorskip("pycocotools.mask")
    dice = random.Random(0)

    def blob() -> Shape:
        x, y, corners = dice.uniform(10, 50), dice.uniform(10, 30), dice.randint(3, 12)
        angles = [2 * math.pi * corner / corners for corner in range(corners)]
        return Shape("target", tuple((x + 15 * math.cos(angle), y + 12 * math.sin(angle)) for angle in angles))

    for _ in range(50):
        one, other = (first_polygon_mask([blob()], width=64, height=48) for _ in range(2))
        encoded = [coco.encode(np.asfortranarray(mask.astype(np.uint8))) for mask in (one, other)]
        found = overlap(one, other)
        assert found.intersection == coco.area(coco.merge(encoded, intersect=True))
        assert found.union == coco.area(coco.merge(encoded))
        assert FIRST_POLYGON.iou(found) == pytest.approx(coco.iou(encoded[:1], encoded[1:], [0])[0, 0], abs=1e-6)


def test_exact_boxes_of_rectangles_score_one(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    annotate(folder, "a", shape(rectangle(28, 21, 84, 63)))
    annotate(folder, "b", shape(rectangle(21, 28, 63, 84)), size=(84, 112))
    items = [MaskItem(one.image_path, one.shapes, one.box) for one in read_lisa_folder(folder).items]
    scores = score_masks(items, BoxFiller())
    assert scores.first_polygon.giou == pytest.approx(1, abs=1e-6)
    assert scores.official.ciou == pytest.approx(1, abs=1e-6)
    assert scores.to_dict() == {
        "first_polygon": {"giou": 100.0, "ciou": 100.0, "pictures": 2},
        "official": {"giou": 100.0, "ciou": 100.0, "pictures": 2},
        "pictures": 2,
        "without_box": 0,
        "without_shapes": 0,
    }


def test_scores_by_hand(tmp_path: Path) -> None:
    """Pictures of 20 x 10; a box from a to b is painted b - a + 1 wide."""
    shapes = [polygon(0, 0, 9, 9), polygon(12, 0, 15, 9)]  # 100 and 40 pixels
    path = picture(tmp_path)
    exact, shifted, disjoint = (0, 0, 0.45, 0.9), (0.25, 0, 0.7, 0.9), (0.8, 0, 0.99, 0.99)
    scores = score_masks([MaskItem(path, shapes, box) for box in (exact, shifted, disjoint, None)], BoxFiller())
    # Columns 0..9, 5..14, 16..19: intersections with the first shape 100, 50, 0; unions 100, 150, 100 + 40.
    assert scores.first_polygon.ious == pytest.approx((1, 50 / 150, 0, 0), abs=1e-6)
    assert scores.first_polygon.giou == pytest.approx((1 + 1 / 3) / 4, abs=1e-6)
    assert scores.first_polygon.ciou == pytest.approx(150 / (100 + 150 + 140 + 100), abs=1e-6)
    # With the second shape, columns 12..15: intersections 100, 80, 0; unions 140, 160, 180, 140.
    assert scores.official.ious == pytest.approx((100 / 140, 80 / 160, 0, 0), abs=1e-6)
    assert scores.official.ciou == pytest.approx(180 / (140 + 160 + 180 + 140), abs=1e-6)
    assert (scores.pictures, scores.without_box) == (4, 1)


def test_pictures_without_shapes_count_in_the_official_scores_alone(tmp_path: Path) -> None:
    path = picture(tmp_path)
    right = MaskItem(path, [polygon(0, 0, 9, 9)], (0, 0, 0.45, 0.9))
    answered, unanswered = MaskItem(path, [], (0, 0, 0.5, 0.5)), MaskItem(path, [], None)
    scores = score_masks([right, answered, unanswered], BoxFiller())
    assert scores.first_polygon.pictures == 1
    assert scores.first_polygon.giou == pytest.approx(1, abs=1e-6)
    assert scores.first_polygon.ious[1:] == (None, None)
    assert scores.official.pictures == 3
    assert scores.official.ious == pytest.approx((1, 0, 1), abs=1e-6)  # nothing there, and nothing found, is right
    assert scores.without_shapes == 2


def test_a_missing_answer_is_wrong_on_the_pictures_own_size(tmp_path: Path) -> None:
    """Upstream takes the size of the picture before, and breaks at the first."""
    large, small = picture(tmp_path, "large", (40, 30)), picture(tmp_path, "small", (8, 6))
    items = [MaskItem(path, [polygon(0, 0, 3, 3)], None) for path in (small, large)]
    scores = score_masks(items, BoxFiller())
    assert scores.first_polygon.giou == scores.official.giou == 0
    assert score_masks([], BoxFiller()).first_polygon.giou is None


def test_a_box_becomes_whole_pixels_by_cutting() -> None:
    assert prompt_box((0.1009, 0.5, 0.999, 1.0), width=112, height=84) == (11, 42, 111, 84)
    assert prompt_box((0.9, 0.5, 0.1, 0.2), width=100, height=100) == (90, 50, 10, 20)
    assert prompt_box((0, 0, 1e300, 5), width=10, height=10) == (0, 0, 1_000_000, 50)


def test_pictures_come_in_batches_and_progress_is_told(tmp_path: Path) -> None:
    path = picture(tmp_path)
    items = [MaskItem(path, [polygon(0, 0, 9, 9)], box) for box in [(0, 0, 0.5, 0.5)] * 5 + [None]]
    segmenter, told = BoxFiller(batch_size=2), []
    score_masks(items, segmenter, told.append)
    assert segmenter.batches == [2, 2, 1]
    assert sum(told) == 6


def test_evaluation_rows_become_items(tmp_path: Path) -> None:
    folder = reason_seg(tmp_path / "ReasonSeg") / "val"
    items = [MaskItem.from_row(row, tmp_path, None) for row in evaluation_rows(folder)]
    assert [item.shapes for item in items] == [one.shapes for one in read_lisa_folder(folder).items]
    assert all(item.image_path.is_file() for item in items)


@pytest.mark.parametrize("mode", ["CMYK", "P", "L", "RGBA"])
def test_pictures_of_any_mode_reach_the_segmenter_in_rgb(tmp_path: Path, mode: str) -> None:
    class Looking(BoxFiller):
        def segment(self, images, boxes):
            assert {image.mode for image in images} == {"RGB"}
            return super().segment(images, boxes)

    path = tmp_path / f"a.{'jpg' if mode == 'CMYK' else 'png'}"
    Image.new(mode, (20, 10)).save(path)
    assert score_masks([MaskItem(path, [polygon(0, 0, 9, 9)], (0, 0, 0.45, 0.9))], Looking()).pictures == 1


def test_a_picture_turned_by_exif_is_segmented_as_it_is_stored(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (20, 10)).save(tmp_path / "a.jpg", exif=exif)
    item = MaskItem(tmp_path / "a.jpg", [polygon(0, 0, 9, 9)], (0, 0, 0.45, 0.9))
    assert score_masks([item], BoxFiller()).first_polygon.giou == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("box", [None, (0, 0, 1, 1)])
def test_a_missing_picture_is_named(tmp_path: Path, box) -> None:
    with pytest.raises(GpgError, match=r"gone.jpg") as refused:
        score_masks([MaskItem(tmp_path / "gone.jpg", [], box)], BoxFiller())
    assert "--masks off" in refused.value.hint
