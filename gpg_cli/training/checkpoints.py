"""Checkpoints as files: each is whole and says so, or it is not gone on from.

A checkpoint is written in RUN/.checkpoint.tmp/, sealed with a manifest of every file, and renamed to
RUN/checkpoint-<step>. Where that step is there already, the old one is first renamed to RUN/.checkpoint-<step>.old and
deleted when the new one is in place. A run that is killed between these leaves a whole checkpoint under one of the two
names, and `find_newest` knows both. The name with a dot in front is not taken for a checkpoint by anything else.
"""

import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpg_cli.errors import GpgError
from gpg_cli.run_folder import read_json
from gpg_cli.sealed_folder import MANIFEST, sync_folder, what_is_wrong

STAGING = ".checkpoint.tmp"

_CHECKPOINT = re.compile(r"checkpoint-(\d+)|\.checkpoint-(\d+)\.old")


@dataclass(frozen=True)
class Newest:
    """The checkpoint to go on from.

    Attributes:
        path: its folder.
        ignored: newer ones that are broken, newest first, and what is wrong with each.
    """

    path: Path
    ignored: list[tuple[Path, str]]


def publish(staged: Path, final: Path) -> None:
    """Rename a sealed folder into place; a checkpoint of the same step is replaced.

    Args:
        staged: on the same file system as `final`.
        final: RUN/checkpoint-<step>.
    """
    aside = final.with_name(f".{final.name}.old")
    if final.exists():
        # Whatever is deleted or renamed here, the other one of the two is whole.
        if aside.exists() and what_is_wrong(aside, hashes=False) is None:
            _delete(final)
        else:
            _delete(aside)
            os.rename(final, aside)
    try:
        os.rename(staged, final)
    except OSError:
        if aside.exists():
            os.rename(aside, final)
        raise
    sync_folder(final.parent)
    _delete(aside)


def find_newest(run: Path) -> Newest:
    """The whole checkpoint of a run that has the highest step; every hash is checked.

    Raises:
        GpgError: there is none; broken ones are named with what is wrong.
    """
    ignored: list[tuple[Path, str]] = []
    for _, path in _checkpoints(run):
        wrong = what_is_wrong(path)
        if wrong is None:
            return Newest(path, ignored)
        ignored.append((path, wrong))
    broken = "; ".join(f"{path.name}: {wrong}" for path, wrong in ignored)
    raise GpgError(
        f"no checkpoint in {run} is whole: {broken}" if broken else f"there is no checkpoint in {run}",
        "Start again without --resume; --overwrite replaces the folder.",
    )


def read_facts(folder: Path) -> dict[str, Any]:
    """What `seal` was told.

    Raises:
        GpgError: there is no readable manifest.
    """
    facts = read_json(folder / MANIFEST).get("facts")
    if not isinstance(facts, dict):
        raise GpgError(f"{folder / MANIFEST} holds no facts about the run", "Go on from another checkpoint.")
    return facts


def delete_old(run: Path, keep: int | None, protect: Path | None = None, *, hashes: bool = False) -> None:
    """Make room: keep the newest whole checkpoints, and clear away what interrupted writing left.

    Broken checkpoints go with the whole ones of their age; those newer than the oldest that is kept stay, to be looked
    at.

    Args:
        run: the run folder.
        keep: how many whole checkpoints stay; None and 0 keep all.
        protect: one that stays whatever its age.
        hashes: how wholeness is judged, as for `what_is_wrong`.
    """
    _delete(run / STAGING)
    kept: set[int] = set()
    for step, path in _checkpoints(run):
        # The whole one of a step comes first under its own name, so a second one is a leftover of `publish`.
        is_leftover = path.name.startswith(".") and step in kept
        is_old = keep is not None and 0 < keep <= len(kept)
        is_protected = protect is not None and path.resolve() == protect.resolve()
        if (is_leftover or is_old) and not is_protected:
            _delete(path)
        elif what_is_wrong(path, hashes=hashes) is None:
            kept.add(step)


def tidy(run: Path, keep: int | None) -> None:
    """At the end of a run: no trace of writing that was interrupted, which the next checkpoint would have cleared away.

    Args:
        run: the run folder.
        keep: as for `delete_old`.
    """
    delete_old(run, keep)
    for _, path in _checkpoints(run):
        final = path.with_name(path.name.removeprefix(".").removesuffix(".old"))
        if path != final and what_is_wrong(path, hashes=False) is None:
            _delete(final)
            os.rename(path, final)


def differing_settings(before: dict[str, Any], now: dict[str, Any], *, may_differ: set[str]) -> list[str]:
    """The settings that are not those of the checkpoint, a line each, such as `seed: 1 in the checkpoint, 2 now`.

    They are compared as JSON gives them back (a tuple is a list, a path is text); one that is not set is null.

    Args:
        before: from a manifest.
        now: of this run.
        may_differ: keys that are not looked at.
    """
    lines = []
    for key in sorted((before.keys() | now.keys()) - may_differ):
        then, today = _as_json(before.get(key)), _as_json(now.get(key))
        if then != today and before.get(key) != now.get(key):
            lines.append(f"{key}: {then} in the checkpoint, {today} now")
    return lines


def _checkpoints(run: Path) -> list[tuple[int, Path]]:
    """(step, folder), the highest step first; of one step, what `publish` put aside last."""
    matches = [(_CHECKPOINT.fullmatch(path.name), path) for path in run.glob("*checkpoint-*") if path.is_dir()]
    found = [(int(match[1] or match[2]), path) for match, path in matches if match]
    return sorted(found, key=lambda item: (item[0], not item[1].name.startswith(".")), reverse=True)


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def _delete(path: Path) -> None:
    if path.is_symlink():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)
