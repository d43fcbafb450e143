"""Uploading with the real huggingface_hub to a Hub on loopback."""

from pathlib import Path

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.publishing.hub import check_can_push, push

from .fake_hub import FakeHub, Repository


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    folder = tmp_path / "exported"
    folder.mkdir()
    (folder / "README.md").write_text("---\ntags: [gpg]\n---\n\n# A model\n")
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def test_a_folder_becomes_one_commit_of_a_new_repository(hub: FakeHub, exported: Path) -> None:
    url = push(exported, "me/model", private=False)
    repository = hub.repositories["me/model"]
    assert url == f"{hub.url}/me/model"
    assert repository.commits == ["Upload model with gpg-cli"]
    assert repository.files == {path.name: path.read_bytes() for path in exported.iterdir()}
    assert not repository.private


def test_weights_of_an_earlier_upload_go_and_other_files_stay(hub: FakeHub, exported: Path) -> None:
    old = ["model-00001-of-00002.safetensors", "model.safetensors.index.json", "notes.md", "vision/model.bin"]
    hub.repositories["me/model"] = Repository(files=dict.fromkeys(old, b"old"))
    push(exported, "me/model", private=False)
    assert sorted(hub.repositories["me/model"].files) == [
        "README.md",
        "model.safetensors",
        "notes.md",
        "vision/model.bin",
    ]


def test_private_makes_a_private_repository(hub: FakeHub, exported: Path) -> None:
    push(exported, "me/model", private=True)
    assert hub.repositories["me/model"].private


def test_private_never_uploads_to_a_public_repository(hub: FakeHub, exported: Path) -> None:
    hub.repositories["me/model"] = Repository(private=False)
    with pytest.raises(GpgError, match="me/model exists and is public"):
        push(exported, "me/model", private=True)
    assert hub.repositories["me/model"].files == {}


@pytest.mark.parametrize(
    ("refused", "status", "message"),
    [
        ("create", 401, "does not accept the token"),
        ("create", 403, "may not write to me/model"),
        ("main", 404, "does not find me/model"),
        ("commit/main", 429, "asks to wait"),
        ("commit/main", 413, r"refused the upload to me/model \(413\)"),
        ("create", 500, "a fault of its own"),
    ],
)
def test_a_refusal_is_told_in_words_without_the_token(
    hub: FakeHub, exported: Path, refused: str, status: int, message: str
) -> None:
    hub.refusals[refused] = status
    with pytest.raises(GpgError, match=message) as refusal:
        push(exported, "me/model", private=False)
    told: BaseException | None = refusal.value
    while told is not None:
        assert hub.token not in f"{told} {told!r}"
        told = told.__cause__


def test_a_hub_that_goes_away_is_told_in_words(hub: FakeHub, exported: Path) -> None:
    hub.__exit__()
    with pytest.raises(GpgError, match="the Hub cannot be reached"):
        push(exported, "me/model", private=False)


@pytest.mark.parametrize("repo_id", ["", "model", "me/my model", "me/a--b", "me/model.git", "a/b/c", "-me/model"])
def test_a_name_that_breaks_the_rules_is_refused(hub: FakeHub, repo_id: str) -> None:
    with pytest.raises(GpgError, match="Pass --repo-id user/name"):
        check_can_push(repo_id)


def test_without_a_token_nothing_is_begun(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.delenv("HUGGING_FACE_HUB_TOKEN", raising=False)
    with pytest.raises(GpgError, match="hf auth login"):
        check_can_push("me/model")


def test_without_a_network_nothing_is_begun(hub: FakeHub) -> None:
    check_can_push("me/model")
    hub.__exit__()
    with pytest.raises(GpgError, match="cannot be reached"):
        check_can_push("me/model")
