"""Upload an exported folder to the Hugging Face Hub."""

import fnmatch
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gpg_cli.console import say
from gpg_cli.errors import GpgError
from gpg_cli.hub_access import hub_is_reachable

# Weights of an earlier upload: vLLM would believe an old index rather than the new file.
_WEIGHT_FILES = ("model*.safetensors", "model.safetensors.index.json", "pytorch_model*.bin*")


def check_can_push(repo_id: str) -> None:
    """Refuse a bad name, a missing token and a Hub that does not answer, before hours of copying.

    Raises:
        GpgError: one of these.
    """
    from huggingface_hub import get_token
    from huggingface_hub.utils import HFValidationError, validate_repo_id

    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise GpgError(f"{repo_id!r} is no name for a repository: {error}", "Pass --repo-id user/name.") from error
    if repo_id.count("/") != 1:
        raise GpgError(f"{repo_id!r} does not say whose repository it is", "Pass --repo-id user/name.")
    if get_token() is None:
        raise GpgError(
            "there is no token for the Hub",
            "Run `hf auth login`, or set HF_TOKEN to a token with write rights (https://huggingface.co/settings/tokens).",
        )
    if not hub_is_reachable():
        raise GpgError(
            "the Hugging Face Hub cannot be reached",
            "Check the network, HF_ENDPOINT and HF_HUB_OFFLINE, or export with --to DIR alone.",
        )


def push(folder: Path, repo_id: str, private: bool) -> str:
    """Upload a folder as one commit, making the repository if needed; returns the repository's address.

    The token is HF_TOKEN or the stored login; huggingface_hub finds it, it never passes through here.

    Raises:
        GpgError: the Hub refuses or cannot be reached; or `private` is asked for and the repository is public.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    api = HfApi(library_name="gpg-cli")
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    say(f"Uploading {len(files)} files to {repo_id}.")
    with _told_in_words(repo_id):
        url = api.create_repo(repo_id, private=private or None, exist_ok=True)
        if private and not api.model_info(repo_id).private:
            raise GpgError(f"{repo_id} exists and is public", "Make it private on the Hub first, or name another one.")
        stale = [name for name in api.list_repo_files(repo_id) if _is_weight_file(name) and name not in files]
        # Not upload_folder: it may cut a folder into several commits (huggingface_hub pull request 4331), and a card
        # without its weights, or new weights under an old config, must never be seen.
        api.create_commit(
            repo_id,
            operations=[
                *(CommitOperationAdd(path_in_repo=name, path_or_fileobj=path) for name, path in files.items()),
                *(CommitOperationDelete(path_in_repo=name) for name in stale),
            ],
            commit_message="Upload model with gpg-cli",
        )
    return str(url)


def _is_weight_file(name: str) -> bool:
    return any(fnmatch.fnmatch(name, pattern) for pattern in _WEIGHT_FILES)


@contextmanager
def _told_in_words(repo_id: str) -> Iterator[None]:
    """Failures of huggingface_hub as GpgErrors; nothing of the request, whose headers hold the token, is shown."""
    import httpx
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    try:
        yield
    except HfHubHTTPError as error:
        message, hint = _refusal(error.response.status_code, repo_id)
        raise GpgError(message, hint) from error
    except (httpx.HTTPError, OfflineModeIsEnabled, ConnectionError) as error:
        raise GpgError(
            f"the Hub cannot be reached ({type(error).__name__})", "Check the network and HF_ENDPOINT, then try again."
        ) from error


def _refusal(status: int, repo_id: str) -> tuple[str, str]:
    """What is wrong and what to do, for an HTTP status of the Hub."""
    match status:
        case 401:
            return "the Hub does not accept the token (401)", "Run `hf auth login` again, or renew HF_TOKEN."
        case 403:
            return (
                f"the token may not write to {repo_id} (403)",
                "Use a token with write rights, and a user or organisation that is yours.",
            )
        case 404:
            return f"the Hub does not find {repo_id} (404)", "Check the name, and that the token may read and write it."
        case 429:
            return "the Hub asks to wait (429, too many requests)", "Try again in some minutes."
        case _ if status >= 500:
            return f"the Hub has a fault of its own ({status})", "Try again later; see https://status.huggingface.co."
        case _:
            return f"the Hub refused the upload to {repo_id} ({status})", "Run again with --debug for its answer."
