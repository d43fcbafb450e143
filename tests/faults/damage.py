"""Files of ours as another program, an older version, a bad disk or a stranger may leave them."""

import copy
import json
from collections.abc import Iterator, Sequence
from typing import Any

import hypothesis.strategies as st

Place = tuple[str | int, ...]

# JSON, or almost.
STRANGE = (
    *("null", "true", "false", "0", "-1", "1", "7", "1.5", "-0.0", "1e308", "1e999", "NaN", "-Infinity", "5e-324"),
    *("9" * 30, "-" + "9" * 30, "9" * 5000),
    *('""', '" "', '"x"', '"1"', '"\\ud800"', '"a\\u0000b"', '"[/bold]"', '"[red]"', '"../../etc/passwd"', '"/"'),
    *('"{{ 7 * 7 }}"', '"\\u202e\\n\\r\\u2028"', '"' + "x" * 100_000 + '"', '"é😀"', '"%s%d{}{0}"'),
    *("[]", "[null]", "[[]]", "[1, 2, 3]", '["x"]', '[{"a": 1}]', "{}", '{"": null}', '{"a": {"b": []}}', '{"x": 1}'),
    *('{"\\ud800": "\\ud800"}', '{"[/bold]": 1}', "[" * 100_000, "[" * 900 + "]" * 900, "", "undefined", "'x'"),
)
_HERE = "\x00here"


def places(value: Any, before: Place = ()) -> Iterator[Place]:
    """Where a JSON value holds a value, itself included."""
    yield before
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inside:
        yield from places(each, (*before, key))


def with_text(value: Any, place: Place, text: str | None) -> str:
    """A JSON value as text, with another text in one of its places, or without what stands there (None)."""
    if not place:
        return text or ""
    changed = copy.deepcopy(value)
    holder = changed
    for key in place[:-1]:
        holder = holder[key]
    if text is None:
        del holder[place[-1]]
    else:
        holder[place[-1]] = _HERE
    return json.dumps(changed).replace(json.dumps(_HERE), text or "")


def every_damage(value: Any, texts: Sequence[str] = STRANGE) -> Iterator[str]:
    """The value as text, with each strange text in each place, and without what stands in each."""
    return (with_text(value, place, text) for place in places(value) for text in (*texts, None))


@st.composite
def damaged_json(draw: st.DrawFn, value: Any) -> bytes:
    """A JSON value as a file, damaged in one place."""
    if draw(st.integers(0, 4)) == 0:
        return draw(damaged_bytes(json.dumps(value).encode()))
    text = with_text(value, draw(st.sampled_from(list(places(value)))), draw(st.sampled_from([*STRANGE, None])))
    return text.encode()


@st.composite
def damaged_lines(draw: st.DrawFn, rows: Sequence[Any]) -> bytes:
    """Rows as a .jsonl file, of which lines are damaged, lost, doubled or swapped."""
    lines = [json.dumps(row).encode() for row in rows]
    for _ in range(draw(st.integers(1, 3))):
        where = draw(st.integers(0, len(lines) - 1)) if lines else 0
        match draw(st.integers(0, 6)) if lines else 0:
            case 0:
                lines.insert(where, draw(st.sampled_from([b"", b" ", b"\xff\xfe", b"null", b"{}", b"[]", b"\x00" * 9])))
            case 1:
                del lines[where]
            case 2:
                lines.append(lines[where])
            case 3:
                lines.reverse()
            case _:
                lines[where] = draw(damaged_json(rows[where % len(rows)]))
    return b"\n".join(lines) + draw(st.sampled_from([b"\n", b"\n", b"\n", b"", b"\r\n"]))


@st.composite
def damaged_bytes(draw: st.DrawFn, content: bytes) -> bytes:
    """A file with some bytes lost, changed, doubled or put in."""
    first, second = sorted(draw(st.lists(st.integers(0, len(content)), min_size=2, max_size=2)))
    middle = draw(
        st.sampled_from([b"", b"\xff", b"\x00", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"{", b'"', b"\n", b"9" * 50])
    )
    match draw(st.integers(0, 4)):
        case 0:
            return content[:first]
        case 1:
            return content[:first] + middle + content[first:]
        case 2:
            return content[:first] + middle + content[second:]
        case 3:
            return content[:second] + content[first:second] + content[second:]
        case _:
            return draw(st.binary(max_size=200))
