"""The card's section on how to make the model again: what was run, on what, and with what changed."""

import shlex
from collections.abc import Iterator
from typing import Any

from gpg_cli.catalog import preset_paths
from gpg_cli.publishing.facts import RunFacts
from gpg_cli.publishing.markdown import code, code_block, inline, plain
from gpg_cli.yaml_file import read_yaml_mapping


def reproduction(facts: RunFacts | None) -> str:
    """The section's text; empty for a model that is no run's."""
    if facts is None:
        return ""
    command = code_block(shlex.join(["gpg", *map(plain, facts.command)]), "bash") if facts.command else ""
    lines = "\n".join(f"- {line}" for line in _lines(facts))
    return "\n\n".join(part for part in (command, lines) if part)


def _lines(facts: RunFacts) -> Iterator[str]:
    if facts.preset:
        yield f"Preset: {code(facts.preset)}"
        changed = changes_to_preset(facts)
        if changed:
            yield f"Changed from the preset: {', '.join(code(f'{key}={value}') for key, value in changed.items())}"
    if facts.seed is not None:
        yield f"Seed: {facts.seed}"
    rows, sha256 = facts.data.get("rows"), facts.data.get("sha256")
    if isinstance(rows, int) and isinstance(sha256, str):
        yield f"Training data: {rows:,} rows, SHA-256 of problems and answers {code(sha256)}"
    if facts.hardware:
        many = f", {facts.processes} processes" if facts.processes and facts.processes > 1 else ""
        yield f"Hardware: {inline(facts.hardware)}{many}"
    for note in facts.notes:
        yield f"Note of the run: {inline(note)}"
    if facts.git_commit:
        yield f"Git commit of gpg-cli: {code(facts.git_commit)}"
    if facts.versions:
        yield f"Versions: {inline(', '.join(f'{name} {version}' for name, version in facts.versions.items()))}"
    yield "All settings are in `run.json`, every step in `metrics.jsonl`."


def changes_to_preset(facts: RunFacts) -> dict[str, Any]:
    """What the preset has otherwise, with the values of the run; what it leaves open is not compared."""
    path = preset_paths().get(facts.preset or "")
    if path is None:
        return {}
    preset = read_yaml_mapping(path).values
    return {
        key: facts.settings[key]
        for key in preset
        if key in facts.settings and not _same(facts.settings[key], preset[key])
    }


def _same(ours: Any, theirs: Any) -> bool:
    """Whether two values mean the same: a number that YAML 1.1 takes for text, 1e-6, is one."""
    if ours == theirs:
        return True
    try:
        return float(ours) == float(theirs)
    except (TypeError, ValueError):
        return False
