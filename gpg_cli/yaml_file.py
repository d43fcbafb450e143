"""YAML files that a person wrote: read safely, with the line of every key, and with errors that name it."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpg_cli.errors import GpgError
from gpg_cli.text_file import read_text_file

if TYPE_CHECKING:
    import yaml

# The largest file that ships has 8 kB, and the values of none are more than some hundreds. What an alias (`*name`)
# stands for counts each time: ten lines of ten aliases each are ten billion values.
_MAX_BYTES = 1_000_000
_MAX_VALUES = 100_000


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
        GpgError: the file is missing, too large, does not parse (the line is named), is no mapping, names a key twice,
            or has aliases that stand for too much or for themselves.
    """
    text = read_text_file(path, str(path), max_bytes=_MAX_BYTES, hint="Check the path.")
    values, node = _read(text, path)
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise GpgError(f"{path} does not hold settings", "Write one `key: value` a line.")
    lines: dict[str, int] = {}
    for key_node, _ in node.value:
        line_number = key_node.start_mark.line + 1
        if key_node.value in lines:
            raise GpgError(f"{path}:{line_number} sets {key_node.value!r} a second time", "Keep one of the two lines.")
        lines[key_node.value] = line_number
    return YamlMapping(path, values, lines)


def read_yaml_value(text: str) -> Any:
    """The value of a text on the command line.

    Raises:
        ValueError: it is no YAML, or its aliases stand for too much.
    """
    import yaml

    try:
        values, _ = _load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    return values


def _read(text: str, path: Path) -> tuple[Any, Any]:
    import yaml

    try:
        return _load(text)
    except yaml.MarkedYAMLError as error:
        raise GpgError(f"{path}{_line(error, text)} is not valid YAML: {error.problem}", "Mend that line.") from error
    except (yaml.YAMLError, ValueError) as error:
        raise GpgError(f"{path} is not valid YAML: {error}", "Mend the file.") from error


def _load(text: str) -> tuple[Any, Any]:
    """The values of a document, and its tree.

    Raises:
        YAMLError, ValueError: it is no YAML, or its aliases stand for too much.
    """
    # Imported here, so that what needs no more than a name that is near does not wait for it.
    import yaml

    # libyaml where PyYAML was built with it: ten times faster, and the lists are to appear at once.
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None, None
        _count(node, {})
        return loader.construct_document(node), node
    except (KeyError, IndexError, AttributeError, TypeError, OverflowError) as error:
        # What PyYAML's constructors raise at a value that is not of its own tag, as `!!bool abc`.
        raise ValueError(f"a value does not fit its tag ({type(error).__name__}: {error})") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    finally:
        loader.dispose()


def _count(node: Any, counted: dict[int, int | None]) -> int:
    """How many values a node stands for, with all that its aliases repeat.

    Raises:
        ValueError: too many, or itself among them.
    """
    import yaml

    if id(node) in counted:
        if (known := counted[id(node)]) is None:
            raise ValueError(f"line {node.start_mark.line + 1}: an alias stands for a value that it is part of")
        return known
    counted[id(node)] = None
    total = 1
    if isinstance(node, yaml.CollectionNode):
        for item in node.value:
            total += sum(_count(part, counted) for part in item) if isinstance(item, tuple) else _count(item, counted)
    if total > _MAX_VALUES:
        raise ValueError(f"line {node.start_mark.line + 1}: it stands for more than {_MAX_VALUES:,} values")
    counted[id(node)] = total
    return total


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
