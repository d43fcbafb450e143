"""Is it a Hub id or a place on this machine? Only the former may be published as it is."""

import os
import re

# Left in every export, with the names of its files; what holds none of ours is never overwritten.
MARKER = "gpg_export.json"

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_DATA_SUFFIXES = (".json", ".jsonl", ".csv", ".parquet", ".arrow", ".txt", ".yaml", ".yml", ".gz", ".zst")


def hub_id(name: str | None) -> str | None:
    """`name` where it reads as `org/name` and nothing of that name lies here, else None.

    A Hub id without an organisation is not told apart from a folder's name, so it does not count.
    """
    if name is None or not _HUB_ID.fullmatch(name) or name.endswith(_DATA_SUFFIXES) or os.path.exists(name):
        return None
    return name


def public_name(name: str) -> str:
    """A model or data set as others may read it: a Hub id whole, of a path only the last component."""
    return name if hub_id(name) else last_component(name)


def last_component(path: str) -> str:
    """The file's or folder's own name, whatever the machine's separator."""
    return re.split(r"[/\\]", path.rstrip("/\\"))[-1]
