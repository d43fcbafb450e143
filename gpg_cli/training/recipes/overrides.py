"""Overrides in TRL's own style: `--learning_rate 2e-6 --bf16 --reward_funcs accuracy format`, for a copied command."""

import json
import types
import typing
from collections.abc import Collection, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Literal

from gpg_cli.errors import GpgError
from gpg_cli.training.recipes.keys import REFUSED, RENAMED, WITHOUT_EFFECT
from gpg_cli.yaml_file import did_you_mean, read_yaml_value

# Keys of other projects that translate.py turns into other keys, and which of them are switches.
_CONVERTED = {"torch_dtype": str, "warmup_ratio": float, "weighted_sample": bool, "adafactor": bool}
_CONVERTED |= {"gradient_checkpointing_use_reentrant": bool, "accelerate_config": str}
_LIST_TYPES = (list, tuple, set)


def read_overrides(words: Sequence[str], types_of_keys: Mapping[str, Any], options: Collection[str]) -> list[str]:
    """The words of a command that are no options of ours -> assignments `--key=value` with values in YAML.

    As TRL's parser has it: `--key value`, `--key=value`, several words for a list, no word for true, `--no_key` for
    false, and dashes for underscores.

    Args:
        words: what is left of the command line.
        types_of_keys: the type of each setting of a run.
        options: names of our own options, for a mistyped one.

    Raises:
        GpgError: a word that belongs to no option, an unknown option, or one that lacks its value.
    """
    assignments = []
    for option, values in _grouped(words):
        key, negated = _key_of(option, types_of_keys, options)
        if negated:
            assignments.append(f"--{key}=false")
            continue
        kind = types_of_keys.get(RENAMED.get(key, key), _CONVERTED.get(key, object))
        if not values and not (_takes(kind, bool) or kind is object):
            raise GpgError(f"{option} needs a value", f"For example: {option} VALUE")
        assignments.append(f"--{key}={_as_yaml(values, kind)}")
    return assignments


def _grouped(words: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Each option with the words that follow it."""
    groups: list[tuple[str, list[str]]] = []
    for word in words:
        if word.startswith("--") and len(word) > 2:
            option, equals, value = word.partition("=")
            groups.append((option, [value] if equals else []))
        elif groups:
            groups[-1][1].append(word)
        else:
            hint = (
                f"Did you mean --config {word}?"
                if Path(word).suffix in (".yaml", ".yml")
                else "See `gpg train --help`."
            )
            raise GpgError(f"{word!r} belongs to no option", hint)
    return groups


def _key_of(option: str, types_of_keys: Mapping[str, Any], options: Collection[str]) -> tuple[str, bool]:
    """The key of a setting, and whether `--no_` stands before it."""
    key = option[2:].replace("-", "_")
    known = types_of_keys.keys() | RENAMED.keys() | WITHOUT_EFFECT.keys() | REFUSED.keys() | _CONVERTED.keys()
    if key in known:
        return key, False
    positive = key.removeprefix("no_")
    if positive != key and _takes(types_of_keys.get(positive), bool):
        return positive, True
    # Our own options come first: they are few, and what most people meant.
    hint = did_you_mean(option.replace("_", "-"), options) or did_you_mean(option, [f"--{name}" for name in known])
    raise GpgError(f"unknown option {option}", f"{hint}See `gpg train --help`; every setting of a recipe works too.")


def _as_yaml(values: list[str], kind: Any) -> str:
    if not values:
        return "true"
    if _takes(kind, *_LIST_TYPES):
        items = values if len(values) > 1 or not values[0].startswith("[") else _parsed(values[0])
        return json.dumps([_item(item, kind) for item in items], ensure_ascii=False)
    text = " ".join(values)
    # A text stays as it is: a prompt with a colon is no mapping.
    return json.dumps(text, ensure_ascii=False) if _is_text(kind) and text != "null" else text


def _item(item: Any, kind: Any) -> Any:
    return item if not isinstance(item, str) or _holds_texts(kind) else _parsed(item)


def _parsed(text: str) -> Any:
    try:
        return read_yaml_value(text)
    except ValueError:
        return text


def _members(kind: Any) -> tuple[Any, ...]:
    """The members of a union, without None; anything else is its own only member."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return tuple(member for part in typing.get_args(kind) if part is not type(None) for member in _members(part))
    return (kind,)


def _takes(kind: Any, *wanted: type) -> bool:
    return any((typing.get_origin(member) or member) in wanted for member in _members(kind))


def _is_text(kind: Any) -> bool:
    """Whether every value is a text: `--save_strategy no` means the word, not YAML's false."""
    return all(
        member is str
        or (isinstance(member, type) and issubclass(member, Enum))
        or (typing.get_origin(member) is Literal and all(isinstance(choice, str) for choice in typing.get_args(member)))
        for member in _members(kind)
    )


def _holds_texts(kind: Any) -> bool:
    return any(typing.get_args(member)[:1] == (str,) for member in _members(kind) if typing.get_origin(member) is list)
