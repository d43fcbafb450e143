"""What else happens to `gpg eval`: its disk is full, or a scheduler or a person stops it."""

import errno
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.run import EvalRequest, EvalResult, evaluate
from tests.faults import LONG
from tests.faults.test_evaluation_kills import Evaluation, data, left_running, seconds_until_first_sample

__all__ = ["data"]

Run = Callable[..., EvalResult]
Tally = Callable[[str, int], None]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a tmpfs")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.fixture
def measure(chat_model: Path, data: Path) -> Run:
    def call(folder: Path) -> EvalResult:
        request = EvalRequest(str(chat_model), ["amc23"], {"amc23": data}, samples=4, max_tokens=8, output_dir=folder)
        return evaluate(request, html=True)

    return call


def what_was_told(measure: Run, folder: Path) -> GpgError | None:
    try:
        measure(folder)
    except GpgError as error:
        return error
    return None


def lines(folder: Path) -> list[str]:
    return (folder / "samples.jsonl").read_text().splitlines()


@pytest.mark.parametrize("fills", [pytest.param([0.2, 0.97], id="short"), pytest.param(range(20), marks=LONG)])
def test_a_disk_that_is_full_is_told_in_words_and_nothing_is_lost(
    measure: Run, small_disk: Path, tmp_path: Path, tally: Tally, fills: list[float] | range
) -> None:
    """Full before the first sample, among them, and while results are written: samples take a quarter of its room."""
    measure(tmp_path / "elsewhere")
    expected = lines(tmp_path / "elsewhere")
    needed = sum(path.stat().st_size for path in (tmp_path / "elsewhere").iterdir())
    assert needed < 200_000
    told = 0
    for number, fill in enumerate(fills):
        folder = small_disk / f"out-{number}"
        # Of what is needed, the samples' second copy included, this share is there.
        share = fill if isinstance(fill, float) else fill / 20
        room = int(share * needed)
        filling = small_disk / "filling"
        taken = os.statvfs(small_disk)
        filling.write_bytes(bytes(max(0, taken.f_bavail * taken.f_bsize - room)))
        error = what_was_told(measure, folder)
        if error is not None:
            told += 1
            assert os.strerror(errno.ENOSPC) in error.message
            assert "the same command goes on" in error.hint or "another file" in error.hint
        assert not list(folder.glob("*.tmp"))
        kept = lines(folder) if (folder / "samples.jsonl").exists() else []
        assert set(kept) <= set(expected)
        filling.unlink()
        measure(folder)
        assert lines(folder) == expected
        for path in folder.iterdir():
            path.unlink()
    assert told >= len(fills) // 2
    tally("disks that were full during an evaluation", told)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_who_stops_an_evaluation_is_told_how_it_goes_on_and_keeps_what_is_finished(
    chat_model: Path, data: Path, tmp_path: Path, number: signal.Signals
) -> None:
    evaluation = Evaluation(chat_model, data, "transformers")
    process = evaluation.start(tmp_path / "out")
    seconds_until_first_sample(process, tmp_path / "out", 1)
    os.killpg(process.pid, number)
    process.communicate()
    told = (tmp_path / "out.log").read_text().splitlines()[-2:]
    what = "interrupted" if number == signal.SIGINT else "ended by SIGTERM"
    assert told == [f"Error: {what}", "Run the same command again."]
    assert process.returncode == 128 + number
    assert [json.loads(line)["bench"] for line in lines(tmp_path / "out")]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["evaluation.json", "samples.jsonl"]
    assert left_running(process.pid) == []
