"""Whether the token of this login may write to a repository, as far as the Hub tells beforehand."""

import re
from typing import Any

from gpg_cli.errors import GpgError
from gpg_cli.publishing.hub_destination import Destination

_TOKENS = "https://huggingface.co/settings/tokens"


def check_token() -> None:
    """Refuse a missing token, and one that no request could carry: httpx would print it while complaining.

    Raises:
        GpgError: one of these.
    """
    from huggingface_hub import get_token

    token = get_token()
    if token is None:
        raise GpgError(
            "there is no token for the Hub",
            f"Run `hf auth login`, or set HF_TOKEN to a token with write rights ({_TOKENS}).",
        )
    if not re.fullmatch(r"[\x21-\x7e]+", token):
        raise GpgError(
            "the token for the Hub holds characters that no token has",
            "Copy it again: run `hf auth login`, or set HF_TOKEN.",
        )


def check_rights(destination: Destination, login: dict[str, Any], *, exists: bool) -> None:
    """Refuse a token that may only read, and a namespace that is not this login's.

    Args:
        login: the Hub's answer to whoami.
        exists: whether the repository is there and may be read.

    Raises:
        GpgError: one of these. What the answer does not tell is left to the Hub to refuse.
    """
    token = (login.get("auth") or {}).get("accessToken") or {}
    name = f"the token {token['displayName']!r}" if token.get("displayName") else "the token"
    hint = f"Make one with write rights ({_TOKENS}), then run `hf auth login` or set HF_TOKEN."
    if token.get("role") == "read":
        raise GpgError(f"{name} has no write rights: it may only read", hint)
    # Anyone may open a pull request against what they can read.
    if destination.create_pr and exists:
        return
    _check_namespace(destination, login, exists=exists)
    if token.get("role") == "fineGrained" and not _may_write(token.get("fineGrained") or {}, destination):
        raise GpgError(f"{name}, a fine-grained one, has no write rights to {destination.repo_id}", hint)


def _check_namespace(destination: Destination, login: dict[str, Any], *, exists: bool) -> None:
    user = str(login.get("name"))
    organisations = {str(org["name"]): org.get("roleInOrg") for org in login.get("orgs") or [] if org.get("name")}
    # The Hub takes Me/model for me/model.
    roles = {name.lower(): role for name, role in organisations.items()}
    namespace = destination.namespace.lower()
    hint = "Pass --repo-id with a name under yours or one of your organisations', or `hf auth login` as another user."
    if namespace != user.lower() and namespace not in roles:
        there = "exists and " if exists else ""
        raise GpgError(
            f"{destination.repo_id} {there}is not yours: you are logged in as {user} "
            f"(organisations: {', '.join(organisations) or 'none'})",
            f"{hint} A pull request (--create-pr) needs no rights of yours." if exists else hint,
        )
    if roles.get(namespace) == "read":
        raise GpgError(f"you may only read what is {destination.namespace}'s: your role there is 'read'", hint)


def _may_write(grants: dict[str, Any], destination: Destination) -> bool:
    """Whether a fine-grained token may write to the repository, or to all of its namespace."""
    places = {destination.repo_id.lower(), destination.namespace.lower()}
    return "repo.write" in grants.get("global", []) or any(
        "repo.write" in grant.get("permissions", []) and str((grant.get("entity") or {}).get("name")).lower() in places
        for grant in grants.get("scoped", [])
    )
