"""The disk is full, from one moment on or for a while: training goes on or ends in words, and nothing is lost."""

import os
import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gpg_cli.sealed_folder import what_is_wrong
from tests.faults import LONG
from tests.faults.training_runs import Fault, Training

_SIZE_MB = 40


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own; the test is skipped where it cannot be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_SIZE_MB}m", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


# Where the disk fills, and how much is left: nothing; less than a configuration; part of the weights; part of the
# optimiser's state; all but the manifest or so.
_PLACES = ["run/run.json.tmp", "run/metrics.jsonl", "run/.checkpoint.tmp", "run/model.tmp", "run/reward.png.tmp"]
_ROOMS = [0, 4096, 500_000, 2_000_000, 3_700_000]


@pytest.mark.parametrize("times", [1, pytest.param(25, marks=LONG)])
def test_the_disk_fills_up(times: int, whole_training: Training, small_disk: Path, tally: Callable) -> None:
    """It stays so, until somebody makes room and goes on."""
    chosen = random.Random(14)
    changes = whole_training.changes
    for number in range(times):
        place = "run/.checkpoint.tmp" if times == 1 else _PLACES[number % len(_PLACES)]
        room = 500_000 if times == 1 else _ROOMS[number // len(_PLACES)]
        moment = chosen.choice([index + 1 for index, path in enumerate(changes) if path == place])
        training = Training(small_disk / str(number), whole_training.command)
        ended = training.fork(whole_training.command, Fault(moment, room=room))
        assert ended.code in (0, 2), (place, moment, room, ended.said)
        assert "Traceback" not in ended.said
        if ended.code:
            assert ended.said.count("Make room") == 1, ended.said
            assert "No space left on device" in ended.said, ended.said
            assert ended.said.rstrip().endswith(" ".join(["gpg", *training.going_on])), ended.said
        assert not [what_is_wrong(path) for path in training.run.glob("checkpoint-*") if what_is_wrong(path)]
        training.filler.unlink()
        ended = training.go_on()
        assert ended.code == 0, (place, moment, room, ended.said)
        training.assert_equals(whole_training)
        subprocess.run(["rm", "-r", str(training.folder)], check=True)
    tally("trainings whose disk filled up", times)


@pytest.mark.parametrize("times", [pytest.param(10, marks=LONG)])
def test_the_disk_is_full_for_a_while(times: int, whole_training: Training, small_disk: Path, tally: Callable) -> None:
    """The run goes on: what is missing afterwards is a checkpoint, or a file of completions, and it is said."""
    chosen = random.Random(15)
    changes = whole_training.changes
    starts = [index + 1 for index, path in enumerate(changes) if path == "run/metrics.jsonl"]
    for number in range(times):
        moment = chosen.choice(starts[1:-1]) + chosen.randrange(8)
        fault = Fault(moment, room=chosen.choice(_ROOMS), until=moment + chosen.randint(2, 12))
        training = Training(small_disk / str(number), whole_training.command)
        ended = training.fork(whole_training.command, fault)
        assert ended.code == 0, (fault, ended.said)
        assert training.metrics() == whole_training.metrics()
        assert training.kept() == whole_training.kept()
        model = training.run / "model" / "model.safetensors"
        assert model.read_bytes() == (whole_training.run / "model" / model.name).read_bytes()
        kept, all_of_it = training.completions(), whole_training.completions()
        assert kept.items() <= all_of_it.items()
        assert all(f"could not write completions/{name}" in ended.said for name in all_of_it.keys() - kept.keys())
        assert not [what_is_wrong(path) for path in training.run.glob("*checkpoint-*") if what_is_wrong(path)]
        assert not [path for path in training.run.iterdir() if "tmp" in path.name]
        subprocess.run(["rm", "-r", str(training.folder)], check=True)
    tally("trainings whose disk was full for a while", times)
