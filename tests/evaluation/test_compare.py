"""`gpg eval --compare`: two models on the same problems."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.compare import compare
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


def test_two_evaluations(evaluation: Callable[..., Path]) -> None:
    first = evaluation("first", solved("c", "w", "w", "c") + solved("w", bench="aime24"))
    second = evaluation("second", solved("c", "c", "w", "w", "c") + solved("c", bench="aime24"))
    found = compare(first, second)
    assert (found.first, found.second) == ("first", "second")
    assert (found.benches["math500"].first, found.benches["math500"].second) == (0.5, 0.5)
    assert (found.benches["aime24"].better, found.total.problems) == (1, 5)
    assert (found.only_first, found.only_second) == (0, 1)
    assert (found.total.better, found.total.worse, found.total.equal) == (2, 1, 2)
    assert found.total.difference == pytest.approx(1 / 5)
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


def test_the_largest_differences_come_first(evaluation: Callable[..., Path]) -> None:
    first, second = evaluation("first", solved("ww", "ww", "cc")), evaluation("second", solved("cw", "cc", "cc"))
    assert [(flip.index, flip.second) for flip in compare(first, second).flips] == [(1, 1.0), (0, 0.5)]


def test_a_problem_is_named_by_its_first_line(evaluation: Callable[..., Path]) -> None:
    text = "\n  Let $x$ be\nreal.\nFind [bold]x[/]."
    first = evaluation("first", [changed(problem=text, verdict="wrong")])
    (flip,) = compare(first, evaluation("second", [changed(problem=text)])).flips
    assert flip.problem == "Let $x$ be"


def test_what_is_printed(evaluation: Callable[..., Path], gpg: Callable[..., Outcome]) -> None:
    first = evaluation("first", solved(*"w" * 24, "c", bench="math500") + solved("w", "c", bench="aime24"))
    second = evaluation("second", solved(*"c" * 23, "w", "w", bench="math500") + solved("w", bench="aime24"))
    outcome = gpg("eval", "--compare", first, second)
    assert outcome.code == 0
    lines = outcome.out.splitlines()
    (math500,) = [line.split() for line in lines if line.startswith("math500  ")]
    assert math500[:4] == ["math500", "4.0", "92.0", "+88.0"]
    assert math500[-2:] == ["23/1/1", "3e-06"]
    assert [line.split()[-2] for line in lines if line.startswith("all ")] == ["23/1/2"]
    assert max(len(line) for line in lines if line.startswith(("math500 ", "aime24 ", "all ", "benchmark"))) <= 80
    assert "The second is better than the first by 84.6 points (95% " in outcome.out
    assert "sign test p = 3e-06." in outcome.out
    assert "Left out: 1 problems that only one was asked (the first 1, the second 0)." in outcome.out
    assert "math500 1: 0% -> 100%  Problem 0?" in outcome.out
    assert "math500 25: 100% -> 0%  Problem 24?" in outcome.out
    assert "and 3 more" in outcome.out


def test_the_first_may_be_the_better_one(evaluation: Callable[..., Path], gpg: Callable[..., Outcome]) -> None:
    first, second = evaluation("first", solved(*"c" * 40)), evaluation("second", solved(*"w" * 20, *"c" * 20))
    out = gpg("eval", "--compare", first, second).out
    (sentence,) = [line for line in out.splitlines() if line.startswith("The first is better than the second")]
    low, high = map(float, re.search(r"\(95% ([0-9.]+) to ([0-9.]+)\)", sentence).groups())  # type: ignore[union-attr]
    assert "by 50.0 points" in sentence
    assert 30 < low < 50 < high < 70


def test_a_model_is_no_better_than_itself(evaluation: Callable[..., Path], gpg: Callable[..., Outcome]) -> None:
    folder = evaluation("first", solved(*"wcwccw"))
    outcome = gpg("eval", "--compare", folder, folder)
    assert "The difference may be chance: +0.0 points" in outcome.out
    assert "solves more often:" not in outcome.out


def test_the_object(evaluation: Callable[..., Path], gpg: Callable[..., Outcome]) -> None:
    first, second = evaluation("first", solved("w", "c", "c")), evaluation("second", solved("c", "c", "c"))
    written = gpg("eval", "--compare", first, second, "--json").json
    assert (written["first"], written["second"]) == ("first", "second")
    assert written["folders"] == [str(first), str(second)]
    total = written["total"]
    low, high = total.pop("interval")
    assert low < 0 < 33.333 < high
    assert total == {
        **{"problems": 3, "first": 66.667, "second": 100.0, "difference": 33.333},
        **{"better": 1, "worse": 0, "equal": 2, "p_value": 1.0},
    }
    assert written["benches"].keys() == {"math500"}
    assert written["flips"] == [{"bench": "math500", "index": 0, "problem": "Problem 0?", "first": 0.0, "second": 1.0}]
    assert (written["only_first"], written["only_second"]) == (0, 0)


def test_an_evaluation_of_an_earlier_version_is_named_by_its_folder(evaluation: Callable[..., Path]) -> None:
    first, second = evaluation("first", solved("c")), evaluation("older", solved("w"))
    (second / "evaluation.json").unlink()
    assert compare(first, second).second == "older"


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
    assert "holds no evaluation: it has no samples.jsonl" in outcome.error_lines[0]
