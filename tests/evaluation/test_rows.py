"""Where the rows of a benchmark come from: files, folders, parquet with pictures inside, ReasonSeg."""

import json
from pathlib import Path

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.benches import load_bench
from gpg_cli.evaluation.problems import load_problems
from gpg_cli.evaluation.rows import load_rows
from gpg_cli.vision.lisa_files import write_lisa_file
from tests.evaluation import drawn
from tests.vision.lisa_pictures import annotate, reason_seg


def test_parquet_gives_pictures_undecoded_and_choices_with_the_right_letter(tmp_path: Path) -> None:
    path = drawn.cvbench(tmp_path / "CV-Bench")
    loaded = load_problems(load_bench("cvbench"), path, None)
    first, second = loaded.problems[0], loaded.problems[1]
    assert first.text.startswith("How many organs are in the image? Select from the following choices.\n(A) 3")
    assert json.loads(str(first.gold)) == ["(A)", "3", "2", "1", "0"]
    assert (first.groups, second.groups) == ({"task": "Count"}, {"task": "Relation"})
    assert first.pictures[0].path is None
    assert first.pictures[0].size() == (84, 56)
    # Of a folder, the files that are named after the split.
    assert [each.text for each in load_problems(load_bench("cvbench"), path.parent, None).problems] == [
        each.text for each in loaded.problems
    ]


def test_the_same_pictures_have_the_same_hash(tmp_path: Path) -> None:
    one, same, other = (
        load_rows(load_bench("cvbench"), drawn.cvbench(tmp_path / name, rows).parent).sha256
        for name, rows in (("a", 8), ("b", 8), ("c", 7))
    )
    assert one == same != other


@pytest.mark.parametrize("named", ["ReasonSeg", "ReasonSeg/val"])
def test_lisa_is_a_folder_of_reason_seg(tmp_path: Path, named: str) -> None:
    reason_seg(tmp_path / "ReasonSeg")
    loaded = load_problems(load_bench("lisa-val"), tmp_path / named, None)
    assert [Path(str(each.pictures[0].path)).stem for each in loaded.problems] == ["flag_first", "ignored", "portrait"]
    portrait = loaded.problems[2]
    assert portrait.text == "the thing that holds water"
    assert json.loads(str(portrait.gold)) == [0.25, 0.25, 0.75, 0.75]
    assert portrait.shapes[0]["label"] == "target"
    assert not portrait.pictures[0].upright


def test_lisa_is_the_rows_that_gpg_data_lisa_writes_as_well(tmp_path: Path) -> None:
    bench = load_bench("lisa-test")
    folder = reason_seg(tmp_path / "ReasonSeg")
    path = tmp_path / "rows" / "test.jsonl"
    write_lisa_file(folder, path, split="test", evaluation=True)
    # The pictures do not lie beside the rows, so their folder is named.
    from_file = load_problems(bench, path, None, picture_folder=folder).problems
    from_folder = load_problems(bench, folder, None).problems
    assert [(each.text, each.gold, each.shapes) for each in from_file] == [
        (each.text, each.gold, each.shapes) for each in from_folder
    ]
    assert [each.pictures[0].size() for each in from_file] == [each.pictures[0].size() for each in from_folder]


def test_a_folder_of_one_split_may_have_any_name(tmp_path: Path) -> None:
    annotate(tmp_path / "mine", "a")
    assert len(load_rows(load_bench("lisa-test"), tmp_path / "mine").rows) == 1


def test_a_broken_annotation_stops_or_is_left_out(tmp_path: Path) -> None:
    annotate(tmp_path / "test", "a")
    (tmp_path / "test" / "b.json").write_text("no json")
    bench = load_bench("lisa-test")
    with pytest.raises(GpgError, match=r"b\.json") as caught:
        load_problems(bench, tmp_path, None)
    assert "--skip-faulty" in caught.value.hint
    loaded = load_problems(bench, tmp_path, None, skip_faulty=True)
    # What was left out is part of the data: the score is not the benchmark's.
    assert (len(loaded.problems), loaded.available) == (1, 2)


def test_a_folder_without_data_files_says_so(tmp_path: Path) -> None:
    with pytest.raises(GpgError, match="holds no data files"):
        load_rows(load_bench("geoqa"), tmp_path)
