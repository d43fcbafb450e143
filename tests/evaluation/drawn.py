"""Small data sets of drawn pictures, in the exact schema of those that the benchmarks with pictures read."""

import io
import json
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

TASKS = ("Count", "Relation", "Depth", "Distance")
COLOURS = ("crimson", "navy", "gold", "seagreen", "orchid", "sienna", "teal", "tomato")


def drawing(number: int, size: tuple[int, int] = (84, 56)) -> Image.Image:
    """As many circles as the number says, in a colour that it chooses."""
    picture = Image.new("RGB", size, COLOURS[(number + 3) % len(COLOURS)])
    drawn = ImageDraw.Draw(picture)
    for place in range(number + 1):
        left, top = 4 + 20 * (place % 4), 4 + 18 * (place // 4 % 3)
        drawn.ellipse((left, top, left + 14, top + 14), fill=COLOURS[number % len(COLOURS)])
    return picture


def save_drawing(path: Path, number: int = 0, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    drawing(number).save(path, **options)
    return path


def cvbench(folder: Path, rows: int = 8) -> Path:
    """A parquet file with pictures inside, two questions of each task, the right letters spread over (A) to (D)."""
    from datasets import Dataset, Features, Image, List, Value

    def row(number: int) -> dict[str, Any]:
        task = TASKS[number % len(TASKS)]
        flat = task in TASKS[:2]
        choices = ["3", "2", "1", "0"] if task == "Count" else ["chair", "table"]
        listed = " ".join(f"({letter}) {choice}" for letter, choice in zip("ABCD", choices, strict=False))
        question = "How many organs are in the image?" if task == "Count" else "Which is meant?"
        held = io.BytesIO()
        drawing(number).save(held, format="JPEG")
        return {
            "idx": number,
            "type": "2D" if flat else "3D",
            "task": task,
            "image": {"bytes": held.getvalue(), "path": None},
            "question": question,
            "choices": choices,
            "answer": f"({'ABCD'[number // 4 % len(choices)]})",
            "prompt": f"{question} Select from the following choices.\n{listed}",
            "source": ("ADE20K", "COCO", "Omni3D", "Omni3D")[number % 4],
        }

    texts = ("type", "task", "question", "answer", "prompt", "source")
    features = {"idx": Value("int64"), **dict.fromkeys(texts, Value("string"))}
    features |= {"image": Image(), "choices": List(Value("string"))}
    path = folder / "test.parquet"
    folder.mkdir(parents=True, exist_ok=True)
    Dataset.from_list([row(number) for number in range(rows)], features=Features(features)).to_parquet(path)
    return path


def geoqa(folder: Path) -> Path:
    """A data file and, in the folder beside it that its paths name, the figures; golds of every shape there is."""
    golds = ("140°", "65", r"\frac{12}{5}", "8√{3}", "4πcm", "√{3}", "12米", "16.5cm")
    paths = [f"./Geo170K/images/test/{number}.png" for number in range(len(golds))]
    for number, path in enumerate(paths):
        save_drawing(folder / path, number)
    rows = [
        {"image_path": path, "question": f"Find angle {number}.", "ground_truth": gold}
        for number, (path, gold) in enumerate(zip(paths, golds, strict=True))
    ]
    return write_lines(folder / "geoqa_test_prompts.jsonl", rows)


def classes(folder: Path, names: tuple[str, ...] = ("rose", "desert-rose", "water_lily", "Boeing 717")) -> Path:
    """Two pictures of each class in pictures/, and rows of file names and labels beside it."""
    rows = []
    for number in range(2 * len(names)):
        name = f"image_{number:05}.jpg"
        save_drawing(folder / "pictures" / name, number)
        rows.append({"image": name, "label": names[number // 2]})
    return write_lines(folder / "classes.jsonl", rows)


def write_lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path
