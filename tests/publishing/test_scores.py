import copy
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gpg_cli.publishing.scores import BenchScore, read_scores
from gpg_cli.run_folder import find_model

from .conftest import RESULTS

AddResults = Callable[..., None]


def results_of(problems: int, score: float) -> dict[str, Any]:
    results = copy.deepcopy(RESULTS)
    results["benches"]["math500"] |= {"problems": problems, "score": score}  # type: ignore[index]
    return results


def test_every_result_under_eval_is_read(run: Path, add_results: AddResults) -> None:
    add_results(run, "a/b")
    assert read_scores(find_model(str(run))) == [
        BenchScore(
            bench="math500",
            title="MATH-500",
            score=87.6,
            interval=(84.5, 90.3),
            problems=500,
            correct=438.0,
            sampling={"temperature": 0.6, "top_p": 0.95, "n": 1},
            engine="transformers",
        )
    ]


def test_of_overlaps_no_number_of_right_answers_is_told(run: Path, add_results: AddResults) -> None:
    results = results_of(500, 51.8)
    results["benches"]["math500"]["metric"] = "mIoU"
    add_results(run, "a", results)
    [score] = read_scores(find_model(str(run)))
    assert (score.metric, score.score, score.correct) == ("mIoU", 51.8, None)


def test_the_fullest_measurement_counts_and_among_equals_the_newest(run: Path, add_results: AddResults) -> None:
    for age, (problems, score) in enumerate([(8, 100.0), (500, 80.0), (500, 81.0)]):
        add_results(run, str(age), results_of(problems, score))
        os.utime(run / "eval" / str(age) / "results.json", (1_000 - age, 1_000 - age))
    assert [score.score for score in read_scores(find_model(str(run)))] == [80.0]


def test_results_of_the_final_model_say_nothing_about_a_checkpoint(run: Path, add_results: AddResults) -> None:
    add_results(run, "first")
    assert read_scores(find_model(str(run / "model"))) != []
    assert read_scores(find_model(str(run / "checkpoint-50"))) == []


@pytest.mark.parametrize(
    "unfit",
    [
        "not JSON",
        "[]",
        "{}",
        '{"benches": []}',
        '{"benches": {"math500": 87.6}}',
        '{"benches": {"math500": {"score": "high"}}}',
        '{"benches": {"math500": {"score": NaN}}}',
        '{"benches": {"math500": {"score": 50, "interval": [1]}}}',
        '{"benches": {"math500": {"score": 50, "problems": 1e999}}}',
    ],
)
def test_a_file_that_does_not_fit_is_passed_over_with_a_message(
    run: Path, add_results: AddResults, capsys: pytest.CaptureFixture[str], unfit: str
) -> None:
    add_results(run, "[unfit]", unfit)
    add_results(run, "fit")
    assert [score.bench for score in read_scores(find_model(str(run)))] == ["math500"]
    assert "Left out of the model card" in capsys.readouterr().err
