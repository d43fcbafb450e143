"""Where an upload goes, and the Hub's rules for the names of repositories and branches."""

import re
from dataclasses import dataclass
from urllib.parse import quote

from gpg_cli.errors import GpgError
from gpg_cli.secrets import without_login

_LONGEST_NAME = 96
_PASS_A_NAME = "Pass --repo-id user/name."


@dataclass(frozen=True)
class Destination:
    """Where an upload goes.

    Attributes:
        repo_id: `user/name` or `organisation/name`.
        private: a repository that is made is private, and one that exists must be.
        revision: the branch to commit to, made from main's newest commit where it is missing; None is main.
        create_pr: leave the branch as it is and open a pull request against it.
    """

    repo_id: str
    private: bool = False
    revision: str | None = None
    create_pr: bool = False

    @property
    def namespace(self) -> str:
        """The user or organisation."""
        return self.repo_id.partition("/")[0]

    @property
    def branch(self) -> str:
        """The branch by its name."""
        return self.revision or "main"

    @property
    def url(self) -> str:
        """The page of the repository, or of the branch where one was named."""
        from huggingface_hub import constants

        page = f"{without_login(constants.ENDPOINT)}/{self.repo_id}"
        return f"{page}/tree/{quote(self.revision, safe='')}" if self.revision else page

    def __str__(self) -> str:
        return f"{self.repo_id}, branch {self.revision}" if self.revision else self.repo_id


def check_names(destination: Destination) -> None:
    """Refuse names that the Hub would refuse, saying which rule they break.

    Raises:
        GpgError: one of them does.
    """
    broken = _broken_rule(destination.repo_id)
    if broken:
        raise GpgError(f"{destination.repo_id!r} is no name for a repository: {broken}", _PASS_A_NAME)
    if destination.revision is not None:
        broken = _broken_branch_rule(destination.revision)
        if broken:
            raise GpgError(
                f"{destination.revision!r} is no name for a branch: {broken}", "Pass --revision NAME, such as step-50."
            )


def _broken_rule(repo_id: str) -> str | None:
    """The Hub's rule that a repository's name breaks.

    The rules are those of `validate_repo_id` (huggingface_hub 1.33), which tells several of them at once, and `.ipynb`
    of the form on the Hub's page for new repositories.
    """
    if repo_id.count("/") != 1:
        return "it needs exactly one slash, between whose repository it is and what it is called"
    if len(repo_id) > _LONGEST_NAME:
        return f"it has {len(repo_id)} characters, and {_LONGEST_NAME} are allowed"
    for what, part in zip(("user or organisation", "name"), repo_id.split("/"), strict=True):
        if not part:
            return f"the {what} is empty"
        if strange := re.search(r"[^A-Za-z0-9._-]", part):
            return f"{strange[0]!r} is not allowed; letters without accents, digits, '-', '_' and '.' are"
        if part[0] in "-." or part[-1] in "-.":
            return f"the {what} may not start or end with '-' or '.'"
        for twice in ("--", ".."):
            if twice in part:
                return f"{twice!r} is not allowed"
    for ending in (".git", ".ipynb"):
        if repo_id.endswith(ending):
            return f"it may not end with {ending!r}"
    return None


def _broken_branch_rule(branch: str) -> str | None:
    """The rule of `git check-ref-format`, or of ours, that a branch's name breaks."""
    if not branch:
        return "it is empty"
    if re.fullmatch(r"refs/pr/\d+", branch):
        return None
    if branch.startswith("refs/"):
        return "it starts with 'refs/'; of those, only a pull request (refs/pr/3) can be committed to"
    if re.fullmatch(r"[0-9a-f]{40}", branch):
        return "it is a commit, which cannot be changed"
    if strange := re.search(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//", branch):
        return f"{strange[0]!r} is not allowed"
    if branch[0] in "-/" or branch[-1] in "/.":
        return "it may not start with '-' or '/', nor end with '/' or '.'"
    if any(part.startswith(".") or part.endswith(".lock") for part in branch.split("/")):
        return "no part of it may start with '.' or end with '.lock'"
    return None
