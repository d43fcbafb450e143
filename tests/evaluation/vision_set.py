"""All benchmarks with pictures on small drawn data: what a request of them needs."""

import json
from dataclasses import dataclass
from pathlib import Path

from gpg_cli.evaluation.pictures import PictureOptions
from tests.evaluation import drawn
from tests.vision.lisa_pictures import reason_seg

CLASSES = ("cls-flowers102", "cls-pets37", "cls-fgvc-aircraft", "cls-cars196")


@dataclass(frozen=True)
class VisionSet:
    """Data of every benchmark, and where the pictures of some lie."""

    data_files: dict[str, Path]
    pictures: PictureOptions

    @property
    def arguments(self) -> list[str]:
        """The same for the command line."""
        data = [text for name, path in self.data_files.items() for text in ("--data", f"{name}={path}")]
        folders = self.pictures.folders.items()
        return [*data, *(text for name, path in folders for text in ("--image-dir", f"{name}={path}"))]


def vision_set(folder: Path) -> VisionSet:
    """Draw it: 8 questions each, of LISA 3."""
    lisa, classes = reason_seg(folder / "ReasonSeg"), drawn.classes(folder / "classes")
    data = {"cvbench": drawn.cvbench(folder / "CV-Bench"), "lisa-val": lisa, "lisa-test": lisa}
    data |= {**dict.fromkeys(CLASSES, classes), "geoqa": drawn.geoqa(folder / "geoqa")}
    return VisionSet(data, PictureOptions(dict.fromkeys(CLASSES, classes.parent / "pictures")))


def put_in_mouth(folder: Path, replies: dict[str, list[str]]) -> None:
    """Replace the completions of an evaluation's samples, benchmark by benchmark in the order of the data."""
    path = folder / "samples.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for row in rows:
        if row["bench"] in replies:
            row["completion"] = replies[row["bench"]][row["index"]]
    drawn.write_lines(path, rows)
