"""Small drawn pictures annotated in the exact schema of ReasonSeg."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

Points = Sequence[tuple[float, float]]


def rectangle(x1: float, y1: float, x2: float, y2: float) -> Points:
    """The corners of an upright rectangle, in pixels."""
    return [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]


def shape(points: Points, label: str = "target") -> dict[str, Any]:
    return {"label": label, "points": [list(point) for point in points]}


def annotate(
    folder: Path,
    name: str,
    *shapes: dict[str, Any],
    size: tuple[int, int] = (112, 84),
    text: Sequence[str] = ("the thing that holds water",),
) -> Path:
    """Write NAME.jpg, on which the shapes are drawn, and NAME.json; return the picture's path."""
    folder.mkdir(parents=True, exist_ok=True)
    picture = Image.new("RGB", size, "white")
    for each in shapes:
        ImageDraw.Draw(picture).polygon([tuple(point) for point in each["points"]], fill="navy")
    picture.save(folder / f"{name}.jpg")
    annotation = {"text": list(text), "is_sentence": len(text[0].split()) > 3, "shapes": list(shapes)}
    (folder / f"{name}.json").write_text(json.dumps(annotation), encoding="utf-8")
    return folder / f"{name}.jpg"


def reason_seg(folder: Path) -> Path:
    """A set of three splits whose pictures cover what the real one holds."""
    train, val, test = (folder / split for split in ("train", "val", "test"))
    annotate(
        train, "b_rectangle", shape(rectangle(28, 21, 84, 63)), text=["the cup", "what holds tea", "drink from it"]
    )
    annotate(train, "a_triangle", shape([(56, 0), (112, 84), (0, 84)]))
    annotate(train, "c_two_targets", shape(rectangle(10, 20, 30, 40)), shape(rectangle(60, 20, 110, 80)))
    annotate(train, "d_empty", text=["where is nobody?", "nobody"])
    annotate(val, "portrait", shape(rectangle(21, 28, 63, 84)), size=(84, 112))
    annotate(val, "ignored", shape(rectangle(0, 0, 56, 42)), shape(rectangle(28, 0, 56, 42), "ignore"))
    annotate(val, "flag_first", shape(rectangle(0, 0, 28, 21), "flag"), shape(rectangle(56, 42, 112, 84)))
    annotate(test, "decimal", shape(rectangle(10.5, 8.4, 100.8, 75.6)))
    annotate(test, "empty")
    annotate(test, "triangle", shape([(56, 0), (112, 84), (0, 84)]))
    return folder
