"""What leaves this machine in text: without places on its disks, without tokens, without addresses of its network."""

import os
import re
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from gpg_cli.publishing.names import last_component
from gpg_cli.secrets import HIDDEN, hidden

_ASSIGNED = re.compile(r"(?i)((?:token|api_key|password|secret)=)[^\s'\"]+")
# Settings and options that name a machine, or open a door.
_PRIVATE = re.compile(
    r"(?i)-*((main|master)[_-](process[_-])?(ip|addr|address)|\w*[_-]host|(base|server)[_-]url|\w*[_-]base_url|\w*[_-]api_key|"
    r"(hub|push_to_hub|auth|access|api)_token|\w*password|\w*secret)"
)
# An absolute path, ~/... or ../.. inside a text: of several components, or of one with an ending, so that "/no_think",
# "and/or" and "</think>" stay. What may stand before it: not the rest of a name, a tag or a URL.
_PATH = re.compile(
    r"(?<![\w./<\\~-])(?:file://)?(?:(?:~\w*|(?:\.\./)*\.\.)?/)(?:[^\s/'\"`,;:<>|]+/+)*[^\s/'\"`,;:<>|]+/?"
)
_WINDOWS_PATH = re.compile(r"\b[A-Za-z]:[\\/](?![\\/])[^\s'\"`,;<>|]+")


def public_text(text: str) -> str:
    """A text whose paths are cut to their last component, and whose tokens are ***.

    A text that is a path as a whole, or `key=path`, may have blanks in it.
    """
    text = _ASSIGNED.sub(rf"\g<1>{HIDDEN}", hidden(text))
    key, equals, value = text.rpartition("=")
    if _PRIVATE.fullmatch(key):
        return f"{key}{equals}{HIDDEN}"
    if _is_place(value) and not re.search(r"\s", key):
        return f"{key}{equals}{last_component(value)}"
    text = text.replace(os.path.expanduser("~") + "/", "~/") if os.path.expanduser("~") != "/" else text
    return _WINDOWS_PATH.sub(_cut, _PATH.sub(_cut, text))


def public_value(value: Any) -> Any:
    """A JSON value, every text in it as `public_text` has it: keys of objects too."""
    if isinstance(value, dict):
        return {
            public_text(str(key)): HIDDEN if each is not None and _PRIVATE.fullmatch(str(key)) else public_value(each)
            for key, each in value.items()
        }
    if isinstance(value, list | tuple):
        before = ["", *map(str, value)]
        # An option's value is the argument behind it.
        return [
            HIDDEN if earlier.startswith("--") and _PRIVATE.fullmatch(earlier) else public_value(each)
            for earlier, each in zip(before, value, strict=False)
        ]
    return public_text(value) if isinstance(value, str) else value


def _is_place(text: str) -> bool:
    """Whether a whole text is a path; one that goes on for lines, or tells something, is not."""
    if "\n" in text or ": " in text or not _PATH_BEGINS.match(text):
        return False
    return PurePosixPath(text).is_absolute() or PureWindowsPath(text).is_absolute() or text.startswith(("~", "../"))


_PATH_BEGINS = re.compile(r"(?:~[\w.-]*/|(?:\.\./)+|/[^/]+/|/[^/\s]+\.\w+$|[A-Za-z]:[\\/]|\\\\\w)")


def _cut(found: re.Match[str]) -> str:
    path = found[0]
    shown = last_component(path)
    # Of one component alone, "/no_think" is no place.
    is_word = path.count("/") == 1 and path.startswith("/") and "." not in path
    return path if is_word else shown
