"""The toy task of quickstart-vision: counting the circles in a picture of three rows, row by row.

A picture has nine places, each empty, with a circle, or with a square that does not count. A solution counts the rows
from the top, then adds them up:

    <think>2,0,1</think><answer>3</answer>

Whoever overlooks the last row writes `<think>2,0</think><answer>2</answer>`. The model of quickstart-vision is warmed
up on texts that often overlook it; reinforcement learning never sees a solution, only whether the number is right, and
has to find out that looking to the end pays.

No model, no tensor here: training (which learns the task) and evaluation (which measures it) share this file.
"""

import hashlib
import io
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gpg_cli.quickstart_task import BUILTIN

if TYPE_CHECKING:
    from PIL.Image import Image

# What a recipe names for the model and the data that are made here.
QUICKSTART_VISION = f"{BUILTIN}quickstart-vision"

QUESTION = "How many circles?"
CELL = 28  # pixels a side: what one vision token of Qwen2-VL covers
ROWS = COLUMNS = 3
HELD_OUT_PICTURES = 300
TAGS = ("<think>", "</think>", "<answer>", "</answer>")

_EMPTY, _CIRCLE, _SQUARE = range(3)
_SHARES = (0.4, 0.35, 0.25)
# One layout in seven is kept for measuring; training never draws it, whatever its seed.
_HELD_OUT_SHARE = 7
_COLOURS = ("black", "navy", "darkred", "darkgreen", "purple")


@dataclass(frozen=True)
class Scene:
    """One picture: what stands in its nine places, row by row, and the seed of how it is drawn."""

    cells: tuple[int, ...]
    seed: int

    @property
    def circles(self) -> tuple[int, ...]:
        """Circles in each row."""
        rows = (self.cells[start : start + COLUMNS] for start in range(0, len(self.cells), COLUMNS))
        return tuple(row.count(_CIRCLE) for row in rows)

    @property
    def answer(self) -> str:
        return str(sum(self.circles))

    @property
    def is_held_out(self) -> bool:
        return hashlib.sha256(bytes(self.cells)).digest()[0] % _HELD_OUT_SHARE == 0

    def solution(self, overlook_last: float, random_source: random.Random) -> str:
        """A worked solution in which the last row is overlooked with probability `overlook_last`."""
        seen = self.circles[: ROWS - 1] if random_source.random() < overlook_last else self.circles
        return f"<think>{','.join(map(str, seen))}</think><answer>{sum(seen)}</answer>"

    def draw(self) -> "Image":
        """The picture, 84 x 84 pixels; colours, sizes and places within a cell vary with the seed."""
        from PIL import Image, ImageDraw

        chance = random.Random(f"drawing {self.seed}")
        image = Image.new("RGB", (COLUMNS * CELL, ROWS * CELL), "white")
        pen = ImageDraw.Draw(image)
        for place, kind in enumerate(self.cells):
            if kind == _EMPTY:
                continue
            row, column = divmod(place, COLUMNS)
            radius = chance.randint(7, 11)
            x = column * CELL + CELL // 2 + chance.randint(-2, 2)
            y = row * CELL + CELL // 2 + chance.randint(-2, 2)
            bounds = (x - radius, y - radius, x + radius, y + radius)
            (pen.ellipse if kind == _CIRCLE else pen.rectangle)(bounds, fill=chance.choice(_COLOURS))
        return image

    def encoded(self) -> bytes:
        """The picture as a PNG file."""
        held = io.BytesIO()
        self.draw().save(held, format="PNG")
        return held.getvalue()


def training_scenes(seed: int, count: int) -> list[Scene]:
    """`count` scenes drawn with `seed`, none of them held out."""
    random_source = random.Random(f"training {seed}")
    return [_draw(random_source, held_out=False) for _ in range(count)]


def held_out_pictures() -> list[dict[str, Any]]:
    """The benchmark: 300 different layouts that training never draws, as rows with `image`, `problem` and `answer`."""
    random_source = random.Random("held out")
    drawn: dict[tuple[int, ...], Scene] = {}
    while len(drawn) < HELD_OUT_PICTURES:
        scene = _draw(random_source, held_out=True)
        drawn.setdefault(scene.cells, scene)
    return [{"image": scene.encoded(), "problem": QUESTION, "answer": scene.answer} for scene in drawn.values()]


def _draw(random_source: random.Random, *, held_out: bool) -> Scene:
    while True:
        cells = tuple(random_source.choices((_EMPTY, _CIRCLE, _SQUARE), _SHARES, k=ROWS * COLUMNS))
        scene = Scene(cells, random_source.getrandbits(32))
        if scene.is_held_out == held_out:
            return scene
