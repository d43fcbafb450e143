"""`gpg eval --compare`: two models on the same problems."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.compare import compare, paired, sign_test
from gpg_cli.evaluation.journal import Sample, rewrite_samples
from tests.conftest import Outcome
from tests.evaluation.samples import changed

RECORD = {
    **{"model_fingerprint": "x", "engine": "transformers", "engine_arguments": {}, "seed": 0, "samples": 1},
    **{"suites": {}, "versions": {}, "created": "2026-11-23T10:00:00Z", "benches": {}},
}


@pytest.fixture
def evaluation(tmp_path: Path) -> Callable[..., Path]:
    """`evaluation("name", samples)`: a folder as `gpg eval` leaves it."""

    def make(name: str, samples: list[Sample]) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "evaluation.json").write_text(json.dumps({**RECORD, "model": name}))
        rewrite_samples(folder / "samples.jsonl", samples)
        return folder

    return make


def solved(*letters: str, bench: str = "math500") -> list[Sample]:
    """A problem a text, a letter a sample."""
    return [
        changed(
            bench=bench,
            index=index,
            number=number,
            problem=f"Problem {index}?",
            verdict="correct" if letter == "c" else "wrong",
        )
        for index, each in enumerate(letters)
        for number, letter in enumerate(each)
    ]


@pytest.mark.parametrize(
    ("better", "worse", "p_value"),
    # By the binomial distribution of a fair coin: 2 * P(X <= min), at most 1.
    [(0, 0, 1.0), (1, 0, 1.0), (5, 0, 0.0625), (0, 6, 0.03125), (9, 1, 0.021484375), (8, 2, 0.109375), (5, 5, 1.0)],
)
def test_the_sign_test(better: int, worse: int, p_value: float) -> None:
    assert sign_test(better, worse) == pytest.approx(p_value)


def test_pairing_takes_out_what_is_hard_for_both() -> None:
    """80 problems alike, 20 better: unpaired intervals of 100 problems would overlap."""
    found = paired([(1.0, 1.0)] * 40 + [(0.0, 0.0)] * 40 + [(0.0, 1.0)] * 20)
    assert found.difference == pytest.approx(0.2)
    assert found.margin == pytest.approx(1.96 * (0.2 * 0.8 / 99) ** 0.5, rel=1e-3)
    assert (found.better, found.worse) == (20, 0)
    assert found.p_value == pytest.approx(2 / 2**20)


def test_two_evaluations(evaluation: Callable[..., Path]) -> None:
    first = evaluation("first", solved("c", "w", "w", "c") + solved("w", bench="aime24"))
    second = evaluation("second", solved("c", "c", "w", "w", "c") + solved("c", bench="aime24"))
    found = compare(first, second)
    assert (found.first, found.second) == ("first", "second")
    assert (found.benches["math500"].first, found.benches["math500"].second) == (0.5, 0.5)
    assert (found.benches["aime24"].better, found.total.problems, found.alone) == (1, 5, 1)
    assert {(flip.bench, flip.index, flip.second - flip.first) for flip in found.flips} == {
        ("math500", 1, 1.0),
        ("math500", 3, -1.0),
        ("aime24", 0, 1.0),
    }


def test_several_samples_a_problem_are_a_share(evaluation: Callable[..., Path]) -> None:
    first, second = evaluation("first", solved("cw", "ww")), evaluation("second", solved("cc", "wwww"))
    found = compare(first, second)
    assert found.benches["math500"].difference == pytest.approx(0.25)
    assert [(flip.first, flip.second) for flip in found.flips] == [(0.5, 1.0)]


def test_what_is_printed(evaluation: Callable[..., Path], gpg: Callable[..., Outcome]) -> None:
    first, second = evaluation("first", solved(*"w" * 12)), evaluation("second", solved(*"c" * 11, "w"))
    outcome = gpg("eval", "--compare", first, second)
    assert outcome.code == 0
    assert "The second is better by 91.7 points" in outcome.out
    assert "sign test p = 0.00098" in outcome.out
    assert "math500 1: 0% -> 100%  Problem 0?" in outcome.out
    assert "and 1 more" in outcome.out
    assert gpg("eval", "--compare", first, second, "--json").json["total"]["better"] == 11
    same = gpg("eval", "--compare", first, first)
    assert "No difference that could not be chance: +0.0 points" in same.out


def test_other_problems_are_not_compared(evaluation: Callable[..., Path]) -> None:
    first = evaluation("first", solved("c"))
    with pytest.raises(GpgError, match="share no problem"):
        compare(first, evaluation("second", solved("c", bench="aime24")))
    with pytest.raises(GpgError, match="problem 1 of math500 is not the same"):
        compare(first, evaluation("third", [changed(problem="Another?")]))


def test_a_folder_that_is_no_evaluation(
    evaluation: Callable[..., Path], gpg: Callable[..., Outcome], tmp_path: Path
) -> None:
    outcome = gpg("eval", "--compare", evaluation("first", solved("c")), tmp_path)
    assert outcome.code == 2
    assert "holds no evaluation: it has no evaluation.json" in outcome.error_lines[0]
