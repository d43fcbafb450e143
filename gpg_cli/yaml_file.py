"""YAML files that a person wrote: read safely, with the line of every key, and with errors that name it."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpg_cli.errors import GpgError

if TYPE_CHECKING:
    import yaml

# The longest preset has 5 kB and 60 keys.
_MOST_BYTES = 1_000_000
_MOST_NODES = 20_000


@dataclass(frozen=True)
class YamlMapping:
    """A flat look at a YAML file: its top-level values, and the line (from 1) on which each key stands."""

    path: Path
    values: dict[str, Any]
    lines: dict[str, int]

    def where(self, key: str) -> str:
        """`file:line` of a key, for an error message."""
        return f"{self.path}:{self.lines[key]}" if key in self.lines else str(self.path)


def read_yaml_mapping(path: Path) -> YamlMapping:
    """Read a YAML file whose top level is a mapping with text keys.

    Raises:
        GpgError: the file is missing, does not parse (the line is named), is no mapping, names a key twice, or
            is larger than settings can be.
    """
    # Imported here, so that what needs no more than a name that is near does not wait for it.
    import yaml

    try:
        if path.stat().st_size > _MOST_BYTES:
            raise GpgError(f"{path} has more than {_MOST_BYTES // 1000} kB: too much for settings", "Check the path.")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise GpgError(f"cannot read {path}: {reason}", "Check the path.") from error
    # libyaml where PyYAML was built with it: ten times faster, and the lists are to appear at once.
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        node = loader.get_single_node()
        if node is not None and _nodes(node, {}) > _MOST_NODES:
            raise GpgError(f"{path} stands for more than {_MOST_NODES} values", "Write them without anchors.")
        values: Any = loader.construct_document(node) if node is not None else None
    except yaml.MarkedYAMLError as error:
        raise GpgError(f"{path}{_line(error, text)} is not valid YAML: {error.problem}", "Mend that line.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise GpgError(f"{path} is not valid YAML: {error}", "Mend the file.") from error
    finally:
        loader.dispose()
    if not isinstance(node, yaml.MappingNode) or not all(isinstance(key, str) for key in values):
        raise GpgError(f"{path} does not hold settings", "Write one `key: value` a line.")
    lines: dict[str, int] = {}
    for key_node, _ in node.value:
        line_number = key_node.start_mark.line + 1
        if key_node.value in lines:
            raise GpgError(f"{path}:{line_number} sets {key_node.value!r} a second time", "Keep one of the two lines.")
        lines[key_node.value] = line_number
    return YamlMapping(path, values, lines)


def _nodes(node: Any, counted: dict[int, int]) -> int:
    """How many values a document has with its anchors written out: a few lines can stand for billions."""
    if id(node) not in counted:
        # While it is counted: a value that holds itself has no end.
        counted[id(node)] = _MOST_NODES + 1
        parts = [part for pair in node.value for part in (pair if isinstance(pair, tuple) else (pair,))]
        inside = 0 if isinstance(node.value, str) else sum(_nodes(part, counted) for part in parts)
        counted[id(node)] = 1 + inside
    return counted[id(node)]


def _line(error: "yaml.MarkedYAMLError", text: str) -> str:
    """`:line` of the mistake: where an unclosed bracket stands, not the end of the file where it was missed."""
    marks = [mark for mark in (error.problem_mark, error.context_mark) if mark]
    inside = [mark for mark in marks if mark.line < len(text.splitlines())]
    return f":{inside[0].line + 1}" if inside else ""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` Did you mean a or b?` with the names nearest to `name`, or an empty string where none is near."""
    import difflib

    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f"Did you mean {' or '.join(near)}? " if near else ""
