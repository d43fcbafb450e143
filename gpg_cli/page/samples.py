"""What a browser of samples on a page is given: its data in one block, and what can be chosen."""

import base64
import gzip
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

_ENDING_NUMBER = re.compile(r"(.*?)(\d+(?:\.\d+)?)", re.DOTALL)


@dataclass(frozen=True)
class Filter:
    """One choice in the browser of samples.

    Attributes:
        name: the key under which the script finds a sample's value.
        label: what a reader sees.
        options: (value, how many samples have it).
    """

    name: str
    label: str
    options: list[tuple[str, int]]


def make_filter(name: str, label: str, values: Iterable[str], order: Sequence[str] = ()) -> Filter:
    """The options in the order given, else sorted."""
    counted = Counter(values)
    return Filter(name, label, [(value, counted[value]) for value in order or sorted(counted, key=natural)])


def packed(data: dict[str, Any]) -> str:
    """Data as JSON, compressed with gzip, in base64: a fifth of the size, and no character that HTML knows."""
    # mtime=0: the same data give the same page.
    content = gzip.compress(json.dumps(data, separators=(",", ":")).encode(), compresslevel=6, mtime=0)
    return base64.b64encode(content).decode()


def natural(text: str) -> tuple[str, float]:
    """Sorts what ends with a number by that number: 9 before 10, Level 9 before Level 10."""
    match = _ENDING_NUMBER.fullmatch(text)
    return (match[1], float(match[2])) if match else (text, 0.0)


def ends_with_number(text: str) -> bool:
    return _ENDING_NUMBER.fullmatch(text) is not None
