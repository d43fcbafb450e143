"""What is refused before anything is copied, by what the Hub says about the login."""

from typing import Any

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.publishing.hub import Destination, check_can_push

from .fake_hub import FakeHub, Repository


def fine_grained(*scoped: tuple[str, str]) -> dict[str, Any]:
    """A token as whoami tells it, with grants of (name of a user, organisation or repository, permission)."""
    grants = [{"entity": {"_id": "1", "type": "user", "name": name}, "permissions": [what]} for name, what in scoped]
    return {"displayName": "laptop", "role": "fineGrained", "fineGrained": {"global": [], "scoped": grants}}


@pytest.mark.parametrize("repo_id", ["me/model", "Me/model", "lab/model"])
def test_a_namespace_of_ones_own_may_be_written_to(hub: FakeHub, repo_id: str) -> None:
    check_can_push(Destination(repo_id))


def test_a_namespace_of_another_is_refused_with_who_one_is(hub: FakeHub) -> None:
    with pytest.raises(GpgError, match=r"you/model is not yours: you are logged in as me \(organisations: lab, read"):
        check_can_push(Destination("you/model"))


def test_a_repository_of_another_may_get_a_pull_request(hub: FakeHub) -> None:
    hub.repositories["you/model"] = Repository()
    with pytest.raises(GpgError, match="you/model exists and is not yours") as refusal:
        check_can_push(Destination("you/model"))
    assert "--create-pr" in refusal.value.hint
    check_can_push(Destination("you/model", create_pr=True))


def test_a_pull_request_needs_a_repository(hub: FakeHub) -> None:
    with pytest.raises(GpgError, match="you/model is not yours"):
        check_can_push(Destination("you/model", create_pr=True))


def test_an_organisation_that_one_only_reads_is_refused(hub: FakeHub) -> None:
    with pytest.raises(GpgError, match="your role there is 'read'"):
        check_can_push(Destination("readers/model"))


@pytest.mark.parametrize("create_pr", [False, True])
def test_a_token_without_write_rights_is_refused(hub: FakeHub, create_pr: bool) -> None:
    hub.login["auth"]["accessToken"]["role"] = "read"
    with pytest.raises(GpgError, match="the token 'laptop' has no write rights"):
        check_can_push(Destination("me/model", create_pr=create_pr))


@pytest.mark.parametrize(
    "token",
    [
        fine_grained(),
        fine_grained(("me", "repo.content.read")),
        fine_grained(("lab", "repo.write")),
        fine_grained(("me/other", "repo.write")),
    ],
)
def test_a_fine_grained_token_without_write_rights_there_is_refused(hub: FakeHub, token: dict[str, Any]) -> None:
    hub.login["auth"]["accessToken"] = token
    with pytest.raises(GpgError, match="a fine-grained one, has no write rights to me/model"):
        check_can_push(Destination("me/model"))


@pytest.mark.parametrize("place", ["me", "me/model"])
def test_a_fine_grained_token_with_write_rights_there_is_fine(hub: FakeHub, place: str) -> None:
    hub.login["auth"]["accessToken"] = fine_grained((place, "repo.write"))
    check_can_push(Destination("me/model"))


def test_what_whoami_does_not_tell_is_left_to_the_hub(hub: FakeHub) -> None:
    del hub.login["auth"]
    check_can_push(Destination("me/model"))


def test_a_token_that_is_not_accepted_is_refused(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_expired")
    with pytest.raises(GpgError, match="does not accept the token"):
        check_can_push(Destination("me/model"))


def test_without_a_token_nothing_is_begun(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.delenv("HUGGING_FACE_HUB_TOKEN", raising=False)
    with pytest.raises(GpgError, match="hf auth login"):
        check_can_push(Destination("me/model"))
    assert hub.requests == []


@pytest.mark.parametrize("token", ["hf_secrét", "hf_sec ret", "hf_sec\x01ret"])
def test_a_token_that_no_request_can_carry_is_not_shown(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(GpgError, match="characters that no token has") as refusal:
        check_can_push(Destination("me/model"))
    assert token not in str(refusal.value)


def test_without_a_network_nothing_is_begun(hub: FakeHub) -> None:
    hub.__exit__()
    with pytest.raises(GpgError, match="cannot be reached"):
        check_can_push(Destination("me/model"))
