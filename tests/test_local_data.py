"""Data sets on this machine: every kind of file and folder, and what is said about those that cannot be read."""

import json
from collections.abc import Callable
from pathlib import Path

import datasets
import pytest
from datasets import Dataset, DatasetDict

from gpg_cli.errors import GpgError
from gpg_cli.local_data import is_local, load_local_dataset

ROWS = [{"problem": "1+1", "answer": "2"}, {"problem": "2+2", "answer": "4"}]
OTHER_ROWS = [{"problem": "3+3", "answer": "6"}]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))


def write_lines(path: Path, rows: list[dict] = ROWS) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def write_parquet(path: Path, rows: list[dict] = ROWS) -> None:
    Dataset.from_list(rows).to_parquet(path)


def write_arrow(path: Path) -> None:
    saved = path.with_name("to be moved")
    Dataset.from_list(ROWS).save_to_disk(saved)
    next(saved.glob("*.arrow")).rename(path)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("rows.jsonl", write_lines),
        ("list.json", lambda path: path.write_text(json.dumps(ROWS))),
        ("lines.json", write_lines),
        ("rows.parquet", write_parquet),
        ("rows [1].parquet", write_parquet),  # a pattern to the library
        ("rows.arrow", write_arrow),
        ("saved", lambda path: Dataset.from_list(ROWS).save_to_disk(path)),
    ],
)
def test_every_kind_of_data_gives_the_same_rows(name: str, write: Callable[[Path], None], tmp_path: Path) -> None:
    write(tmp_path / name)
    assert is_local(str(tmp_path / name))
    assert list(load_local_dataset(str(tmp_path / name), None, "train")) == ROWS


def test_values_of_several_types_in_a_column_are_kept(tmp_path: Path) -> None:
    rows = [{"problem": "a", "answer": 1}, {"problem": "b", "answer": "x"}]
    write_lines(tmp_path / "rows.jsonl", rows)
    assert list(load_local_dataset("rows.jsonl", None, "train")) == rows


@pytest.mark.parametrize(
    "files",
    [
        {"train.parquet": ROWS, "test.parquet": OTHER_ROWS},
        {"train-00000-of-00002.parquet": ROWS[:1], "train-00001-of-00002.parquet": ROWS[1:]},
        {"data/train-00000-of-00001.parquet": ROWS, "data/test-00000-of-00001.parquet": OTHER_ROWS},
        {"part-0.parquet": ROWS[:1], "part-1.parquet": ROWS[1:]},
    ],
)
def test_a_folder_gives_the_files_of_the_split(files: dict[str, list], tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    for name, rows in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_parquet(folder / name, rows)
    (folder / "README.md").write_text("About these data.")
    assert list(load_local_dataset("folder", None, "train")) == ROWS
    if "test.parquet" in files:
        assert list(load_local_dataset("folder", None, "test")) == OTHER_ROWS


def test_the_configuration_may_name_a_file_of_the_folder(tmp_path: Path) -> None:
    """SimpleRL's recipes say `dataset_config: train.parquet`."""
    (tmp_path / "simplerl").mkdir()
    write_parquet(tmp_path / "simplerl" / "train.parquet")
    write_lines(tmp_path / "simplerl" / "train.jsonl", OTHER_ROWS)
    assert list(load_local_dataset("simplerl", "train.parquet", "train")) == ROWS


def test_a_folder_of_saved_splits_gives_the_one_that_is_asked_for(tmp_path: Path) -> None:
    DatasetDict({"train": Dataset.from_list(ROWS), "test": Dataset.from_list(OTHER_ROWS)}).save_to_disk("saved")
    assert list(load_local_dataset("saved", None, "test")) == OTHER_ROWS
    with pytest.raises(GpgError, match="saved has no split 'validation'") as caught:
        load_local_dataset("saved", None, "validation")
    assert "It has: train, test." in caught.value.hint


@pytest.mark.parametrize(
    ("files", "named", "complaint", "help_text"),
    [
        ({}, "rows.jsonl", "there is no data file rows.jsonl", "Check the path"),
        ({"rows.jsonl": b""}, "rows.jsonl", "rows.jsonl is empty", "name another one"),
        ({"rows.json": b"[]"}, "rows.json", "rows.json", "Check the file"),
        ({"rows.json": b'[{"a": 1},'}, "rows.json", "cannot read rows.json: Expected object", "Check the file"),
        ({"rows.jsonl": b'{"a": 1}\n{"a": '}, "rows.jsonl", "rows.jsonl:2 is not JSON", "one JSON object a line"),
        ({"rows.parquet": b"PAR1 and no more"}, "rows.parquet", "cannot read rows.parquet: Parquet magic", "Check"),
        ({"rows.arrow": b"no arrow at all"}, "rows.arrow", "cannot read rows.arrow", "Check the file"),
        ({"rows.csv": b"a,b"}, "rows.csv", "rows.csv is of an unknown kind", ".jsonl, .json, .parquet, .arrow"),
        ({"d/notes.txt": b"x"}, "d", "d holds no data files", ".jsonl, .json, .parquet, .arrow"),
        (
            {"d/test.jsonl": b"{}"},
            "d",
            """cannot read d: Unknown split "train". Should be one of ['test']""",
            "dataset",
        ),
        ({"d/train.json": b"{}", "d/train.jsonl": b"{}"}, "d", "several kinds of files that could be meant", "--data"),
        ({"d/state.json": b"{}"}, "d", "cannot read d: ", "save_to_disk"),
    ],
)
def test_what_cannot_be_read_is_named(
    files: dict[str, bytes], named: str, complaint: str, help_text: str, tmp_path: Path, capfd
) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    with pytest.raises(GpgError) as caught:
        load_local_dataset(named, None, "train")
    assert complaint in caught.value.message
    assert help_text in caught.value.hint
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("name", "local"),
    [
        ("knoveleng/open-s1", False),
        ("org/rows-v1.5", False),
        ("gsm8k", False),
        ("rows.parquet", True),
        ("./rows", True),
        ("/data/rows", True),
        ("datas/open-rs/open-s1", True),
    ],
)
def test_a_name_that_looks_like_a_path_is_none_of_the_hub(name: str, local: bool) -> None:
    assert is_local(name) == local


def test_what_is_here_wins_over_the_hub(tmp_path: Path) -> None:
    (tmp_path / "knoveleng" / "open-s1").mkdir(parents=True)
    assert is_local("knoveleng/open-s1")
