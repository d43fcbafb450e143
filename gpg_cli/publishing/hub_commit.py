"""One commit, made once even where the Hub's answer is lost, and never on top of somebody else's."""

from typing import TYPE_CHECKING

from gpg_cli.errors import GpgError
from gpg_cli.publishing.hub_destination import Destination
from gpg_cli.publishing.hub_faults import AGAIN, WAITS_S, pause, retried, seconds_to_wait, status_of
from gpg_cli.publishing.hub_look import look
from gpg_cli.publishing.hub_tree import Local, Plan, Remote, compare

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, HfApi

# 412: the parent is not the newest commit any more; 409: another request is at work on the repository.
_CONFLICTS = (409, 412)


def commit_once(
    api: "HfApi",
    destination: Destination,
    additions: "list[CommitOperationAdd]",
    plan: Plan,
    before: Remote,
    local: Local,
    message: str,
) -> tuple[str, str]:
    """Commit additions and deletions on top of `before`, or not at all.

    After a failure the Hub is looked at before anything is sent again: the commit may have been made, and only the
    answer lost.

    Returns:
        The commit, and the address to show: of the pull request, the branch or the repository.

    Raises:
        GpgError: another commit came in between.
        Exception: huggingface_hub's, where trying again did not help.
    """
    from huggingface_hub import CommitOperationDelete

    operations = [*additions, *(CommitOperationDelete(path_in_repo=name) for name in plan.delete)]
    for usual_s in (*WAITS_S, None):
        try:
            made = api.create_commit(
                destination.repo_id,
                operations=operations,
                commit_message=message,
                revision=destination.branch,
                create_pr=destination.create_pr,
                parent_commit=before.commit,
            )
            return made.oid, str(made.pr_url) if destination.create_pr else destination.url
        except Exception as error:
            conflict = status_of(error) in _CONFLICTS
            wait_s = usual_s if conflict else seconds_to_wait(error, usual_s or 0.0)
            if wait_s is None and not conflict:
                raise
            if found := _find(api, destination, before, local, message):
                return found
            if usual_s is None or wait_s is None:
                raise
            pause(error, wait_s)
    raise AssertionError("the last try returns or raises")


def open_pull_request(api: "HfApi", destination: Destination, local: Local, message: str) -> str | None:
    """The address of an open pull request of that title that holds the folder already."""
    found = _find_pull_request(api, destination, local, message)
    return found[1] if found else None


def _find(api: "HfApi", destination: Destination, before: Remote, local: Local, message: str) -> tuple[str, str] | None:
    """The commit that was wanted and where to see it, if the Hub has it."""
    if destination.create_pr:
        return _find_pull_request(api, destination, local, message)
    now = look(api, destination.repo_id, destination.branch)
    if now.commit == before.commit:
        return None
    if compare(local, now):
        raise GpgError(
            f"another commit came to {destination} in between ({now.commit[:8]}), and was not overwritten", AGAIN
        )
    return now.commit, destination.url


def _find_pull_request(api: "HfApi", destination: Destination, local: Local, message: str) -> tuple[str, str] | None:
    """The newest commit and the address of an open pull request that was wanted."""
    from huggingface_hub import Discussion

    def ask() -> list[Discussion]:
        of = api.get_repo_discussions(destination.repo_id, discussion_type="pull_request", discussion_status="open")
        return list(of)

    for discussion in retried(ask):
        if discussion.title == message.splitlines()[0]:
            proposed = look(api, destination.repo_id, str(discussion.git_reference))
            if not compare(local, proposed):
                return proposed.commit, discussion.url
    return None
