"""Small drawn data sets in the exact schema of those that the vision presets train on."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset, Features, Image, List, Value
from PIL import Image as Pillow
from PIL import ImageDraw

from tests.vision.lisa_pictures import reason_seg

COLOURS = ("red", "green", "blue", "yellow")
CLASSES = ("rose", "desert-rose", "english_marigold", "Boeing 717")
CLS_PROBLEM = (
    "This is an image containing a plant. Please identify the species of the plant based on the image.\n"
    "Output the thinking process in <think> </think> and final answer in <answer> </answer> tags.The output answer "
    "format should be as follows:\n<think> ... </think> <answer>species name</answer>\n"
    "Please strictly follow the format."
)
_GEOMETRY = ("90°", "\\frac{12}{5}", "8√{3}", "65", "16.5cm")


def encoded(picture: Pillow.Image, kind: str = "PNG") -> bytes:
    held = io.BytesIO()
    picture.save(held, format=kind)
    return held.getvalue()


def circles(count: int, colour: str = "navy", size: tuple[int, int] = (84, 84)) -> Pillow.Image:
    """A picture of some circles, in rows of three."""
    picture = Pillow.new("RGB", size, "white")
    for place in range(count):
        x, y = 4 + 26 * (place % 3), 4 + 26 * (place // 3)
        ImageDraw.Draw(picture).ellipse((x, y, x + 20, y + 20), fill=colour)
    return picture


def triangle(degrees: int, size: tuple[int, int] = (84, 56)) -> Pillow.Image:
    """A picture of a triangle, as in a book of geometry."""
    picture = Pillow.new("RGB", size, "white")
    ImageDraw.Draw(picture).polygon([(4, 50), (80, 50), (degrees % 80, 4)], outline="black")
    return picture


def sat_rows(count: int = 8) -> list[dict[str, Any]]:
    """Rows of SAT's parquet file: counts, one choice with a comma, and in the third row two pictures."""
    rows = []
    for row in range(count):
        answer, others = str(row % 4 + 1), [str((row + step) % 4 + 1) for step in (1, 2)]
        rows.append(
            {
                "image_bytes": [encoded(circles(row % 4 + 1), "JPEG")] * (2 if row == 2 else 1),
                "question": f"How many circles are in picture {row}?",
                "answers": [answer, *others],
                "question_type": "count",
                "correct_answer": answer,
            }
        )
    rows[1] |= {"answers": ["left, then up", "right"], "correct_answer": "left, then up"}
    return rows


def sat_parquet(folder: Path, count: int = 8) -> Path:
    path = folder / "SAT_train.parquet"
    Dataset.from_list(sat_rows(count)).to_parquet(path)
    return path


def sat_json(folder: Path, count: int = 8) -> Path:
    """What upstream's converter makes of it: a list of conversations with paths relative to the file."""
    (folder / "images").mkdir(parents=True)
    rows = []
    for row in range(count):
        circles(row % 4 + 1).save(folder / "images" / f"{row}.png")
        asked = f"<image> Answer in natural language. How many in {row}? Choose between the following options: 1 or 2"
        messages = [{"role": "user", "content": asked}, {"role": "assistant", "content": str(row % 4 + 1)}]
        rows.append({"messages": messages, "images": [f"images/{row}.png"]})
    path = folder / "SAT_train_15000.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path


def cls_rows(count: int = 8) -> list[dict[str, Any]]:
    """Rows of ViRFT_CLS: instructions in the problem, the solution in tags, transparent pictures."""
    return [
        {
            "image": circles(row % 4 + 1, COLOURS[row % 4], (64, 64)).convert("RGBA"),
            "problem": CLS_PROBLEM,
            "solution": f"<answer>{CLASSES[row % 4]}</answer>",
        }
        for row in range(count)
    ]


def cls_parquet(folder: Path, count: int = 8) -> Path:
    return with_image_column(folder / "train-00000-of-00001.parquet", cls_rows(count))


def geoqa_rows(count: int = 8) -> list[dict[str, Any]]:
    """Rows of GEOQA_R1V_Train_8K: a solution has blanks inside its tags."""
    return [
        {
            "image": triangle(20 + 7 * row),
            "problem": f"As shown in figure {row}, how large is the angle?",
            "solution": f"<answer> {_GEOMETRY[row % len(_GEOMETRY)]} </answer>",
        }
        for row in range(count)
    ]


def geoqa_parquet(folder: Path, count: int = 8) -> Path:
    return with_image_column(folder / "train-00000-of-00001.parquet", geoqa_rows(count))


def with_image_column(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """A parquet file with an image column, as the Hub stores it."""
    features = Features({"image": Image(), "problem": Value("string"), "solution": Value("string")})
    Dataset.from_list(list(rows), features=features).to_parquet(path)
    return path


def several_in_a_cell(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """The same with a list of pictures in each cell."""
    features = Features({"images": List(Image()), "problem": Value("string"), "solution": Value("string")})
    made = [{"images": [row["image"]], **{key: row[key] for key in ("problem", "solution")}} for row in rows]
    Dataset.from_list(made, features=features).to_parquet(path)
    return path


def lisa_folder(folder: Path) -> Path:
    """ReasonSeg with three splits; see `reason_seg`."""
    return reason_seg(folder / "ReasonSeg")


# What each preset trains on, drawn into a folder.
OF_PRESET = {
    "sat-cvbench": sat_parquet,
    "sat-cvbench-instruct": sat_json,
    "lisa-grounding": lisa_folder,
    "cls-flowers102": cls_parquet,
    "cls-pets37": cls_parquet,
    "cls-fgvc-aircraft": cls_parquet,
    "cls-cars196": cls_parquet,
    "geoqa": geoqa_parquet,
}
