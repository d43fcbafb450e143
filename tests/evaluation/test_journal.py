import json
from pathlib import Path

from gpg_cli.evaluation.journal import Journal

from .test_metrics import SAMPLE, changed


def test_a_sample_is_on_disk_before_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    with Journal(path) as journal:
        journal.append(SAMPLE)
        assert [json.loads(line) for line in path.read_text().splitlines()] == [
            {
                "bench": "math500",
                "index": 0,
                "problem": "1+1?",
                "prompt": "1+1?",
                "completion": r"\boxed{2}",
                "extracted": "2",
                "gold": "2",
                "verdict": "correct",
                "tokens": 10,
                "finish_reason": "stop",
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
