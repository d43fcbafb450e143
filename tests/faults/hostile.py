"""Values and texts that programs trip over, and what the command line may make of them: words, and no more."""

import datetime
import math
from typing import Any

import hypothesis.strategies as st

from tests.conftest import Outcome

# Of every kind that YAML or JSON knows, at the edges of their ranges.
SCALARS: list[Any] = [None, True, False, 0, -1, 1, 2**31, 10**30, 0.5, -0.5, 1e308, math.nan, math.inf]
TEXTS = [
    "",
    " ",
    "x",
    "no",
    "2",
    "a b",
    "a\0b",
    "../x",
    "/",
    "ä\u2028",
    "x" * 300,
    "{problem}",
    "[red]",
    "$",
    "\\frac{",
]
NESTED: list[Any] = [[], [1], ["x"], [None], [[]], {}, {"a": 1}, {"a": {"b": None}}]
JSON_VALUES = [*SCALARS, *TEXTS, "\ud800", "\ufeff", *NESTED]
YAML_VALUES = [*SCALARS, *TEXTS, *NESTED, b"\xff", datetime.date(2020, 1, 1)]


def json_values() -> st.SearchStrategy[Any]:
    """Of any type, the known stumbling blocks among them."""
    leaves = st.sampled_from(JSON_VALUES) | st.text(max_size=8) | st.integers() | st.floats()
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    )


def damaged(content: bytes) -> st.SearchStrategy[bytes]:
    """A file cut short, or with some of its bytes changed."""
    places = st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255))
    cut = st.integers(0, len(content) - 1).map(lambda end: content[:end])
    return cut | st.lists(places, min_size=1, max_size=8).map(lambda changes: _changed(content, changes))


def _changed(content: bytes, changes: list[tuple[int, int]]) -> bytes:
    made = bytearray(content)
    for place, value in changes:
        made[place] = value
    return bytes(made)


def told(outcome: Outcome) -> None:
    """It worked, or it said in words why not."""
    assert outcome.code in (0, 1, 2), outcome.err
    if outcome.code == 2:
        assert "Error: " in outcome.err
    assert "Traceback" not in outcome.err
