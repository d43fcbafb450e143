"""What `gpg eval` prints: scores, groups and masks, beside the published ones."""

from typing import Any

import pytest

from gpg_cli.evaluation.beside import beside_published
from gpg_cli.evaluation.engine import EngineOptions
from gpg_cli.evaluation.journal import Sample
from gpg_cli.evaluation.plan import EvalRequest, Plan, PlannedBench
from gpg_cli.evaluation.problems import Problem, ProblemSet
from gpg_cli.evaluation.profiles import Style
from gpg_cli.evaluation.prompting import Prepared
from gpg_cli.evaluation.record import make_record
from gpg_cli.evaluation.results import EvalResult, assemble
from gpg_cli.evaluation.suites import choose_benches
from gpg_cli.report_evaluation import print_result
from gpg_cli.run_folder import ModelSource
from tests.evaluation.samples import changed

TASKS = {"Count": (788, 525), "Relation": (650, 541), "Depth": (600, 490), "Distance": (600, 453)}
MASKS = {
    "lisa-test": {
        "segmenter": "facebook/sam-vit-huge",
        "first_polygon": {"giou": 50.4, "ciou": 40.0, "pictures": 777},
        "official": {"giou": 48.0, "ciou": 39.0, "pictures": 779},
    }
}


def result(names: list[str], samples: list[Sample], masks: Any = None, available: int | None = None) -> EvalResult:
    """An evaluation's result, made of samples alone."""
    benches, suites = choose_benches(names)
    counts = {bench.name: sum(sample.bench == bench.name for sample in samples) for bench in benches}
    prepared = [
        Prepared(
            PlannedBench(
                bench,
                ProblemSet(
                    [Problem(index, "?", "1") for index in range(counts[bench.name])],
                    available or counts[bench.name],
                    "rows.jsonl",
                    None,
                ),
                bench.sampling,
                Style(chat=True),
            ),
            prompts=[],
            rooms=[],
        )
        for bench in benches
    ]
    request = EvalRequest(model="runs/mine", benches=names)
    plan = Plan(request, ModelSource("runs/mine"), [item.planned for item in prepared], suites)
    return assemble(make_record(plan, prepared, EngineOptions("transformers")), samples, None, None, masks)


def cvbench_samples() -> list[Sample]:
    """As many right answers of each task as the published row of GPG has."""
    tasks = [(task, place < right) for task, (count, right) in TASKS.items() for place in range(count)]
    return [
        changed(
            bench="cvbench",
            index=index,
            groups={"task": task},
            verdict="correct" if right else "wrong",
            strict="correct" if right else "wrong",
        )
        for index, (task, right) in enumerate(tasks)
    ]


def test_the_total_of_cvbench_counts_every_question_the_same() -> None:
    metrics = result(["cvbench"], cvbench_samples()).benches["cvbench"].metrics
    assert metrics.accuracy == 2009 / 2638
    # Not the mean of the tasks, which is 76.76.
    assert metrics.to_dict()["score"] == 76.156


def test_tasks_stand_under_their_benchmark_each_beside_its_published_score() -> None:
    beside = beside_published(result(["cvbench"], cvbench_samples()))
    assert beside.rows == ["Qwen2-VL-2B-GPG", "Qwen2-VL-2B"]
    assert [line.name for line in beside.lines] == ["cvbench", *(f"cvbench {task}" for task in TASKS)]
    for line in beside.lines:
        against = line.against["Qwen2-VL-2B-GPG"]
        # The published numbers are cut: what is the same model differs by less than a hundredth.
        assert 0 <= against.difference < 0.01
        assert against.is_noise
        assert not line.against["Qwen2-VL-2B"].is_noise


def test_published_numbers_are_printed_as_they_were_published(capsys: pytest.CaptureFixture[str]) -> None:
    print_result(result(["cvbench"], cvbench_samples()))
    out = capsys.readouterr().out
    rows = {line.strip().split("  ")[0]: line.split() for line in out.splitlines() if line}
    assert [cell for cell in rows["cvbench Depth"] if cell.startswith("81")] == ["81.7", "81.66"]
    assert rows["Count"][:3] == ["Count", "788", "66.6"]
    assert "worst and best" not in out


def lisa_samples(count: int) -> list[Sample]:
    return [changed(bench="lisa-test", index=index, value=0.5, strict_value=0.5) for index in range(count)]


def test_masks_have_a_table_and_stand_beside_the_published_giou(capsys: pytest.CaptureFixture[str]) -> None:
    found = result(["lisa-test"], lisa_samples(779), MASKS)
    line = beside_published(found).lines[1]
    assert (line.name, line.score) == ("lisa-test gIoU", 50.4)
    assert {row: against.score for row, against in line.against.items()} == {
        "Qwen2-VL-2B-GPG": 50.4,
        "Qwen2-VL-2B": 25.3,
    }
    print_result(found)
    out = capsys.readouterr().out
    assert "lisa-test (mIoU)" in out
    assert "Masks by facebook/sam-vit-huge" in out
    for definition, scores in (
        ("first_polygon (as published)", "50.4 40.0 777"),
        ("official (as LISA", "48.0 39.0 779"),
    ):
        row = next(line for line in out.splitlines() if definition in line)
        assert " ".join(row.split()[-3:]) == scores
    written = found.to_dict()["benches"]["lisa-test"]
    assert (written["metric"], written["score"]) == ("mIoU", 50.0)
    assert written["masks"]["official"]["ciou"] == 39.0
    assert written["published_masks"]["Qwen2-VL-2B-GPG"] == 50.4


def class_samples(**right: int) -> list[Sample]:
    names = {
        "flowers102": "cls-flowers102",
        "pets37": "cls-pets37",
        "aircraft": "cls-fgvc-aircraft",
        "cars": "cls-cars196",
    }
    return [
        changed(bench=names[name], index=index, verdict="correct" if index < count else "wrong", strict="wrong")
        for name, count in right.items()
        for index in range(10)
    ]


def test_the_average_of_classification_needs_all_four_whole() -> None:
    samples = class_samples(flowers102=8, pets37=9, aircraft=5, cars=6)
    found = result(["cls"], samples)
    assert found.suites["cls"].accuracy == pytest.approx(0.7)
    mean = beside_published(found).lines[-1]
    assert (mean.name, round(mean.against["Qwen2-VL-2B-GPG"].score, 1)) == ("cls (mean)", 89.0)
    assert result(["vision"], samples).suites.keys() == {"cls"}
    assert result(["cls"], samples[:-10]).suites == {}
    assert result(["cls"], samples, available=11).suites == {}


def test_parts_are_not_compared(capsys: pytest.CaptureFixture[str]) -> None:
    print_result(result(["lisa-test"], lisa_samples(3), MASKS, available=779))
    out = capsys.readouterr().out
    assert "3 of 779" in out
    assert "51.8 (" not in out


def test_verdicts_that_differ_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    print_result(result(["cls-pets37"], class_samples(pets37=9)))
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("cls-pets37"))
    assert "0.0 (9)" in row
