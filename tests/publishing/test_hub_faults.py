"""Every fault at every request: main never shows half a model, the token shows nowhere, and a rerun completes it."""

import traceback
from pathlib import Path
from typing import Any

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.publishing.hub import Destination, check_can_push, push

from .fake_hub import FakeHub, Repository

MODEL = Destination("me/model")
OLD = {"README.md": b"# Old", "config.json": b"[]", "model.safetensors": b"old weights"}

REQUESTS = {
    "whoami": "GET /api/whoami-v2",
    "about": "GET /api/models/me/model$",
    "create": "POST /api/repos/create",
    "branch": "GET .*/revision/main",
    "tree": "GET .*/tree/",
    "how": "POST .*/preupload/",
    "batch": "POST .*/objects/batch",
    "object": "PUT /storage/",
    "verify": "POST .*/objects/verify",
    "card": "POST /api/validate-yaml",
    "commit": "POST .*/commit/",
    "look again": "GET .*/revision/[0-9a-f]{40}",
}
FAULTS: dict[str, dict[str, Any]] = {
    **{str(status): {"status": status} for status in (401, 403, 409, 500, 503)},
    "429": {"status": 429, "headers": {"Retry-After": "2"}},
    "upload cut at once": {"upload_cut_after": 0},
    "upload cut": {"upload_cut_after": 20},
    "answer cut": {"answer_cut_after": 1},
    "answer lost": {"answer_cut_after": 0},
}
SPOILT = {"object": {"spoil": True}, "commit": {"spoil": True}}
CASES = [
    pytest.param(REQUESTS[where], fault, id=f"{where}: {what}")
    for where in REQUESTS
    for what, fault in (FAULTS | ({"spoilt": SPOILT[where]} if where in SPOILT else {})).items()
]


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def check_and_push(folder: Path) -> GpgError | None:
    """What a person was told, if it failed."""
    try:
        check_can_push(MODEL)
        push(folder, MODEL)
    except GpgError as error:
        return error
    return None


def everything_told(error: BaseException | None) -> str:
    """The texts of an exception and of all it came from, and its traceback."""
    told = "".join(traceback.format_exception(error)) if error else ""
    while error is not None:
        told += f"{error} {error!r}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return told


@pytest.mark.parametrize("times", [1, 1_000], ids=["once", "always"])
@pytest.mark.parametrize(("where", "fault"), CASES)
def test_whatever_goes_wrong_no_half_model_is_seen_and_a_rerun_completes_it(
    hub: FakeHub,
    exported: Path,
    waits: list[float],
    capfd: pytest.CaptureFixture[str],
    where: str,
    fault: dict[str, Any],
    times: int,
) -> None:
    # A new repository is what `create` is asked for.
    before = {} if "create" in where else OLD
    if before:
        hub.repositories["me/model"] = Repository(files=before)
    # Where there are several such requests, the second goes wrong: in the midst of it.
    hub.fail(where, **fault, times=times, skip=1 if where in (REQUESTS["object"], REQUESTS["tree"]) else 0)

    error = check_and_push(exported)

    whole = tree(exported)
    seen = [commit.files for commit in hub.repositories["me/model"].history()] if hub.repositories else []
    spoilt_commit = "spoil" in fault and "commit" in where
    if not spoilt_commit:  # a Hub that keeps something else than it was sent
        assert [files for files in seen if files not in ({}, before, whole)] == []
        assert error is not None or seen[-1] == whole
    if error is not None:
        assert "the same command again: only what is missing is sent" in error.hint or "cannot be reached" in str(error)
    assert max(waits, default=0) <= 8

    hub.faults.clear()
    came = len(hub.received)
    assert check_and_push(exported) is None
    assert hub.repositories["me/model"].files == whole
    assert not set(hub.received[:came]) & set(hub.received[came:])
    assert len(hub.repositories["me/model"].commits) <= (1 if not before else 2) + spoilt_commit
    printed = capfd.readouterr()
    assert hub.token not in printed.out + printed.err + everything_told(error)


@pytest.mark.parametrize("where", [name for name in REQUESTS if name not in ("about", "branch")])
def test_a_fault_that_passes_is_not_even_noticed(hub: FakeHub, exported: Path, waits: list[float], where: str) -> None:
    hub.fail(REQUESTS[where], status=503, times=2)
    assert check_and_push(exported) is None
    assert hub.repositories["me/model"].files == tree(exported)
    assert len(waits) == 2


def test_a_proxy_that_answers_with_what_it_was_sent_does_not_show_the_token(
    hub: FakeHub, exported: Path, waits: list[float]
) -> None:
    hub.fail("POST .*/commit/", status=418, headers={"X-Error-Message": f"I got Bearer {hub.token}"})
    error = check_and_push(exported)
    assert "I got Bearer <token>" in str(error)
    assert hub.token not in everything_told(error)
