"""Where a server is and what opens it: `--base-url`, and the key from the environment. No network is used here."""

import os
from urllib.parse import urlsplit

from gpg_cli.errors import GpgError

API_KEY_VARIABLE = "OPENAI_API_KEY"


def check_base_url(base_url: str) -> None:
    """Check that an address can be one of a server.

    Raises:
        GpgError: it cannot, or it holds a password, which would then stand in logs and results.
    """
    example = "For example: --base-url http://localhost:8000/v1"
    try:
        parts = urlsplit(base_url)
        host, _ = parts.hostname, parts.port  # a port that is no number shows itself only when asked for
        secret = parts.username is not None or parts.password is not None
    except ValueError as error:
        raise GpgError(f"--base-url is not an address: {error}", example) from error
    if secret:
        raise GpgError("--base-url holds a user's name or password", f"Put the key into {API_KEY_VARIABLE}. {example}")
    if parts.scheme not in ("http", "https") or not host or any(letter.isspace() for letter in base_url):
        raise GpgError(f"--base-url {base_url} is not the address of a server", example)
    if parts.query or parts.fragment:
        raise GpgError(f"--base-url {base_url} goes on after the path", example)


def api_key() -> str | None:
    """The key for the server, None where the environment holds none; some servers need none.

    Raises:
        GpgError: what the environment holds cannot be sent. The message does not repeat it.
    """
    key = os.environ.get(API_KEY_VARIABLE, "").strip()
    if not all("!" <= letter <= "~" for letter in key):
        raise GpgError(
            f"the key in {API_KEY_VARIABLE} holds blanks or letters that no key has",
            f"Set {API_KEY_VARIABLE} to the key alone, or unset it where the server needs none.",
        )
    return key or None
