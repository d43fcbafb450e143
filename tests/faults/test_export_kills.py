"""`gpg export --to DIR` is killed, again and again: DIR is absent, the old export, or the whole new one."""

import json
import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults import LONG

Files = dict[str, bytes]

# What is at work from the first byte that is written to the last folder that is renamed.
_MODULES = "gpg_cli.publishing.staging,gpg_cli.publishing.run,gpg_cli.publishing.weights,gpg_cli.publishing.checkpoint"


def export(run: Path, target: Path, line: int) -> "subprocess.CompletedProcess[bytes]":
    """Killed at a line of these modules; never with 0."""
    command = [sys.executable, "-m", "tests.faults.killing", _MODULES, str(line), "export", run, "--to", target]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [*map(str, command), "--overwrite"], env=environment, capture_output=True, start_new_session=True, check=False
    )


def tree(folder: Path) -> Files:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kills", [pytest.param(2, id="short"), pytest.param(20, marks=LONG, id="long")])
def test_a_folder_is_never_half_an_export(
    run: Path, tmp_path: Path, tally: Callable[[str, int], None], kills: int
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    target = place / "exported"
    first = export(run, target, 0)
    assert first.returncode == 0, first.stderr.decode()
    whole = tree(target)
    lines = sum(json.loads(re.findall(rb"\{.*\}$", first.stdout, re.MULTILINE)[-1]).values())
    old = {"README.md": b"# Old", "gpg_export.json": b"{}", "old.safetensors": b"old"}
    moments = random.Random(8)
    for number in range(kills):
        # Half of them while the old one is replaced, near the end.
        line = moments.randint(1, lines) if number % 2 else lines - moments.randint(0, 20)
        put(old if number % 3 else None, target)
        killed = export(run, target, line)
        assert killed.returncode == -signal.SIGKILL
        assert (tree(target) if target.exists() else None) in (old if number % 3 else None, whole)
    put(old, target)
    assert export(run, target, 0).returncode == 0
    assert tree(target) == whole
    # The copies of those that were killed are gone too.
    assert [path.name for path in place.iterdir()] == ["exported"]
    tally("exports to a folder killed", kills)


def put(files: Files | None, target: Path) -> None:
    """Have these files there, or nothing."""
    for path in sorted(target.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    if target.exists():
        target.rmdir()
    for name, content in (files or {}).items():
        target.mkdir(exist_ok=True)
        (target / name).write_bytes(content)
