"""Where pictures lie and whether they can be used, found out before a model loads."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.benches import load_bench
from gpg_cli.evaluation.pictures import PictureOptions, check_picture_options, checked, read_picture_folders
from gpg_cli.evaluation.problems import ProblemSet, load_problems
from tests.evaluation import drawn

GEOQA, FLOWERS, MATH500 = load_bench("geoqa"), load_bench("cls-flowers102"), load_bench("math500")


def loaded(data: Path, folder: Path | None = None, options: PictureOptions | None = None) -> ProblemSet:
    bench = GEOQA if data.name.startswith("geoqa") else FLOWERS
    problems = load_problems(bench, data, None, picture_folder=folder)
    return checked(bench, problems, options or PictureOptions())


def test_a_path_is_relative_to_the_data_file(tmp_path: Path) -> None:
    problems = loaded(drawn.geoqa(tmp_path / "prompts")).problems
    assert [problem.pictures[0].size() for problem in problems] == [(84, 56)] * 8


@pytest.mark.parametrize("folder", ["elsewhere", "elsewhere/Geo170K/images/test"])
def test_another_folder_is_searched_by_path_then_by_name(tmp_path: Path, folder: str) -> None:
    data = drawn.geoqa(tmp_path / "elsewhere").rename(tmp_path / "geoqa.jsonl")
    with pytest.raises(GpgError, match=r"row 1: there is no picture .*0\.png \(and 7 more rows\)") as caught:
        loaded(data)
    assert "--image-dir geoqa=DIR" in caught.value.hint
    assert len(loaded(data, tmp_path / folder).problems) == 8


def test_a_picture_without_a_question_is_known_by_its_name(tmp_path: Path) -> None:
    problems = loaded(drawn.classes(tmp_path), tmp_path / "pictures").problems
    assert (problems[2].text, problems[2].gold) == ("image_00002.jpg", "desert-rose")


def test_a_number_is_not_the_name_of_a_class(json_lines: Callable[..., Path]) -> None:
    with pytest.raises(GpgError, match="row 1: column 'label' holds nothing usable"):
        loaded(json_lines({"image": "a.jpg", "label": 7}))


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("gone.png", r"there is no picture .*gone\.png"),
        ("text.png", r"text\.png is no picture that can be read"),
        ("cut.jpg", r"cut\.jpg cannot be decoded"),
        ("thin.png", "more than 200 times as long as wide"),
        (["a.png", "a.png"], "2 pictures where one is expected"),
        (None, "no pictures where one is expected"),
    ],
)
def test_a_row_whose_picture_cannot_be_used_stops_or_is_left_out(
    tmp_path: Path, cell: object, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn.save_drawing(tmp_path / "a.png")
    (tmp_path / "text.png").write_text("no picture")
    whole = drawn.save_drawing(tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    drawn.drawing(0, size=(1000, 3)).save(tmp_path / "thin.png")
    rows = [{"image_path": path, "question": "?", "ground_truth": "1"} for path in (["a.png"], cell, "a.png")]
    data = drawn.write_lines(tmp_path / "geoqa.jsonl", rows)
    with pytest.raises(GpgError, match=rf"geoqa\.jsonl, row 2: .*{reason}") as caught:
        loaded(data)
    assert "--skip-faulty" in caught.value.hint
    left = loaded(data, options=PictureOptions(skip_faulty=True))
    assert [problem.index for problem in left.problems] == [0, 2]
    assert left.available == 3
    assert "geoqa: 1 rows are left out" in capsys.readouterr().err


def test_where_no_picture_can_be_used_there_is_nothing_to_measure(tmp_path: Path) -> None:
    data = drawn.write_lines(tmp_path / "geoqa.jsonl", [{"image_path": "0.png", "question": "?", "ground_truth": "1"}])
    with pytest.raises(GpgError, match="no row has a picture that can be used"):
        loaded(data, options=PictureOptions(skip_faulty=True))


def test_what_is_worth_knowing_about_pictures_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawn.drawing(0).convert("CMYK").save(tmp_path / "0.jpg")
    rows = [{"image_path": "0.jpg", "question": "?", "ground_truth": "1"}]
    loaded(drawn.write_lines(tmp_path / "geoqa.jsonl", rows), options=PictureOptions(max_pixels=1000))
    assert "geoqa: 1 pictures: 1 converted from CMYK, 1 scaled down to 1,000 pixels." in capsys.readouterr().err


def test_folders_on_the_command_line(tmp_path: Path) -> None:
    folders = read_picture_folders(["flowers", "geoqa=a=b"])
    assert folders == {"": Path("flowers"), "geoqa": Path("a=b")}
    options = PictureOptions(folders)
    assert (options.folder("geoqa"), options.folder("cls-cars196")) == (Path("a=b"), Path("flowers"))


@pytest.mark.parametrize("texts", [["=a"], ["geoqa="], [""], ["a", "b"], ["geoqa=a", "geoqa=b"]])
def test_folders_that_cannot_be_meant(texts: list[str]) -> None:
    with pytest.raises(GpgError, match="--image-dir"):
        read_picture_folders(texts)


def test_options_about_pictures_need_a_benchmark_with_pictures(tmp_path: Path) -> None:
    for name in ("", "math500", "geoqua"):
        with pytest.raises(GpgError, match="is for no benchmark with pictures") as caught:
            check_picture_options(PictureOptions({name: tmp_path}), [MATH500] if name == "" else [MATH500, GEOQA])
    assert "Did you mean geoqa?" in caught.value.hint
    with pytest.raises(GpgError, match="there is no folder nowhere"):
        check_picture_options(PictureOptions({"geoqa": Path("nowhere")}), [GEOQA])


def test_a_choice_that_is_not_there_is_refused(json_lines: Callable[..., Path]) -> None:
    bench = load_bench("cvbench")
    row = {"prompt": "Which?", "image": "a.png", "choices": ["x", "y"], "answer": "(B)"}
    problem = load_problems(bench, json_lines(row), None).problems[0]
    assert json.loads(str(problem.gold)) == ["(B)", "x", "y"]
    for change in ({"answer": "(C)"}, {"choices": "x, y"}, {"choices": [1, 2]}):
        with pytest.raises(GpgError, match="row 1: column 'answer' holds nothing usable"):
            load_problems(bench, json_lines(row | change), None)
