from pathlib import Path

import pytest

from gpg_cli.publishing.names import hub_id, public_name


@pytest.mark.parametrize("name", ["Qwen/Qwen2.5-Math-7B", "knoveleng/open-s1"])
def test_an_organisation_and_a_name_are_a_hub_id(name: str) -> None:
    assert hub_id(name) == name


@pytest.mark.parametrize(
    "name", ["gpt2", "./model", "/models/qwen", "~/qwen", "data/rows.jsonl", "a/b/c", "builtin:quickstart", "a b/c", ""]
)
def test_everything_else_is_not(name: str) -> None:
    assert hub_id(name) is None


def test_a_folder_that_exists_is_no_hub_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models" / "qwen").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert hub_id("models/qwen") is None


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Qwen/Qwen2.5", "Qwen/Qwen2.5"),
        ("/home/me/models/qwen/", "qwen"),
        ("../data/rows.jsonl", "rows.jsonl"),
        ("C:\\Users\\me\\rows.jsonl", "rows.jsonl"),
        ("builtin:quickstart", "builtin:quickstart"),
    ],
)
def test_of_a_path_only_the_last_component_is_shown(name: str, shown: str) -> None:
    assert public_name(name) == shown
