"""Rows with pictures, from data sets of every shape, and everything that can be wrong with them."""

import json
from pathlib import Path

import datasets
import pytest
from datasets import Dataset
from PIL import Image

from gpg_cli.errors import GpgError
from gpg_cli.training.data import TrainingData, load_training_data
from gpg_cli.training.data.picture_cells import row_pictures
from tests.training.test_data import settings
from tests.vision.data_sets import (
    circles,
    cls_parquet,
    cls_rows,
    encoded,
    geoqa_parquet,
    lisa_folder,
    sat_json,
    sat_parquet,
    sat_rows,
    several_in_a_cell,
    with_image_column,
)
from tests.vision.lisa_pictures import annotate, rectangle, shape

TEXT_GOLD = {"reward_funcs": ["vision_accuracy", "vision_format"]}


def load(dataset: object, *, seed: int = 0, **changes: object) -> TrainingData:
    return load_training_data(settings(dataset, **(TEXT_GOLD | changes)), seed=seed, vision=True)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))


def picture_of(data: TrainingData, row: int) -> Image.Image:
    (picture,) = row_pictures(data.rows[row])
    return picture.load()


def test_an_image_column_of_the_hub_is_read_undecoded(tmp_path: Path) -> None:
    data = load(cls_parquet(tmp_path))
    row = data.rows[1]
    assert set(row) == {"problem", "solution", "images"}
    (cell,) = row["images"]
    assert cell["bytes"].startswith(b"\x89PNG")
    assert row["solution"] == "<answer>desert-rose</answer>"
    assert picture_of(data, 1).getpixel((14, 14)) == (0, 128, 0)
    assert data.columns.describe() == (
        "Reads the problem from 'problem', the picture from 'image', the gold answer from 'solution' (as it stands)."
    )
    assert data.notes == ["4 pictures: 4 converted from transparency."]


def test_lists_of_pictures_are_read(tmp_path: Path) -> None:
    data = load(several_in_a_cell(tmp_path / "rows.parquet", cls_rows(4)))
    assert data.columns.pictures == "images"
    assert [len(cells) for cells in data.rows["images"]] == [1] * 4


def test_geoqa_keeps_the_blanks_of_its_golds(tmp_path: Path) -> None:
    assert load(geoqa_parquet(tmp_path)).rows["solution"][:2] == [
        "<answer> 90° </answer>",
        "<answer> \\frac{12}{5} </answer>",
    ]


def test_paths_are_relative_to_the_file_that_holds_them(tmp_path: Path, json_lines) -> None:
    (tmp_path / "data" / "pictures").mkdir(parents=True)
    circles(1).save(tmp_path / "data" / "pictures" / "a b.png")
    rows = [
        {"image_path": name, "question": "How many?", "ground_truth": "1"}
        for name in ("pictures/a b.png", str(tmp_path / "data" / "pictures" / "a b.png"), "./pictures/a b.png")
    ]
    file = json_lines(*rows, name="data/train.jsonl")
    for dataset in (file, tmp_path / "data"):
        data = load(dataset)
        paths = {str(Path(cell["path"]).resolve()) for (cell,) in data.rows["images"]}
        assert paths == {str(tmp_path / "data" / "pictures" / "a b.png")}
        assert data.rows["solution"] == ["1"] * 3
    Dataset.from_list(rows).to_parquet(tmp_path / "data" / "rows.parquet")
    assert len(load(tmp_path / "data" / "rows.parquet").rows) == 3
    assert data.left_out["faulty_picture"] == 0


def test_a_path_may_be_relative_to_where_the_command_runs(tmp_path: Path, json_lines) -> None:
    circles(1).save("a.png")
    json_lines({"image": "a.png", "problem": "q", "solution": "1"}, name="rows.jsonl")
    (cell,) = load("rows.jsonl").rows[0]["images"]
    assert Path(cell["path"]) == tmp_path / "a.png"


def test_a_folder_of_pictures_with_metadata_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    (folder / "train").mkdir(parents=True)
    lines = []
    for row in range(3):
        circles(row + 1).save(folder / "train" / f"{row}.png")
        lines.append(json.dumps({"file_name": f"{row}.png", "problem": "How many?", "solution": str(row + 1)}))
    (folder / "train" / "metadata.jsonl").write_text("\n".join(lines) + "\n")
    data = load(folder)
    assert data.rows["solution"] == ["1", "2", "3"]
    assert picture_of(data, 0).size == (84, 84)


def test_sat_s_parquet_file_is_read_by_the_protocol(tmp_path: Path) -> None:
    """Rows about two pictures are left out; the choices are shuffled by the seed; one with a comma is not torn."""
    path = sat_parquet(tmp_path)
    data = load(path)
    assert data.left_out["several_pictures"] == 1
    assert "Left out 1 row with several pictures." in data.notes
    assert data.row_numbers == [1, 2, 4, 5, 6, 7, 8]
    assert data.rows["solution"][:3] == ["1", "left, then up", "4"]
    start = " Answer in natural language. How many circles are in picture 1? Choose between the following options: "
    assert data.rows["problem"][1] in (f"{start}left, then up or right", f"{start}right or left, then up")
    assert set(data.rows.column_names) == {"problem", "solution", "question_type", "images"}
    # Rows keep their own picture though one before them is left out.
    (third,) = row_pictures(data.rows[2])
    assert third.content == sat_rows()[3]["image_bytes"][0]
    others = [load(path, seed=seed).rows["problem"] for seed in (0, 1)]
    assert others[0] == data.rows["problem"] != others[1]


def test_choices_are_listed_with_an_or_before_the_last() -> None:
    from gpg_cli.training.data.sat import problem_text

    prefix = " Answer in natural language. q Choose between the following options: "
    for choices, listed in ((["a", "b", "c"], "a, b or c"), (["a", "b"], "a or b"), (["x"], "x")):
        assert problem_text("q", choices) == prefix + listed


def test_the_json_that_upstream_makes_of_sat_is_read(tmp_path: Path) -> None:
    data = load(sat_json(tmp_path / "sat"))
    assert data.rows[0]["problem"] == (
        " Answer in natural language. How many in 0? Choose between the following options: 1 or 2"
    )
    assert data.rows["solution"][:4] == ["1", "2", "3", "4"]
    assert picture_of(data, 3).size == (84, 84)


def test_only_the_first_rows_are_read_where_the_settings_say_so(tmp_path: Path) -> None:
    data = load(sat_parquet(tmp_path), dataset_rows=4)
    assert data.row_numbers == [1, 2, 4]


def test_reasonseg_is_read_from_its_folder(tmp_path: Path) -> None:
    folder = lisa_folder(tmp_path)
    data = load(folder, reward_funcs=["box"])
    assert len(data.rows) == 5
    assert data.rows["solution"][0] == "<answer> (0,0),(1000,1000) </answer>"
    assert "Left out 1 picture whose first shape gives no box." in data.notes
    assert len(load(folder, reward_funcs=["box"], dataset_split="val").rows) == 3
    assert load(folder / "train", reward_funcs=["box"]).sha256 == data.sha256


def test_reasonseg_s_pictures_are_shown_as_they_are_stored(tmp_path: Path) -> None:
    """Their boxes are of the stored picture, whatever EXIF says; those of other data sets are turned."""
    picture = annotate(tmp_path / "set", "a", shape(rectangle(28, 21, 84, 63)))
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (112, 84)).save(picture, exif=exif)
    assert picture_of(load(tmp_path / "set", reward_funcs=["box"]), 0).size == (112, 84)
    rows = [{"image": str(picture), "problem": "q", "solution": "1"}]
    Dataset.from_list(rows).to_parquet(tmp_path / "rows.parquet")
    assert picture_of(load(tmp_path / "rows.parquet"), 0).size == (84, 112)


def test_a_broken_annotation_of_reasonseg_is_named_or_left_out(tmp_path: Path) -> None:
    folder = lisa_folder(tmp_path)
    (folder / "train" / "a_triangle.json").write_text("{")
    with pytest.raises(GpgError, match=r"a_triangle.json") as refused:
        load(folder, reward_funcs=["box"])
    assert "--set faulty_pictures=skip" in refused.value.hint
    data = load(folder, reward_funcs=["box"], faulty_pictures="skip")
    assert len(data.rows) == 4
    assert any(note.startswith("Left out a_triangle.json") for note in data.notes)


@pytest.fixture
def faulty(tmp_path: Path, json_lines) -> Path:
    """Seven rows, of which the first and the last can be used."""
    for row in (1, 2):
        circles(row).save(tmp_path / f"{row}.png")
    whole = encoded(Image.effect_noise((84, 84), 50))
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.png").write_text("no picture")
    names = ["1.png", "missing.png", "cut.png", "text.png", ["1.png", "2.png"], None, "2.png"]
    return json_lines(*({"image": name, "problem": f"q{row}", "solution": "1"} for row, name in enumerate(names)))


def test_a_faulty_picture_is_named_with_its_row(faulty: Path) -> None:
    with pytest.raises(GpgError, match=r"rows.jsonl, row 2: there is no picture .*missing.png") as refused:
        load(faulty)
    assert "(also row 3, 4, 5 and 1 more)" in refused.value.message
    assert "--set faulty_pictures=skip" in refused.value.hint


def test_faulty_pictures_are_left_out_and_counted_when_asked(faulty: Path) -> None:
    data = load(faulty, faulty_pictures="skip")
    assert data.rows["problem"] == ["q0", "q6"]
    assert data.left_out["faulty_picture"] == 5
    assert "Left out 5 rows whose picture cannot be used." in data.notes
    assert [Path(cell["path"]).name for (cell,) in data.rows["images"]] == ["1.png", "2.png"]


@pytest.mark.parametrize(
    ("names", "reason"),
    [(["1.png", "2.png"], "2 pictures where one is expected"), ([], "it has no picture"), ("", "it has no picture")],
)
def test_a_row_has_one_picture(names: object, reason: str, tmp_path: Path, json_lines) -> None:
    for row in (1, 2):
        circles(row).save(tmp_path / f"{row}.png")
    with pytest.raises(GpgError, match=f"row 1: {reason}"):
        load(json_lines({"image": names, "problem": "q", "solution": "1"}))


def test_when_no_picture_can_be_used_no_row_is_left(json_lines) -> None:
    with pytest.raises(GpgError, match="no row is left of 1") as refused:
        load(json_lines({"image": "a.png", "problem": "q", "solution": "1"}), faulty_pictures="skip")
    assert "Left out 1 row whose picture cannot be used." in refused.value.hint


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"image_column": "pictures"}, "no column 'pictures', which image_column names"),
        ({"image_column": "number"}, "row 1: column 'number' holds no picture"),
        ({"reward_funcs": ["vision_accuracy", "accuracy"]}, "vision_accuracy reads the gold as it stands, accuracy as"),
    ],
)
def test_what_does_not_fit_is_named(changes: dict, complaint: str, json_lines) -> None:
    circles(1).save("a.png")
    rows = json_lines({"image": "a.png", "number": 7, "problem": "q", "solution": "1"})
    with pytest.raises(GpgError) as refused:
        load(rows, **changes)
    assert complaint in refused.value.message


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"answers": []}, "'answers' holds no list of texts"),
        ({"question": None}, "question and correct_answer must be"),
    ],
)
def test_a_broken_row_of_sat_is_named(change: dict, complaint: str, tmp_path: Path) -> None:
    rows = sat_rows(4)
    rows[3] |= change
    Dataset.from_list(rows).to_parquet(tmp_path / "rows.parquet")
    with pytest.raises(GpgError, match="row 4") as refused:
        load(tmp_path / "rows.parquet")
    assert complaint in refused.value.message


def test_a_conversation_of_one_message_is_no_row_of_sat(tmp_path: Path) -> None:
    path = sat_json(tmp_path / "sat")
    rows = json.loads(path.read_text())
    rows[1]["messages"] = rows[1]["messages"][:1]
    path.write_text(json.dumps(rows))
    with pytest.raises(GpgError, match="row 2: 'messages' is not one text of a user and one of an assistant"):
        load(path)


def test_empty_golds_are_left_out_and_others_are_not_judged(tmp_path: Path, json_lines) -> None:
    circles(1).save(tmp_path / "a.png")
    golds = ["a sentence that is no mathematics", " ", None, "b"]
    data = load(json_lines(*({"image": "a.png", "problem": f"q{n}", "solution": g} for n, g in enumerate(golds))))
    assert data.rows["solution"] == [golds[0], "b"]
    assert data.left_out["empty_gold"] == 2


def test_the_fingerprint_changes_with_a_picture(tmp_path: Path) -> None:
    one = load(cls_parquet(tmp_path)).sha256
    rows = cls_rows()
    rows[0]["image"] = circles(9)
    other = load(with_image_column(tmp_path / "other.parquet", rows)).sha256
    assert one == load(cls_parquet(tmp_path)).sha256 != other


def test_a_model_that_sees_trains_on_text_where_there_are_no_pictures(json_lines) -> None:
    data = load(json_lines({"problem": "1+1", "answer": "2"}), reward_funcs=["accuracy"])
    assert data.pictures is None
    assert set(data.rows.column_names) == {"problem", "solution", "answer"}
    assert "The data has no pictures: a model that sees is trained on text alone." in data.notes


def test_a_text_model_leaves_pictures_alone(tmp_path: Path) -> None:
    data = load_training_data(settings(cls_parquet(tmp_path), **TEXT_GOLD), seed=0)
    assert "images" not in data.rows.column_names
    assert "Not used, as this trains on text: image." in data.notes


def test_a_process_that_another_one_started_does_not_look_again(faulty: Path) -> None:
    run = settings(faulty, **TEXT_GOLD)
    data = load_training_data(run, seed=0, vision=True, looked_at=True)
    assert len(data.rows) == 7
    assert data.picture_report is None
    skipping = run.model_copy(update={"faulty_pictures": "skip"})
    assert len(load_training_data(skipping, seed=0, vision=True, looked_at=True).rows) == 2


def test_one_question_may_be_asked_of_pictures_in_any_column(tmp_path: Path, json_lines) -> None:
    for row in (1, 2):
        circles(row).save(tmp_path / f"{row}.png")
    rows = json_lines(*({"photo": f"{row}.png", "problem": "How many?", "solution": str(row)} for row in (1, 2)))
    assert len(load(rows, image_column="photo").rows) == 2
