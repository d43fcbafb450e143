"""The story of an upload to the Hugging Face Hub: look, send what is missing, commit once, look again."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from gpg_cli.console import say
from gpg_cli.errors import GpgError
from gpg_cli.hub_access import hub_is_reachable
from gpg_cli.publishing.hub_commit import commit_once, open_pull_request
from gpg_cli.publishing.hub_destination import Destination, check_names
from gpg_cli.publishing.hub_faults import AGAIN, LONGEST_SILENCE_S, retried, told_in_words
from gpg_cli.publishing.hub_look import exists, look, open_repository, refuse_public
from gpg_cli.publishing.hub_rights import check_rights, check_token
from gpg_cli.publishing.hub_tree import Local, Plan, Remote, compare, mismatch, read_folder

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, HfApi

__all__ = ["Destination", "check_can_push", "push"]

# These, and what has these endings, are asked about and sent one by one, so that each is finished for good; the Hub
# takes larger files for LFS whatever they are called.
_LARGE_BYTES = 10_000_000
_LARGE_ENDINGS = (".safetensors", ".gguf", ".bin")


def check_can_push(destination: Destination) -> None:
    """Refuse what the Hub would refuse, before hours of copying.

    Raises:
        GpgError: a name breaks a rule, the token is missing, not accepted or may not write, the repository is somebody
            else's, or public where a private one is asked for, or the Hub cannot be reached.
    """
    check_names(destination)
    check_token()
    if not hub_is_reachable():
        raise GpgError(
            "the Hugging Face Hub cannot be reached",
            "Check the network, HF_ENDPOINT and HF_HUB_OFFLINE, or export with --to DIR alone.",
        )
    api = _api()
    with told_in_words(destination):
        login: dict[str, Any] = retried(api.whoami)
        info = exists(api, destination.repo_id)
    check_rights(destination, login, exists=info is not None)
    if info is not None:
        refuse_public(destination, info.private)


def push(folder: Path, destination: Destination, *, message: str = "Upload model with gpg-cli") -> str:
    """Upload a folder as one commit, making the repository and the branch where needed.

    Only files that differ are sent, objects that were sent before are not sent again, and where nothing differs no
    commit is made. Weights on the branch that would be loaded in place of the new ones are deleted in the same commit.
    The token is HF_TOKEN or the stored login; huggingface_hub finds it, it never passes through here.

    Args:
        message: the title of the commit, and of the pull request.

    Returns:
        The address of the repository, of the branch where one is named, or of the pull request.

    Raises:
        GpgError: the Hub refuses or cannot be reached, another commit came in between, `private` is asked for and the
            repository is public, or what was committed is not what was sent.
    """
    check_names(destination)
    check_token()
    api = _api()
    local = read_folder(folder)
    with told_in_words(destination):
        before = open_repository(api, destination)
        plan = compare(local, before)
        if not plan:
            say(f"{escape(str(destination))} holds these {len(local)} files already: nothing to upload.")
            return destination.url
        if destination.create_pr and (opened := open_pull_request(api, destination, local, message)):
            say(f"{opened} holds these {len(local)} files already: nothing to upload.")
            return opened
        _tell(plan, local, destination)
        additions = _send(api, destination, local, plan)
        commit, url = commit_once(api, destination, additions, plan, before, local, message)
        _verify(local, before, plan, look(api, destination.repo_id, commit))
    return url


def _api() -> "HfApi":
    from huggingface_hub import HfApi, get_session

    # huggingface_hub itself waits for ever.
    get_session().timeout = LONGEST_SILENCE_S
    return HfApi(library_name="gpg-cli")


def _tell(plan: Plan, local: Local, destination: Destination) -> None:
    megabytes = sum(local[name].size for name in plan.send) / 1e6
    files = f"{len(plan.send)} of {len(local)} files, {megabytes:,.1f} MB"
    say(f"Uploading {files}, to {escape(str(destination))}.")
    if plan.delete:
        say(f"Deleting what is older: {escape(', '.join(plan.delete))}.")


def _send(api: "HfApi", destination: Destination, local: Local, plan: Plan) -> "list[CommitOperationAdd]":
    """Send the objects of large files, which nobody sees before the commit; those that are there are left out."""
    from huggingface_hub import CommitOperationAdd

    additions = [CommitOperationAdd(path_in_repo=name, path_or_fileobj=local[name].path) for name in plan.send]
    large = [addition for addition in additions if _is_large(addition.path_in_repo, local)]
    small = [addition for addition in additions if addition not in large]
    for group in (small, *([addition] for addition in large)):
        if group:
            api.preupload_lfs_files(
                destination.repo_id,
                group,
                revision=destination.branch,
                create_pr=destination.create_pr,
                free_memory=False,
                # A .gitignore on the Hub would leave files out without a word.
                gitignore_content="",
            )
    return additions


def _is_large(name: str, local: Local) -> bool:
    return local[name].size > _LARGE_BYTES or name.endswith(_LARGE_ENDINGS)


def _verify(local: Local, before: Remote, plan: Plan, after: Remote) -> None:
    if wrong := mismatch(local, before.files, plan, after):
        raise GpgError(f"the Hub did not keep what it was sent: {wrong} (commit {after.commit})", AGAIN)
