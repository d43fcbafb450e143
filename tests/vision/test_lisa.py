"""ReasonSeg as rows: boxes, prompts, what is left out and what is refused."""

import json
from pathlib import Path

import pytest
from PIL import Image

from gpg_cli.errors import GpgError
from gpg_cli.vision.lisa import LisaItem, Shape, evaluation_rows, training_rows
from gpg_cli.vision.lisa_files import write_lisa_file
from gpg_cli.vision.lisa_folder import read_lisa_folder
from tests.vision.lisa_pictures import annotate, reason_seg, rectangle, shape


@pytest.fixture
def data_set(tmp_path: Path) -> Path:
    return reason_seg(tmp_path / "ReasonSeg")


def item(*points: tuple[float, float], size: tuple[int, int] = (100, 200)) -> LisaItem:
    return LisaItem(Path("a.jpg"), *size, ("the cup",), (Shape("target", points),))


def test_one_training_row_an_instruction_sorted_by_picture(data_set: Path) -> None:
    rows = training_rows(data_set / "train")
    assert [Path(row["image"]).stem for row in rows] == ["a_triangle", *["b_rectangle"] * 3, "c_two_targets"]
    assert set(rows[0]) == {"image", "problem", "solution"}
    assert [row["solution"] for row in rows] == [
        "<answer> (0,0),(1000,1000) </answer>",
        *["<answer> (250,250),(750,750) </answer>"] * 3,
        "<answer> (89,238),(267,476) </answer>",  # 10/112 20/84 30/112 40/84: the first target alone, rounded down
    ]


def test_the_prompt_is_the_protocols_to_the_letter(data_set: Path) -> None:
    assert training_rows(data_set / "train")[2]["problem"] == (
        "Output the bounding box in the image corresponding to the instruction: what holds tea Output the thinking "
        'process in <think> </think> and your grouding box. Following "<think> thinking process </think>\n'
        '<answer>(x1,y1),(x2,y2)</answer>)" format.'
    )


def test_an_instruction_with_braces_stays_as_it_is(tmp_path: Path) -> None:
    annotate(tmp_path / "set", "a", shape(rectangle(1, 1, 50, 50)), text=["what is {this}?"])
    assert "instruction: what is {this}? Output" in training_rows(tmp_path / "set")[0]["problem"]


def test_one_evaluation_row_a_picture_with_its_first_instruction(data_set: Path) -> None:
    ignored, portrait = evaluation_rows(data_set / "val")[1:]
    assert json.loads(portrait["box"]) == [0.25, 0.25, 0.75, 0.75]
    assert (portrait["width"], portrait["height"]) == (84, 112)
    assert [each["label"] for each in ignored["shapes"]] == ["target", "ignore"]
    train = evaluation_rows(data_set / "train")
    assert [row["instruction"] for row in train][1] == "the cup"
    assert [row["box"] for row in train][3] == "[]"


def test_the_first_shape_counts_even_a_flag(data_set: Path) -> None:
    assert json.loads(evaluation_rows(data_set / "val")[0]["box"]) == [0, 0, 0.25, 0.25]


def test_a_box_ends_at_the_pictures_edge() -> None:
    beyond = item((-10, 50), (60, 250))
    assert beyond.has_points_outside
    assert beyond.pixel_box == (0, 50, 60, 200)
    assert beyond.box_text == "(0,250),(600,1000)"


@pytest.mark.parametrize(
    ("points", "box", "text"),
    [
        (((10, 10), (10, 90)), None, None),  # a line
        (((10, 10),), None, None),
        (((150, 10), (190, 90)), None, None),  # beside the picture
        (((10.01, 10), (10.09, 90)), (0.1001, 0.05, 0.1009, 0.45), None),  # 0.8 thousandths wide
        (((10, 10), (20, 90)), (0.1, 0.05, 0.2, 0.45), "(100,50),(200,450)"),
    ],
)
def test_a_box_needs_an_area(points, box, text) -> None:
    one = item(*points)
    assert one.box == (None if box is None else pytest.approx(box))
    assert one.box_text == text
    assert len(one.training_rows()) == (text is not None)


def test_thousandths_are_rounded_down_as_upstream_computes_them() -> None:
    one = item((29, 57), (99.99, 199.9))
    assert one.box_text == f"({int(29 / 100 * 1000)},{int(57 / 200 * 1000)}),(999,999)"


def test_pixels_are_those_of_the_stored_picture_whatever_exif_says(tmp_path: Path) -> None:
    picture = annotate(tmp_path / "set", "a", shape(rectangle(28, 21, 84, 63)))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    Image.new("RGB", (112, 84)).save(picture, exif=exif)
    (one,) = read_lisa_folder(tmp_path / "set").items
    assert (one.width, one.height, one.exif_rotated) == (112, 84, True)
    assert one.box_text == "(250,250),(750,750)"


def test_sizes_are_read_without_decoding(tmp_path: Path) -> None:
    picture = annotate(tmp_path / "set", "a", shape(rectangle(28, 21, 84, 63)))
    Image.effect_noise((112, 84), 50).save(picture)
    content = picture.read_bytes()
    picture.write_bytes(content[: len(content) // 2])
    assert read_lisa_folder(tmp_path / "set").items[0].width == 112
    with pytest.raises(OSError, match="truncated"):
        Image.open(picture).load()


def test_an_annotation_of_an_older_windows_is_read(tmp_path: Path) -> None:
    annotate(tmp_path / "set", "a", shape(rectangle(1, 1, 50, 50)))
    annotation = {"text": ["the caf\u00e9\u2019s sign"], "is_sentence": False, "shapes": []}
    (tmp_path / "set" / "a.json").write_bytes(json.dumps(annotation, ensure_ascii=False).encode("cp1252"))
    assert read_lisa_folder(tmp_path / "set").items[0].instructions == ("the café’s sign",)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "is not JSON"),
        ("[]", "is not a JSON object"),
        ('{"shapes": []}', "'text' is no list of instructions"),
        ('{"text": ["  "], "shapes": []}', "'text' holds an instruction that is no text, or empty"),
        ('{"text": ["a"]}', "'shapes' is no list"),
        ('{"text": ["a"], "shapes": [{"label": "target", "points": []}]}', "shape 1 needs a label and points"),
        ('{"text": ["a"], "shapes": [{"points": [[1, 2]]}]}', "shape 1 needs a label and points"),
        ('{"text": ["a"], "shapes": [{"label": "t", "points": [[1, NaN]]}]}', "shape 1 has a point"),
        ('{"text": ["a"], "shapes": [{"label": "t", "points": [[1, 1e999]]}]}', "shape 1 has a point"),
        ('{"text": ["a"], "shapes": [{"label": "t", "points": [[1, 2, 3]]}]}', "shape 1 has a point"),
    ],
)
def test_a_broken_annotation_is_named_or_left_out(data_set: Path, content: str, reason: str) -> None:
    (data_set / "val" / "portrait.json").write_text(content)
    with pytest.raises(GpgError, match=r"portrait.json") as refused:
        evaluation_rows(data_set / "val")
    assert reason in refused.value.message
    assert "--skip-faulty" in refused.value.hint
    found = read_lisa_folder(data_set / "val", skip_faulty=True)
    assert [fault.name for fault in found.faults] == ["portrait.json"]
    assert len(found.items) == 2
    assert len(evaluation_rows(data_set / "val", skip_faulty=True)) == 2


def test_a_picture_that_is_missing_or_no_picture_is_named(data_set: Path) -> None:
    (data_set / "val" / "portrait.jpg").unlink()
    (data_set / "val" / "ignored.jpg").write_text("no picture")
    with pytest.raises(GpgError, match=r"ignored.jpg cannot be read.*1 more"):
        read_lisa_folder(data_set / "val")
    faults = read_lisa_folder(data_set / "val", skip_faulty=True).faults
    assert [fault.name for fault in faults] == ["ignored.json", "portrait.json"]
    assert faults[1].reason == "its picture portrait.jpg is missing"


def test_a_picture_without_annotation_is_passed_over_and_named(data_set: Path) -> None:
    (data_set / "val" / "portrait.json").unlink()
    found = read_lisa_folder(data_set / "val")
    assert found.unannotated == ("portrait.jpg",)
    assert len(found.items) == 2


def test_other_endings_of_pictures_are_found(tmp_path: Path) -> None:
    for name, ending in (("a", ".JPG"), ("b", ".png")):
        picture = annotate(tmp_path / "set", name, shape(rectangle(1, 1, 50, 50)))
        Image.open(picture).save(tmp_path / "set" / f"{name}_", format="png")
        picture.unlink()
        (tmp_path / "set" / f"{name}_").rename(picture.with_suffix(ending))
    assert [one.image_path.name for one in read_lisa_folder(tmp_path / "set").items] == ["a.JPG", "b.png"]


def test_a_folder_without_annotations_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GpgError, match="there is no folder"):
        training_rows(tmp_path / "missing")
    with pytest.raises(GpgError, match="no usable annotation"):
        training_rows(tmp_path)


def test_the_command_writes_training_rows_with_paths_relative_to_the_file(gpg, data_set: Path, tmp_path: Path) -> None:
    outcome = gpg("data", "lisa", data_set, "--split", "train", "--to", tmp_path / "rows" / "lisa.jsonl")
    assert outcome.code == 0
    wrote, left_out, elsewhere = outcome.out.splitlines()
    assert elsewhere.endswith(f"--image-dir {data_set / 'train'}")
    assert wrote.endswith("lisa.jsonl: 5 training rows of 3 pictures.")
    assert left_out == "  1 pictures without shapes, left out: d_empty.jpg"
    rows = [json.loads(line) for line in (tmp_path / "rows" / "lisa.jsonl").read_text().splitlines()]
    assert rows[0]["image"] == "../ReasonSeg/train/a_triangle.jpg"
    assert (tmp_path / "rows" / rows[0]["image"]).is_file()


def test_the_command_writes_evaluation_rows_and_counts_as_json(gpg, data_set: Path) -> None:
    outcome = gpg("data", "lisa", data_set / "test", "--eval", "--to", "test.jsonl", "--json")
    assert outcome.json["rows"] == outcome.json["pictures"] == 3
    assert outcome.json["without_shapes"] == ["empty.jpg"]
    rows = [json.loads(line) for line in Path("test.jsonl").read_text().splitlines()]
    assert json.loads(rows[0]["box"]) == pytest.approx([10.5 / 112, 0.1, 0.9, 0.9])
    assert rows[1]["box"] == "[]"


def test_the_command_says_what_it_met(gpg, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    annotate(folder, "outside", shape(rectangle(-5, 10, 50, 50)))
    annotate(folder, "flat", shape([(10, 10), (60, 10)]))
    annotate(folder, "broken")
    (folder / "broken.json").write_text("{")
    annotate(folder, "thin", shape(rectangle(50.01, 10, 50.02, 50)))
    Image.new("RGB", (28, 28)).save(folder / "lonely.jpg")
    assert gpg("data", "lisa", folder, "--to", "rows.jsonl").code == 2
    lines = gpg("data", "lisa", folder, "--to", "rows.jsonl", "--skip-faulty").out.splitlines()
    assert lines[0] == "Wrote rows.jsonl: 1 training rows of 1 pictures."
    assert [line.split(":")[1].strip() for line in lines[1:]] == [
        "broken.json",
        "flat.jpg",
        "thin.jpg",
        "lonely.jpg",
        "outside.jpg",
    ]


def test_the_command_refuses_in_words(gpg, data_set: Path) -> None:
    for arguments, words in (
        ((data_set, "--to", "a.jsonl"), "holds several splits: train, val, test"),
        ((data_set, "--to", "a.jsonl", "--split", "dev"), "--split 'dev' is not known"),
        ((data_set / "val", "--to", "a.jsonl", "--split", "test"), "has no split 'test'"),
        ((data_set / "val", "--to", "a.json"), "does not end in .jsonl"),
        (("nowhere", "--to", "a.jsonl"), "there is no folder nowhere"),
    ):
        outcome = gpg("data", "lisa", *arguments)
        assert outcome.code == 2
        assert words in outcome.error_lines[0]
    assert not list(Path().glob("a.json*"))


def test_a_file_is_replaced_only_when_asked(data_set: Path) -> None:
    Path("rows.jsonl").write_text("mine\n")
    with pytest.raises(GpgError, match=r"rows.jsonl exists"):
        write_lisa_file(data_set / "val", Path("rows.jsonl"))
    assert Path("rows.jsonl").read_text() == "mine\n"
    assert write_lisa_file(data_set / "val", Path("rows.jsonl"), split="val", overwrite=True).rows == 3


def test_a_split_whose_pictures_have_no_box_gives_no_training_file(tmp_path: Path) -> None:
    annotate(tmp_path / "set", "empty")
    with pytest.raises(GpgError, match="gives no training rows"):
        write_lisa_file(tmp_path / "set", Path("rows.jsonl"))
