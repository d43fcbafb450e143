"""Data sets of strangers: what they name elsewhere, and what is too large, is refused in words."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest
from datasets import Dataset
from pyarrow import parquet

from gpg_cli import data_file, data_sources
from gpg_cli.data_file import read_json_lines
from gpg_cli.data_sources import check_builder
from gpg_cli.errors import GpgError
from gpg_cli.local_data import load_local_dataset


@pytest.fixture
def secret(json_lines: Callable[..., Path]) -> Path:
    return json_lines({"problem": "secret", "answer": "1"}, name="secret.jsonl")


@pytest.mark.parametrize(
    "named",
    ["{secret}", "../secret.jsonl", "file://{secret}", "https://127.0.0.1:9/secret.jsonl", "zip://a.jsonl::../b.zip"],
)
@pytest.mark.parametrize("declared", ["README.md", ".huggingface.yaml"])
def test_a_folder_declares_no_data_elsewhere(tmp_path: Path, secret: Path, named: str, declared: str) -> None:
    folder = tmp_path / "set"
    (folder / "deep" / "deeper").mkdir(parents=True)
    (folder / "deep" / "deeper" / "own.jsonl").write_text('{"problem": "own", "answer": "1"}\n')
    files = [{"split": "train", "path": named.format(secret=secret)}]
    facts = json.dumps({"configs": [{"config_name": "default", "data_files": files}]})
    (folder / declared).write_text(f"---\n{facts}\n---\n" if declared == "README.md" else facts)
    with pytest.raises(GpgError, match="as its data"):
        load_local_dataset(str(folder), None, "train")


def test_a_saved_data_set_names_no_file_elsewhere(tmp_path: Path) -> None:
    Dataset.from_list([{"problem": "secret"}]).save_to_disk(tmp_path / "other")
    Dataset.from_list([{"problem": "own"}]).save_to_disk(tmp_path / "set")
    state = tmp_path / "set" / "state.json"
    facts = json.loads(state.read_text())
    for named in ("../other/data-00000-of-00001.arrow", str(tmp_path / "other" / "data-00000-of-00001.arrow")):
        state.write_text(json.dumps(facts | {"_data_files": [{"filename": named}]}))
        with pytest.raises(GpgError, match="as its data"):
            load_local_dataset(str(tmp_path / "set"), None, "train")
    (tmp_path / "set" / "link.arrow").symlink_to(tmp_path / "other" / "data-00000-of-00001.arrow")
    state.write_text(json.dumps(facts | {"_data_files": [{"filename": "link.arrow"}]}))
    with pytest.raises(GpgError, match="a link out of its folder"):
        load_local_dataset(str(tmp_path / "set"), None, "train")


def test_files_of_a_hub_data_set_lie_in_its_repository() -> None:
    found = {"train": ["hf://datasets/org/set@abc/a.jsonl"]}
    own = ("hf://datasets/org/set@",)
    check_builder(SimpleNamespace(config=SimpleNamespace(data_files=found)), own, "the set")
    for elsewhere in ("/etc/passwd", "https://10.0.0.1/a.jsonl", "hf://datasets/org/set-of-another@abc/a.jsonl"):
        builder = SimpleNamespace(config=SimpleNamespace(data_files={"train": [*found["train"], elsewhere]}))
        with pytest.raises(GpgError, match="as its data"):
            check_builder(builder, own, "the set")


def test_a_script_of_a_data_set_is_not_run(tmp_path: Path) -> None:
    folder = tmp_path / "scripted"
    folder.mkdir()
    (folder / "scripted.py").write_text(f"open({str(tmp_path / 'canary')!r}, 'w')")
    (folder / "rows.jsonl").write_text('{"problem": "own", "answer": "1"}\n')
    with pytest.raises(GpgError, match="scripts are no longer supported"):
        load_local_dataset(str(folder), None, "train")
    assert not (tmp_path / "canary").exists()


def test_a_small_file_that_stands_for_very_many_rows_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = tmp_path / "bomb.parquet"
    parquet.write_table(pa.table({"problem": pa.array(["a"] * 50_000).dictionary_encode()}), bomb)
    assert bomb.stat().st_size < 10_000
    monkeypatch.setattr(data_sources, "MOST_ROWS", 40_000)
    with pytest.raises(GpgError, match="says that it holds 50,000 rows"):
        load_local_dataset(str(bomb), None, "train")


def test_json_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    for name in ("rows.jsonl", "rows.json"):
        path = tmp_path / name
        path.touch()
        os.truncate(path, data_file.MOST_JSON_BYTES + 1)  # of no size on disk
        with pytest.raises(GpgError, match="JSON is read up to 4 GB"):
            load_local_dataset(str(path), None, "train")
    with pytest.raises(GpgError, match="JSON is read up to 4 GB"):
        read_json_lines(tmp_path / "rows.jsonl")
