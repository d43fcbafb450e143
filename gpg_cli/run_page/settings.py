"""The settings of runs beside each other, those that differ first. Pure functions."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gpg_cli.publishing.cleaning import public_value
from gpg_cli.run_page.read import Run

# Of run.json, beside the settings: what a difference between two runs may come from.
_AROUND = ("preset", "seed", "processes", "hardware", "git_commit", "data", "notes", "versions")
# What no reader compares.
_LEFT_OUT = {"description", "output_dir"}
_LONGEST = 400


@dataclass(frozen=True)
class Setting:
    """One line: a name and each run's value as text; "" where a run does not set it."""

    name: str
    values: list[str]


@dataclass(frozen=True)
class Settings:
    """All that is known of how runs were made.

    Attributes:
        different: what is not the same in all of them; nothing for one run alone.
        same: the rest.
    """

    different: list[Setting]
    same: list[Setting]


def settings_of(runs: Sequence[Run]) -> Settings:
    """Settings by name, then what surrounded each run, without any place on a disk and without tokens."""
    known = [_flat(run) for run in runs]
    different: list[Setting] = []
    same: list[Setting] = []
    for name in _names(runs, known):
        found = [values.get(name) for values in known]
        # Compared before paths are cut: two data files of one name in two folders are two.
        target = same if all(value == found[0] for value in found) else different
        target.append(Setting(name, [_text(public_value({name: value})[name]) for value in found]))
    return Settings(different, same)


def _names(runs: Sequence[Run], known: Sequence[dict[str, Any]]) -> list[str]:
    """Settings by name, then the rest."""
    settings = {name for run in runs for name in run.settings if name not in _LEFT_OUT}
    return [*sorted(settings), *dict.fromkeys(name for values in known for name in values if name not in settings)]


def _flat(run: Run) -> dict[str, Any]:
    settings = {key: value for key, value in run.settings.items() if key not in _LEFT_OUT}
    around: dict[str, Any] = {}
    for key in _AROUND:
        value = run.facts.get(key)
        parts = {f"{key}: {name}": part for name, part in value.items()} if isinstance(value, dict) else {key: value}
        around |= {name: part for name, part in parts.items() if part not in (None, [], {})}
    return settings | around


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
