import pytest

from gpg_cli.errors import GpgError
from gpg_cli.publishing.hub_destination import Destination, check_names


@pytest.mark.parametrize(
    ("repo_id", "rule"),
    [
        ("", "exactly one slash"),
        ("model", "exactly one slash"),
        ("a/b/c", "exactly one slash"),
        ("/model", "the user or organisation is empty"),
        ("me/", "the name is empty"),
        ("me/my model", "' ' is not allowed"),
        ("me/modèle", "'è' is not allowed"),
        ("me/" + "m" * 94, "it has 97 characters, and 96 are allowed"),
        ("me/a--b", "'--' is not allowed"),
        ("me/a..b", "'..' is not allowed"),
        ("-me/model", "the user or organisation may not start or end with '-' or '.'"),
        ("me/.model", "the name may not start or end with '-' or '.'"),
        ("me/model.", "the name may not start or end with '-' or '.'"),
        ("me/model.git", "it may not end with '.git'"),
        ("me/model.ipynb", "it may not end with '.ipynb'"),
    ],
)
def test_a_name_that_breaks_a_rule_is_told_which(repo_id: str, rule: str) -> None:
    with pytest.raises(GpgError) as refusal:
        check_names(Destination(repo_id))
    assert rule in refusal.value.message
    assert refusal.value.hint == "Pass --repo-id user/name."


@pytest.mark.parametrize("repo_id", ["me/model", "Me_1/Qwen2.5-1.5B_gpg.v1", "m/" + "m" * 94])
def test_what_the_client_of_the_hub_allows_is_allowed(repo_id: str) -> None:
    from huggingface_hub.utils import validate_repo_id

    validate_repo_id(repo_id)
    check_names(Destination(repo_id))


@pytest.mark.parametrize(
    ("branch", "rule"),
    [
        ("", "it is empty"),
        ("step 50", "' ' is not allowed"),
        ("a..b", "'..' is not allowed"),
        ("-step", "it may not start with '-'"),
        ("step/", "nor end with '/'"),
        ("steps/.50", "no part of it may start with '.'"),
        ("refs/heads/main", "it starts with 'refs/'"),
        ("0123456789" * 4, "it is a commit"),
    ],
)
def test_a_branch_that_breaks_a_rule_is_told_which(branch: str, rule: str) -> None:
    with pytest.raises(GpgError, match="is no name for a branch") as refusal:
        check_names(Destination("me/model", revision=branch))
    assert rule in refusal.value.message


@pytest.mark.parametrize("branch", ["step-50", "steps/50", "v1.0", "refs/pr/3"])
def test_a_branch_is_named_freely_otherwise(branch: str) -> None:
    check_names(Destination("me/model", revision=branch))
