import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.journal import Journal, rewrite_samples
from tests.evaluation.samples import SAMPLE, changed


def test_a_sample_is_on_disk_before_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    with Journal(path) as journal:
        journal.append(SAMPLE)
        assert [json.loads(line) for line in path.read_text().splitlines()] == [
            {
                "bench": "math500",
                "index": 0,
                "number": 0,
                "problem": "1+1?",
                "groups": {},
                "prompt": "1+1?",
                "completion": r"\boxed{2}",
                "extracted": "2",
                "gold": "2",
                "verdict": "correct",
                "strict": "correct",
                "tokens": 10,
                "finish_reason": "stop",
                "seed": 7,
            }
        ]
        journal.append(changed(index=1))
    assert len(path.read_text().splitlines()) == 2


def test_any_text_comes_back_as_it_was(tmp_path: Path) -> None:
    text = "líne\nbreak \u2028 \x00 答え half a pair: \ud83d"
    with Journal(tmp_path / "samples.jsonl") as journal:
        journal.append(changed(completion=text))
    (line,) = (tmp_path / "samples.jsonl").read_text(encoding="utf-8").rstrip("\n").split("\n")
    assert json.loads(line)["completion"] == text


def test_without_a_path_nothing_is_kept(tmp_path: Path) -> None:
    with Journal(None) as journal:
        journal.append(SAMPLE)
    assert list(tmp_path.iterdir()) == []


def test_a_line_that_was_cut_short_is_cut_off_before_the_next_is_written(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    with Journal(path) as journal:
        journal.append(SAMPLE)
    whole = path.read_text()
    path.write_text(whole + whole[:25])
    with Journal(path) as journal:
        journal.append(changed(index=1))
    assert [json.loads(line)["index"] for line in path.read_text().splitlines()] == [0, 1]


def test_samples_are_rewritten_in_order(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    rewrite_samples(path, [changed(index=1), changed(index=0, number=1), changed(index=0), changed(bench="aime24")])
    keys = [(row["bench"], row["index"], row["number"]) for row in map(json.loads, path.read_text().splitlines())]
    assert keys == [("aime24", 0, 0), ("math500", 0, 0), ("math500", 0, 1), ("math500", 1, 0)]


def test_a_full_disk_leaves_no_half_line_for_the_next_sample_to_run_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "samples.jsonl"
    with Journal(path) as journal:
        journal.append(SAMPLE)
        with monkeypatch.context() as patch:
            patch.setattr(journal, "_file", FullAfter(journal, 40))
            with pytest.raises(GpgError, match="No space left on device"):
                journal.append(changed(index=1))
        journal.append(changed(index=2))
    assert [json.loads(line)["index"] for line in path.read_text().splitlines()] == [0, 2]


class FullAfter:
    """The journal's file on a disk with room for some bytes more."""

    def __init__(self, journal: Journal, room: int) -> None:
        self._file: Any = journal._file
        self._room = room

    def write(self, text: memoryview) -> int:
        if not self._room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = min(self._room, len(text))
        self._room -= taken
        return int(self._file.write(text[:taken]))

    def fileno(self) -> int:
        return int(self._file.fileno())
