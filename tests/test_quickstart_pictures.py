"""The toy task with pictures: what its texts look like, and that what is measured is never trained on."""

import io
import random

import pytest
from PIL import Image

from gpg_cli.grading import Verdict, grade
from gpg_cli.quickstart_pictures import Scene, held_out_pictures, training_scenes

CAREFUL, HASTY = 0.0, 1.0
# Circles are 1, squares 2.
SCENE = Scene((1, 0, 1, 0, 2, 0, 0, 1, 2), seed=4)


@pytest.mark.parametrize(
    ("overlook", "text"),
    [
        (CAREFUL, "<think>2,0,1</think><answer>3</answer>"),
        (HASTY, "<think>2,0</think><answer>2</answer>"),
    ],
)
def test_a_solution_counts_row_by_row(overlook: float, text: str) -> None:
    assert SCENE.solution(overlook, random.Random(0)) == text


def test_hasty_solutions_are_wrong_exactly_where_the_last_row_has_a_circle() -> None:
    for scene in training_scenes(seed=3, count=100):
        for overlook in (CAREFUL, HASTY):
            solution = scene.solution(overlook, random.Random(0))
            right = grade(f"<answer>{scene.answer}</answer>", solution, "vision-training").verdict is Verdict.CORRECT
            assert right == (overlook == CAREFUL or scene.circles[-1] == 0)


def test_a_picture_shows_what_stands_in_its_cells() -> None:
    image = SCENE.draw()
    assert image.size == (84, 84)
    middles = [image.getpixel((column * 28 + 14, row * 28 + 14)) for row in range(3) for column in range(3)]
    assert [middle != (255, 255, 255) for middle in middles] == [kind > 0 for kind in SCENE.cells]
    assert SCENE.encoded() == SCENE.encoded()


def test_the_benchmark_has_300_layouts_that_no_training_draws() -> None:
    rows = held_out_pictures()
    pictures = {row["image"] for row in rows}
    assert len(pictures) == 300
    assert Image.open(io.BytesIO(rows[0]["image"])).size == (84, 84)
    for seed in range(3):
        assert pictures.isdisjoint(scene.encoded() for scene in training_scenes(seed, count=300))
        assert not any(scene.is_held_out for scene in training_scenes(seed, count=2000))
