"""Uploading with the real huggingface_hub to a Hub on loopback."""

import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from gpg_cli.errors import GpgError
from gpg_cli.publishing.hub import Destination, check_can_push, push

from .fake_hub import FakeHub, Repository
from .fake_hub_store import Blob, Commit

MODEL = Destination("me/model")


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_becomes_one_commit_of_a_new_repository(hub: FakeHub, exported: Path) -> None:
    assert push(exported, MODEL) == f"{hub.url}/me/model"
    repository = hub.repositories["me/model"]
    assert repository.commits == ["Upload model with gpg-cli"]
    assert repository.files == tree(exported)
    assert not repository.private


def test_the_commit_has_the_title_it_is_given(hub: FakeHub, exported: Path) -> None:
    push(exported, MODEL, message="Step 50")
    assert hub.repositories["me/model"].commits == ["Step 50"]


def test_uploading_the_same_again_makes_no_commit(
    hub: FakeHub, exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    push(exported, MODEL)
    hub.requests.clear()
    assert push(exported, MODEL) == f"{hub.url}/me/model"
    assert hub.repositories["me/model"].commits == ["Upload model with gpg-cli"]
    assert "nothing to upload" in capsys.readouterr().err
    assert {request.partition(" ")[0] for request in hub.requests} == {"GET"}


def test_only_what_changed_is_sent(hub: FakeHub, exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    push(exported, MODEL)
    hub.received.clear()
    (exported / "config.json").write_text("[]")  # as many bytes as before
    push(exported, MODEL)
    assert hub.repositories["me/model"].files == tree(exported)
    assert hub.received == []
    assert "Uploading 1 of 5 files" in capsys.readouterr().err


def test_an_upload_that_was_cut_goes_on_with_what_is_missing(hub: FakeHub, exported: Path, waits: list[float]) -> None:
    hub.fail("PUT /storage", skip=1, upload_cut_after=1_000)
    with pytest.raises(GpgError, match="the Hub cannot be reached") as refusal:
        push(exported, MODEL)
    assert "only what is missing is sent" in refusal.value.hint
    assert hub.repositories["me/model"].files == {}
    assert len(hub.received) == 1
    hub.faults.clear()
    push(exported, MODEL)
    assert hub.repositories["me/model"].files == tree(exported)
    assert len(hub.received) == len(set(hub.received)) == 2


def test_a_large_file_goes_in_parts_where_the_hub_asks_for_that(hub: FakeHub, exported: Path) -> None:
    hub.part_bytes = 1_000
    push(exported, MODEL)
    assert hub.repositories["me/model"].files == tree(exported)
    assert len([request for request in hub.requests if request.startswith("PUT")]) == 6


def test_weights_that_would_be_loaded_instead_go_and_other_files_stay(hub: FakeHub, exported: Path) -> None:
    stale = [
        "model.safetensors",
        "model-00002-of-00009.safetensors",
        "consolidated.safetensors",
        "model.safetensors.index.json",
        "pytorch_model-00001-of-00002.bin",
        "pytorch_model.bin.index.json",
        "adapter_config.json",
        "model-q8_0.gguf",
    ]
    kept = ["notes.md", "vision/model.safetensors", ".gitattributes"]
    hub.repositories["me/model"] = Repository(files=dict.fromkeys([*stale, *kept], b"old"))
    push(exported, MODEL)
    assert hub.repositories["me/model"].files == tree(exported) | dict.fromkeys(kept, b"old")
    assert hub.repositories["me/model"].commits == ["by somebody", "Upload model with gpg-cli"]


def test_what_an_earlier_export_had_and_this_one_has_not_goes(hub: FakeHub, exported: Path) -> None:
    old = {"results/old.json": b"{}", "reward.png": b"PNG", "mine.md": b"by hand", "README.md": b"# Old"}
    marker = b'{"schema": 1, "files": {"results/old.json": 2, "reward.png": 3, "README.md": 5, "gone.txt": 1}}'
    hub.repositories["me/model"] = Repository(files=old | {"gpg_export.json": marker})
    (exported / "gpg_export.json").write_text("{}")
    push(exported, MODEL)
    assert hub.repositories["me/model"].files == tree(exported) | {"mine.md": b"by hand"}


def test_an_older_models_chat_template_is_not_taken_for_that_of_the_new_one(hub: FakeHub, exported: Path) -> None:
    old = {"model.safetensors": b"old", "chat_template.jinja": b"old", "generation_config.json": b"{}"}
    hub.repositories["me/model"] = Repository(files=old)
    push(exported, MODEL)
    assert hub.repositories["me/model"].files == tree(exported)
    # By hand, to these weights: a rerun leaves it alone.
    hub.repositories["me/model"] = Repository(files=tree(exported) | {"chat_template.jinja": b"by hand"})
    push(exported, MODEL)
    assert "chat_template.jinja" in hub.repositories["me/model"].files


def test_what_somebody_made_of_the_weights_stays_while_they_are_the_same(hub: FakeHub, exported: Path) -> None:
    files = tree(exported) | {"model-q4.gguf": b"made by hand", "README.md": b"# Older"}
    hub.repositories["me/model"] = Repository(files=files)
    push(exported, MODEL)
    assert hub.repositories["me/model"].files == tree(exported) | {"model-q4.gguf": b"made by hand"}


def test_a_gitignore_on_the_hub_leaves_nothing_out(hub: FakeHub, exported: Path) -> None:
    hub.repositories["me/model"] = Repository(files={".gitignore": b"*.safetensors"})
    push(exported, MODEL)
    assert tree(exported).items() <= hub.repositories["me/model"].files.items()


def test_private_makes_a_private_repository(hub: FakeHub, exported: Path) -> None:
    push(exported, Destination("me/model", private=True))
    assert hub.repositories["me/model"].private


def test_private_never_uploads_to_a_public_repository(hub: FakeHub, exported: Path) -> None:
    hub.repositories["me/model"] = Repository(private=False)
    private = Destination("me/model", private=True)
    for refuse in (lambda: check_can_push(private), lambda: push(exported, private)):
        with pytest.raises(GpgError, match="me/model exists and is public"):
            refuse()
    assert hub.repositories["me/model"].files == {}


def test_a_revision_is_a_branch_from_main(hub: FakeHub, exported: Path) -> None:
    hub.repositories["me/model"] = Repository(files={"notes.md": b"kept", "model.safetensors": b"older"})
    step_50 = Destination("me/model", revision="steps/50")
    assert push(exported, step_50) == f"{hub.url}/me/model/tree/steps%2F50"
    repository = hub.repositories["me/model"]
    assert repository.at("steps/50").files == tree(exported) | {"notes.md": b"kept"}
    assert repository.commits == ["by somebody"]
    (exported / "config.json").write_text('{"step": 51}')
    push(exported, step_50)
    assert [commit.title for commit in repository.history("steps/50")[2:]] == ["Upload model with gpg-cli"] * 2


def test_a_revision_of_a_repository_that_is_not_there_yet(hub: FakeHub, exported: Path) -> None:
    push(exported, Destination("me/model", revision="step-50"))
    assert hub.repositories["me/model"].at("step-50").files == tree(exported)
    assert hub.repositories["me/model"].files == {}


def test_a_pull_request_leaves_main_as_it_is_and_is_opened_once(hub: FakeHub, exported: Path) -> None:
    hub.repositories["you/model"] = Repository(files={"model.safetensors": b"older"})
    proposal = Destination("you/model", create_pr=True)
    check_can_push(proposal)
    for _ in range(2):
        assert push(exported, proposal) == f"{hub.url}/you/model/discussions/1"
    repository = hub.repositories["you/model"]
    assert repository.at("refs/pr/1").files == tree(exported)
    assert repository.files == {"model.safetensors": b"older"}
    assert repository.pull_requests == ["Upload model with gpg-cli"]


def test_a_pull_request_needs_the_branch_it_is_against(hub: FakeHub, exported: Path) -> None:
    with pytest.raises(GpgError, match="me/model has no branch step-9"):
        push(exported, Destination("me/model", revision="step-9", create_pr=True))


@pytest.mark.parametrize("proposed", [False, True])
def test_a_commit_whose_answer_was_lost_is_not_made_again(
    hub: FakeHub, exported: Path, waits: list[float], proposed: bool
) -> None:
    hub.fail("POST .*/commit/", answer_cut_after=0, times=1)
    url = push(exported, Destination("me/model", create_pr=proposed))
    repository = hub.repositories["me/model"]
    assert repository.pull_requests == ["Upload model with gpg-cli"] * proposed
    assert repository.commits == ["Upload model with gpg-cli"] * (not proposed)
    assert url == f"{hub.url}/me/model" + "/discussions/1" * proposed


@pytest.mark.parametrize("fault", [None, {"status": 503, "times": 1}, {"answer_cut_after": 0, "times": 1}])
def test_a_commit_that_came_in_between_is_not_overwritten(
    hub: FakeHub, exported: Path, waits: list[float], monkeypatch: pytest.MonkeyPatch, fault: dict[str, int] | None
) -> None:
    repository = hub.repositories["me/model"] = Repository()
    theirs = Commit(repository.branches["main"], "theirs", {"README.md": Blob(b"theirs")})
    how_to_send = repository.how_to_send

    def meanwhile(*asked: Any) -> Any:
        repository.add("main", theirs)
        return how_to_send(*asked)

    monkeypatch.setattr(repository, "how_to_send", meanwhile)
    if fault:
        hub.fail("POST .*/commit/", **fault)
    with pytest.raises(GpgError, match=f"another commit came to me/model in between .{theirs.oid[:8]}"):
        push(exported, MODEL)
    assert repository.commits == ["theirs"]


def test_another_request_at_work_on_the_repository_is_waited_for(
    hub: FakeHub, exported: Path, waits: list[float]
) -> None:
    hub.fail("POST .*/commit/", status=409, times=2)
    push(exported, MODEL)
    assert waits == [1, 2]
    assert hub.repositories["me/model"].commits == ["Upload model with gpg-cli"]


def test_what_the_hub_kept_wrong_is_found_and_mended_by_a_rerun(hub: FakeHub, exported: Path) -> None:
    hub.fail("POST .*/commit/", spoil=True, times=1)
    with pytest.raises(GpgError, match=r"did not keep what it was sent: README.md has 32 bytes instead of 31"):
        push(exported, MODEL)
    push(exported, MODEL)
    assert hub.repositories["me/model"].files == tree(exported)


@pytest.mark.parametrize(
    ("request_", "status", "message"),
    [
        ("repos/create", 401, "does not accept the token"),
        ("repos/create", 403, "may not write to me/model"),
        ("tree/", 404, "does not find me/model"),
        ("commit/main", 413, r"refused the upload to me/model \(413\): refused"),
        ("commit/main", 409, "is being changed by another"),
        ("repos/create", 500, "a fault of its own"),
    ],
)
def test_a_refusal_is_told_in_words(
    hub: FakeHub, exported: Path, waits: list[float], request_: str, status: int, message: str
) -> None:
    hub.fail(request_, status=status)
    with pytest.raises(GpgError, match=message):
        push(exported, MODEL)


def test_the_hub_says_how_long_to_wait(
    hub: FakeHub, exported: Path, waits: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    hub.fail("POST .*/commit/", status=429, headers={"Retry-After": "7"}, times=1)
    push(exported, MODEL)
    assert waits == [7.0]
    assert "(status 429); trying again in 7 s" in capsys.readouterr().err


def test_a_hub_that_wants_an_hour_is_not_waited_for(hub: FakeHub, exported: Path, waits: list[float]) -> None:
    hub.fail("POST .*/commit/", status=429, headers={"Retry-After": "3600"})
    with pytest.raises(GpgError, match="the Hub asks to wait"):
        push(exported, MODEL)
    assert waits == []


def test_requests_that_huggingface_hub_tries_again_are_not_multiplied(
    hub: FakeHub, exported: Path, waits: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    hub.fail("PUT /storage", status=503)
    with pytest.raises(GpgError, match="a fault of its own"):
        push(exported, MODEL)
    assert waits == [1, 2, 4, 8, 8]
    told = capsys.readouterr().err
    assert "Retrying in 1" in told
    # The address of an object holds the signature that lets anyone write it.
    assert "signature" not in told


@pytest.mark.parametrize("where", ["PUT /storage", "POST .*/commit/"])
def test_a_hub_that_falls_silent_is_not_waited_for_for_ever(
    hub: FakeHub, exported: Path, waits: list[float], monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr("gpg_cli.publishing.hub.LONGEST_SILENCE_S", 0.1)
    hub.fail(where, silent_s=8.0, times=1)
    started = time.perf_counter()
    push(exported, MODEL)
    assert time.perf_counter() - started < 5
    assert waits == [1]
    assert hub.repositories["me/model"].files == tree(exported)


@pytest.mark.parametrize("watched", [True, False])
def test_large_files_have_a_progress_bar_where_somebody_watches(
    hub: FakeHub, exported: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], watched: bool
) -> None:
    from huggingface_hub.utils import are_progress_bars_disabled

    monkeypatch.setattr("gpg_cli.publishing.hub_faults.messages", Console(stderr=True, force_terminal=watched))
    push(exported, MODEL)
    assert ("model-00001-of-00002.safetensors: 100%" in capfd.readouterr().err) == watched
    assert not are_progress_bars_disabled()


def test_a_card_that_the_hub_refuses_is_told(hub: FakeHub, exported: Path) -> None:
    (exported / "README.md").write_text("---\ntags: [gpg\n---\n")
    with pytest.raises(GpgError, match=r"Invalid metadata in README\.md"):
        push(exported, MODEL)
    assert hub.repositories["me/model"].files == {}


@pytest.mark.parametrize(
    ("status", "message"), [(403, "may not write to me/model"), (404, "the Hub knows no Xet storage")]
)
def test_xet_storage_that_refuses_is_told_in_words(
    hub: FakeHub, exported: Path, monkeypatch: pytest.MonkeyPatch, status: int, message: str
) -> None:
    pytest.importorskip("hf_xet")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", False)
    hub.fail("xet-write-token", status=status)
    with pytest.raises(GpgError, match=message):
        push(exported, MODEL)


def test_a_hub_that_goes_away_is_told_in_words(hub: FakeHub, exported: Path, waits: list[float]) -> None:
    hub.__exit__()
    with pytest.raises(GpgError, match="the Hub cannot be reached"):
        push(exported, MODEL)
