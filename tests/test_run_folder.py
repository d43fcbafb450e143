"""How a path on the command line is understood, and which folders may be written."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.run_folder import (
    find_model,
    make_new_folder,
    prepare_output_folder,
    read_json,
    set_aside_scores,
    write_json,
)


def model_folder(path: Path) -> Path:
    path.mkdir(parents=True)
    (path / "config.json").write_text("{}")
    return path


def test_a_run_stands_for_its_final_model_and_before_that_for_its_newest_checkpoint(tmp_path: Path) -> None:
    run = tmp_path / "run"
    newest = [model_folder(run / f"checkpoint-{step}") for step in (9, 10)][-1]
    (run / "run.json").write_text("{}")
    assert find_model(str(run)).location == str(newest)
    final = model_folder(run / "model")
    assert find_model(str(run)).location == str(final)
    assert find_model(str(run / "checkpoint-9")).run == run


def test_a_plain_folder_and_a_hub_id_belong_to_no_run(tmp_path: Path) -> None:
    plain = find_model(str(model_folder(tmp_path / "plain")))
    assert (plain.is_local, plain.run) == (True, None)
    hub = find_model("org/model")
    assert (hub.is_local, hub.location) == (False, "org/model")


@pytest.mark.parametrize("name", ["./missing", "/missing", "a/b/c", "missing/"])
def test_what_reads_as_a_path_is_not_taken_for_a_hub_id(name: str) -> None:
    with pytest.raises(GpgError, match="there is no folder"):
        find_model(name)


def test_a_run_without_a_model_says_so(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(GpgError, match="holds no trained model yet"):
        find_model(str(tmp_path))


def test_overwriting_replaces_what_we_wrote_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    prepare_output_folder(folder, overwrite=False, written_by_us=("run.json",))
    (folder / "mine.txt").write_text("mine")
    with pytest.raises(GpgError, match="was not written by this command"):
        prepare_output_folder(folder, overwrite=True, written_by_us=("run.json",))
    (folder / "run.json").write_text("{}")
    prepare_output_folder(folder, overwrite=True, written_by_us=("run.json",))
    assert list(folder.iterdir()) == []


def test_runs_that_start_at_once_get_a_folder_each(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: make_new_folder(tmp_path / "runs" / "now"), range(8)))
    assert sorted(path.name for path in folders) == ["now", *(f"now-{number}" for number in range(2, 9))]
    assert all(path.is_dir() for path in folders)


@pytest.mark.parametrize("killed_at", [1, 2, 3])
def test_a_folder_that_was_killed_while_it_was_emptied_can_be_emptied_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    for name in ("a.txt", "run.json.tmp", "z.txt"):
        (tmp_path / name).write_text("")
    unlinked = []

    def unlink(path: Path) -> None:
        unlinked.append(path)
        if len(unlinked) == killed_at:
            raise KeyboardInterrupt
        os.unlink(path)

    monkeypatch.setattr(Path, "unlink", unlink)
    with pytest.raises(KeyboardInterrupt):
        prepare_output_folder(tmp_path, overwrite=True, written_by_us=("run.json",))
    monkeypatch.undo()
    prepare_output_folder(tmp_path, overwrite=True, written_by_us=("run.json",))
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_output_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(GpgError, match="is a file, not a folder"):
        prepare_output_folder(tmp_path / "file", overwrite=True, written_by_us=())


def test_scores_of_a_replaced_model_are_kept_under_another_name(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / "eval").mkdir()
        set_aside_scores(tmp_path)
        assert (tmp_path / f"eval-replaced-{number}").is_dir()
    set_aside_scores(tmp_path)  # nothing to do


def test_json_is_written_whole_and_broken_json_is_refused(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"text": "ä", "path": tmp_path})
    assert json.loads((tmp_path / "a.json").read_text())["text"] == "ä"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    for text, complaint in (("{", "is not valid JSON"), ("[]", "does not hold a JSON object")):
        (tmp_path / "b.json").write_text(text)
        with pytest.raises(GpgError, match=complaint):
            read_json(tmp_path / "b.json")
    with pytest.raises(GpgError, match="cannot read"):
        read_json(tmp_path / "missing.json")


def test_json_that_is_nested_without_end_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("[" * 100_000)
    with pytest.raises(GpgError, match="is not valid JSON"):
        read_json(tmp_path / "run.json")


def test_half_of_a_surrogate_pair_is_written_and_read_back(tmp_path: Path) -> None:
    write_json(tmp_path / "run.json", {"\ud800": "é\udfff"})
    assert read_json(tmp_path / "run.json") == {"\ud800": "é\udfff"}


def test_a_checkpoint_folder_without_a_number_is_none(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    for name in ("checkpoint-best", "checkpoint-2", "checkpoint-10"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}")
    assert find_model(str(tmp_path)).location == str(tmp_path / "checkpoint-10")
