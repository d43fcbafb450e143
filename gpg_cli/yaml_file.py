"""YAML files that a person wrote: read safely, with the line of every key, and with errors that name it."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpg_cli.errors import GpgError

if TYPE_CHECKING:
    import yaml


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
        GpgError: the file is missing, does not parse (the line is named), is no mapping, or names a key twice.
    """
    # Imported here, so that what needs no more than a name that is near does not wait for it.
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise GpgError(f"cannot read {path}: {reason}", "Check the path.") from error
    # libyaml where PyYAML was built with it: ten times faster, and the lists are to appear at once.
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        node = loader.get_single_node()
        values: Any = loader.construct_document(node) if node is not None else None
    except yaml.MarkedYAMLError as error:
        raise GpgError(f"{path}{_line(error, text)} is not valid YAML: {error.problem}", "Mend that line.") from error
    except (yaml.YAMLError, ValueError) as error:
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
