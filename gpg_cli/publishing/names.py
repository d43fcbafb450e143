"""Is it a Hub id or a place on this machine? Only the former may be published as it is."""

import os
import re
from pathlib import PurePosixPath, PureWindowsPath

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_DATA_SUFFIXES = (".json", ".jsonl", ".csv", ".parquet", ".arrow", ".txt", ".yaml", ".yml", ".gz", ".zst")
# Tokens of the Hub are kept out of run.json; this is for one that slipped into a command line all the same.
_TOKEN = re.compile(r"\bhf_\w{8,}")


def hub_id(name: str | None) -> str | None:
    """`name` where it reads as `org/name` and nothing of that name lies here, else None.

    A Hub id without an organisation is not told apart from a folder's name, so it does not count.
    """
    if name is None or not _HUB_ID.fullmatch(name) or name.endswith(_DATA_SUFFIXES) or os.path.exists(name):
        return None
    return name


def public_name(name: str) -> str:
    """A model or data set as others may read it: a Hub id whole, of a path only the last component."""
    return name if hub_id(name) else _last_component(name)


def public_argument(argument: str) -> str:
    """A command-line argument with absolute paths cut to their last component and without tokens of the Hub."""
    option, equals, value = argument.rpartition("=")
    place = PurePosixPath(value).is_absolute() or PureWindowsPath(value).is_absolute() or value.startswith("~")
    shown = _last_component(value) if place else value
    return _TOKEN.sub("hf_***", f"{option}{equals}{shown}")


def _last_component(path: str) -> str:
    return re.split(r"[/\\]", path.rstrip("/\\"))[-1]
