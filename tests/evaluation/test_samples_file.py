"""samples.jsonl read back."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.journal import Journal, Sample
from gpg_cli.evaluation.samples_file import read_samples
from tests.evaluation.samples import SAMPLE, changed


def written(path: Path, *samples: Sample) -> Path:
    with Journal(path) as journal:
        for sample in samples:
            journal.append(sample)
    return path


def test_samples_come_back_as_they_were(tmp_path: Path) -> None:
    odd = changed(
        index=1, completion="half a pair \ud83d, \u2028, \x00", gold=("1", "2"), extracted=None, groups={"level": "3"}
    )
    overlap = changed(index=2, value=0.25, strict_value=0.0)
    path = written(tmp_path / "samples.jsonl", SAMPLE, odd, overlap)
    assert read_samples(path) == [SAMPLE, odd, overlap]


def test_of_two_that_are_the_same_the_last_counts(tmp_path: Path) -> None:
    path = written(tmp_path / "samples.jsonl", SAMPLE, changed(verdict="wrong"))
    assert [sample.verdict for sample in read_samples(path)] == ["wrong"]


@pytest.mark.parametrize("cut", [1, 40, 300])
def test_a_line_that_a_kill_cut_short_is_passed_over(tmp_path: Path, cut: int) -> None:
    path = written(tmp_path / "samples.jsonl", SAMPLE, changed(index=1, completion="答" * 100))
    path.write_bytes(path.read_bytes()[:-cut])
    assert read_samples(path) == [SAMPLE]


def test_a_file_without_a_whole_line_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    path.write_text('{"bench": "ma')
    assert read_samples(path) == []


def test_samples_of_an_earlier_version_are_read(tmp_path: Path) -> None:
    row = asdict(SAMPLE)
    for key in ("number", "groups", "strict", "seed"):
        del row[key]
    path = tmp_path / "samples.jsonl"
    path.write_text(json.dumps(row) + "\n")
    (sample,) = read_samples(path)
    assert (sample.number, sample.groups, sample.strict) == (0, {}, "correct")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nonsense", "samples.jsonl:1 is not JSON"),
        ("[]", "is not a JSON object"),
        ("{}", "samples.jsonl:1 is not a sample"),
        (json.dumps({**asdict(SAMPLE), "tokens": "many"}), "samples.jsonl:1 is not a sample: tokens"),
        (json.dumps({**asdict(SAMPLE), "groups": 3}), "samples.jsonl:1 is not a sample: groups"),
        (
            json.dumps({**asdict(SAMPLE), "verdict": "right"}),
            "not a sample: verdict: 'right' is none of correct, wrong",
        ),
        (json.dumps({**asdict(SAMPLE), "strict": ""}), "not a sample: strict: '' is none of"),
        (json.dumps({**asdict(SAMPLE), "index": -1}), "not a sample: index: -1 is negative"),
    ],
)
def test_what_is_no_sample_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "samples.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(GpgError, match=message):
        read_samples(path)


def test_the_line_is_told_as_an_editor_counts(tmp_path: Path) -> None:
    path = written(tmp_path / "samples.jsonl", SAMPLE)
    path.write_bytes(path.read_bytes() + b"\n\n{}\n")
    with pytest.raises(GpgError, match=r"samples\.jsonl:4 is not a sample: bench"):
        read_samples(path)


def test_keys_of_a_later_version_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    path.write_text(json.dumps({**asdict(SAMPLE), "mood": "good"}) + "\n")
    assert read_samples(path) == [SAMPLE]


def test_a_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GpgError, match=r"holds no samples\.jsonl"):
        read_samples(tmp_path / "samples.jsonl")
