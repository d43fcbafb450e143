"""Keys, tokens and passwords: known by where they come from or by their looks, never written or shown.

Nothing here needs a heavy import: every text that goes to a terminal passes through.
"""

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from gpg_cli.errors import GpgError

HIDDEN = "***"
# An environment variable with such a name holds one.
_SECRET_NAME = re.compile(r"(?i)(.*_)?(token|api_?key|secret|secret_access_key|password|passwd)")
# Settings and options by whose name their value is one.
_SECRET_KEY = re.compile(
    r"(?i)-*((hub|push_to_hub|auth|access|api|hf)[_-]token|\w*[_-]?api[_-]?key|\w*password|\w*secret)"
)
# Shorter values are words, and would be hidden inside others.
_SHORTEST = 8
# Tokens of the Hub, OpenAI's keys, the 40 hexadecimal digits of a key of Weights & Biases where its name is beside, and
# a login inside an address.
TOKENS = (
    (re.compile(r"\bhf_\w{8,}"), f"hf_{HIDDEN}"),
    (re.compile(r"\bsk-[\w-]{16,}"), f"sk-{HIDDEN}"),
    (re.compile(r"(?i)(wandb\w*\W{1,3}(?:\w+\W{1,3})?)[0-9a-f]{40}\b"), rf"\g<1>{HIDDEN}"),
    (re.compile(r"\b([A-Za-z][A-Za-z0-9+.-]*://)[^\s/@'\"]+@"), rf"\g<1>{HIDDEN}@"),
)


def hidden(text: str) -> str:
    """A text with *** for each key, token and password in it: those of this environment, and what looks like one."""
    for value in _known():
        if value in text:
            text = text.replace(value, HIDDEN)
    for pattern, shown in TOKENS:
        text = pattern.sub(shown, text)
    return text


def hidden_command(arguments: list[str]) -> list[str]:
    """A command line as it may be written down: an option's value is behind it, or behind its `=`."""
    shown = []
    before = ""
    for argument in arguments:
        name, equals, _ = argument.rpartition("=") if "=" in argument else (argument, "", "")
        if _SECRET_KEY.fullmatch(before):
            shown.append(HIDDEN)
        elif equals and _SECRET_KEY.fullmatch(name):
            shown.append(f"{name}={HIDDEN}")
        else:
            shown.append(hidden(argument))
        before = argument if argument.startswith("--") else ""
    return shown


def refuse_secret(where: str, key: str, value: Any) -> None:
    """Refuse a setting with a key, a token or a password in it: settings are written down, and go to trackers.

    Args:
        where: the place of the setting, for the message.

    Raises:
        GpgError: there is one. The message does not repeat it.
    """
    named = _SECRET_KEY.fullmatch(key) is not None and value not in (None, "", False)
    if named or any(hidden(text) != text for text in _texts(value)):
        raise GpgError(
            f"{where}: {key} holds what looks like a key, a token or a password, and settings are written down",
            "Put it into an environment variable: HF_TOKEN, WANDB_API_KEY or OPENAI_API_KEY.",
        )


def without_login(address: str) -> str:
    """An address without the user and the password in it."""
    return re.sub(r"^([A-Za-z][A-Za-z0-9+.-]*://)[^/@]*@", r"\1", address)


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for each in (*value.keys(), *value.values()) for text in _texts(each)]
    return [text for each in value for text in _texts(each)] if isinstance(value, list | tuple) else []


def _known() -> list[str]:
    """Those of this environment, the longest first: one may be part of another."""
    values = {value.strip() for name, value in os.environ.items() if _SECRET_NAME.fullmatch(name)}
    home = os.environ.get("HF_HOME") or os.path.join(os.path.expanduser("~"), ".cache", "huggingface")
    values.add(_stored(os.environ.get("HF_TOKEN_PATH") or os.path.join(home, "token")))
    return sorted((value for value in values if len(value) >= _SHORTEST), key=len, reverse=True)


@lru_cache(maxsize=8)
def _stored(path: str) -> str:
    """What `hf auth login` has left."""
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
