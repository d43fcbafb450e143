"""Masks of an evaluation: asked for before sampling, made of every box, kept until a box changes."""

from pathlib import Path

import pytest
from PIL import Image

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.benches import load_bench
from gpg_cli.evaluation.journal import Sample
from gpg_cli.evaluation.masks.bench import MaskWork, fitting, prepare_masks, read_masks, write_masks
from gpg_cli.evaluation.plan import PlannedBench
from gpg_cli.evaluation.problems import load_problems
from gpg_cli.evaluation.profiles import Style
from gpg_cli.evaluation.prompting import Prepared
from tests.evaluation import drawn
from tests.evaluation.samples import changed
from tests.vision.lisa_pictures import reason_seg

BOXES = ("(250,250),(750,750)", "no box", "(0,0),(500,500)")


def lisa(data: Path) -> Prepared:
    bench = load_bench("lisa-val")
    return Prepared(PlannedBench(bench, load_problems(bench, data, None), bench.sampling, Style(chat=True)), [], [])


def samples(*texts: str) -> list[Sample]:
    return [changed(bench="lisa-val", index=index, completion=text) for index, text in enumerate(texts)]


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    return lisa(reason_seg(tmp_path / "ReasonSeg"))


def work(prepared: Prepared, setting: str, there: list[Sample], kept: dict | None = None) -> MaskWork:
    return prepare_masks([prepared], there, setting, kept or {}, finished=len(there) == 3)


def test_every_sample_has_a_mask_and_one_without_a_box_counts(prepared: Prepared, tiny_sam: Path) -> None:
    scores = work(prepared, str(tiny_sam), []).scores(samples(*BOXES))["lisa-val"]
    assert scores["segmenter"] == str(tiny_sam)
    assert (scores["pictures"], scores["without_box"], scores["without_shapes"]) == (3, 1, 0)
    assert scores["first_polygon"]["pictures"] == 3
    assert 0 <= scores["official"]["ciou"] <= 100


def test_a_folder_keeps_them_until_a_box_changes(prepared: Prepared, tiny_sam: Path, tmp_path: Path) -> None:
    there = samples(*BOXES)
    write_masks(tmp_path, work(prepared, str(tiny_sam), []).scores(there))
    kept = read_masks(tmp_path)
    # The same box in other words, and no segmenter is asked for.
    same = samples(f"It is {BOXES[0]}.", "none", BOXES[2])
    again = work(prepared, str(tiny_sam), same, kept)
    assert again.missing(same) == []
    assert again.scores(same) == kept
    other = samples(BOXES[2], *BOXES[1:])
    assert fitting(kept, other) == {}
    assert again.missing(other) == [prepared]
    assert again.scores(other)["lisa-val"]["boxes"] != kept["lisa-val"]["boxes"]


def test_off_needs_no_segmenter_and_forgets_nothing(prepared: Prepared, tiny_sam: Path) -> None:
    there = samples(*BOXES)
    kept = work(prepared, str(tiny_sam), []).scores(there)
    assert work(prepared, "off", []).scores(there) == {}
    assert work(prepared, "off", there, kept).scores(there) == kept
    assert prepare_masks([], [], "on", {}, finished=False).benches == []


@pytest.mark.parametrize("setting", ["on", "org/sam", "empty"])
def test_a_segmenter_that_cannot_be_had_is_told_before_the_first_sample(
    prepared: Prepared, tmp_path: Path, setting: str
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(GpgError) as caught:
        work(prepared, str(tmp_path / setting) if setting == "empty" else setting, [])
    assert "--masks off" in caught.value.hint


def test_a_segmenter_without_weights_is_refused(prepared: Prepared, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "sam"}')
    with pytest.raises(GpgError, match="has no weights in safetensors"):
        work(prepared, str(tmp_path), [])


def test_rows_without_any_shapes_are_no_masks(tmp_path: Path, tiny_sam: Path) -> None:
    Image.new("RGB", (112, 84)).save(tmp_path / "a.jpg")
    item = lisa(drawn.write_lines(tmp_path / "rows.jsonl", [{"image": "a.jpg", "instruction": "?", "box": "[]"}]))
    with pytest.raises(GpgError, match="no row of lisa-val has shapes") as caught:
        work(item, str(tiny_sam), [])
    assert "--masks off" in caught.value.hint


@pytest.mark.parametrize("shapes", [[{"label": "target"}], [{"label": "target", "points": []}], ["target"], [[1, 2]]])
def test_shapes_that_no_mask_can_be_made_of_are_told_before_the_first_sample(
    tmp_path: Path, tiny_sam: Path, shapes: list
) -> None:
    Image.new("RGB", (112, 84)).save(tmp_path / "a.jpg")
    row = {"image": "a.jpg", "instruction": "?", "box": "[]", "width": 112, "height": 84, "shapes": shapes}
    item = lisa(drawn.write_lines(tmp_path / "rows.jsonl", [row]))
    with pytest.raises(GpgError, match="row 1 of lisa-val has shapes that are not as"):
        work(item, str(tiny_sam), [])
