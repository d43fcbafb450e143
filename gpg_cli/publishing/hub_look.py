"""What is on the Hub: a repository, a branch, a commit and its files."""

from typing import TYPE_CHECKING, Any

from gpg_cli.errors import GpgError
from gpg_cli.publishing.hub_destination import Destination
from gpg_cli.publishing.hub_faults import retried
from gpg_cli.publishing.hub_tree import Remote
from gpg_cli.publishing.names import MARKER

if TYPE_CHECKING:
    from huggingface_hub import HfApi


def exists(api: "HfApi", repo_id: str) -> Any:
    """What the Hub tells about a repository; None where there is none that this login may see."""
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        return retried(lambda: api.model_info(repo_id))
    except RepositoryNotFoundError:
        return None


def look(api: "HfApi", repo_id: str, revision: str) -> Remote:
    """The newest commit of a branch, or the commit of that name, with its files."""
    from huggingface_hub.hf_api import RepoFile

    info = retried(lambda: api.model_info(repo_id, revision=revision))
    # By the commit's name: between the two requests the branch may move.
    entries = retried(lambda: list(api.list_repo_tree(repo_id, recursive=True, revision=info.sha)))
    files = {entry.path: entry for entry in entries if isinstance(entry, RepoFile)}
    exported = _exported(api, repo_id, info.sha) if MARKER in files else frozenset()
    return Remote(commit=info.sha, private=bool(info.private), files=files, exported=exported)


def _exported(api: "HfApi", repo_id: str, commit: str) -> frozenset[str]:
    """The files that the export in a commit says it has; none where it says nothing that makes sense."""
    from huggingface_hub import get_session
    from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

    def ask() -> Any:
        # A few hundred bytes: not worth a place in the cache of models.
        address = f"{api.endpoint}/{repo_id}/resolve/{commit}/{MARKER}"
        answer = get_session().get(address, headers=build_hf_headers())
        hf_raise_for_status(answer)
        return answer

    try:
        return frozenset(map(str, retried(ask).json()["files"]))
    except (ValueError, KeyError, TypeError):
        return frozenset()


def open_repository(api: "HfApi", destination: Destination) -> Remote:
    """The newest commit of the branch to upload to; repository and branch are made where they are missing.

    Raises:
        GpgError: the repository is public where a private one is asked for, or the branch that a pull request is to be
            opened against is missing.
    """
    from huggingface_hub.errors import RevisionNotFoundError

    repo_id, branch = destination.repo_id, destination.branch
    info = exists(api, repo_id)
    if info is None:
        retried(lambda: api.create_repo(repo_id, private=destination.private or None, exist_ok=True))
        info = retried(lambda: api.model_info(repo_id))
    refuse_public(destination, info.private)
    try:
        return look(api, repo_id, branch)
    except RevisionNotFoundError:
        if destination.create_pr or branch.startswith("refs/"):
            raise GpgError(
                f"{repo_id} has no branch {branch}", "Name one that exists, or leave out --revision."
            ) from None
        retried(lambda: api.create_branch(repo_id, branch=branch, exist_ok=True))
        return look(api, repo_id, branch)


def refuse_public(destination: Destination, private: bool | None) -> None:
    """Refuse to put into a public repository what is to be private.

    Raises:
        GpgError: it is public.
    """
    if destination.private and not private:
        raise GpgError(
            f"{destination.repo_id} exists and is public", "Make it private on the Hub first, or name another one."
        )
