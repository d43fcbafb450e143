"""The card's table: what was measured beside what was published."""

from typing import Any

import yaml

from gpg_cli.catalog import bench_paths
from gpg_cli.publishing.facts import RunFacts
from gpg_cli.publishing.results_table import results
from gpg_cli.publishing.scores import BenchScore

MATH = ("aime24", "math500", "amc23", "minerva", "olympiadbench")


def measured(bench: str, score: float, suites: dict[str, Any] | None = None, **more: Any) -> BenchScore:
    """A whole benchmark that ships, as `gpg eval` leaves it in results.json."""
    own = yaml.safe_load(bench_paths()[bench].read_text())
    published = {key: own[key] for key in ("published", "published_groups", "published_masks") if key in own}
    values: dict[str, Any] = {"problems": 100, "available": 100, "sampling": {"temperature": 0.6, "n": 1}, **more}
    entry = {**published, **values.pop("entry", {})}
    return BenchScore(bench, own["title"], score, suites=suites or {}, entry=entry, **values)


def rows(text: str) -> list[list[str]]:
    return [line[2:-2].split(" | ") for line in text.splitlines() if line.startswith("| ")]


def test_a_trained_model_stands_beside_its_base_and_the_papers() -> None:
    facts = RunFacts(model="deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B")
    head, _, row = rows(results(facts, [measured("math500", 86.2, interval=(82.9, 89.0))]))
    assert head[3:] == ["DeepSeek-R1-Distill-Qwen-1.5B", "GPG-RS1", "GPG-RS3"]
    assert row == ["MATH-500", "86.2", "82.9 to 89.0", "82.8", "87.6", "85.0"]


def test_a_benchmark_without_published_numbers_has_dashes_or_no_columns() -> None:
    aime25 = measured("aime25", 20.0)
    assert rows(results(None, [aime25]))[0] == ["Benchmark", "This model, %", "95% interval"]
    assert rows(results(None, [aime25, measured("aime24", 30.0)]))[2][3:] == ["–", "–"]


def test_some_of_the_problems_are_beside_nothing() -> None:
    text = results(None, [measured("math500", 100.0, problems=8, available=500, correct=8.0)])
    assert rows(text)[2] == ["MATH-500, first 8 of 500 problems", "100.0", ""]
    assert "published" not in text


def test_the_tasks_of_cv_bench_are_shown_with_theirs() -> None:
    groups = {
        "groups": {"task": {"Count": {"score": 66.0, "problems": 788}, "Depth": {"score": 80.5, "problems": 600}}}
    }
    facts = RunFacts(model="Qwen/Qwen2-VL-2B")
    shown = rows(results(facts, [measured("cvbench", 75.0, entry=groups)]))
    assert shown[0][3:] == ["Qwen2-VL-2B", "Qwen2-VL-2B-SFT", "Qwen2-VL-2B-GRPO", "Qwen2-VL-2B-GPG"]
    assert shown[2:] == [
        ["CV-Bench", "75.0", "", "31.38", "57.84", "59.47", "76.15"],
        ["CV-Bench: Count", "66.0", "", "54.69", "60.02", "59.64", "66.62"],
        ["CV-Bench: Depth", "80.5", "", "0.16", "55.0", "54.16", "81.66"],
    ]


def test_masks_are_shown_by_both_definitions_and_published_by_the_first() -> None:
    found = {"giou": 50.0, "ciou": 45.0, "pictures": 779}
    masks = {"masks": {"first_polygon": found, "official": found, "segmenter": "SAM ViT-H"}}
    shown = rows(results(None, [measured("lisa-test", 51.0, metric="mIoU", entry=masks)]))
    assert [[row[0], row[3]] for row in shown[2:]] == [
        ["LISA test (mIoU)", "51.8"],
        ["LISA test: gIoU of masks, as published", "50.4"],
        ["LISA test: cIoU of masks, as published", "–"],
        ["LISA test: gIoU of masks, as LISA defines it", "–"],
        ["LISA test: cIoU of masks, as LISA defines it", "–"],
    ]


def test_a_suite_has_its_mean_and_the_mean_of_what_was_published() -> None:
    suites = {"math": {"benches": list(MATH), "score": 54.7, "interval": [50.1, 59.0]}}
    scores = [measured(bench, 54.7, suites) for bench in MATH]
    assert rows(results(None, scores))[-1][:4] == ["Mean of the 5 benchmarks of math", "54.7", "50.1 to 59.0", "55.7"]
    # One of them was measured again, elsewhere: the mean is no longer that of this table.
    assert "Mean" not in results(None, [*scores[1:], measured("aime24", 20.0)])


def test_what_was_sampled_alike_is_told_once() -> None:
    alike = [measured("aime24", 30.0, correct=30.0), measured("math500", 80.0, correct=80.0)]
    again = measured(
        "amc23", 50.0, correct=200.0, sampling={"temperature": 0.6, "n": 4}, entry={"data": {"source": "a.json"}}
    )
    items = [line for line in results(None, [*alike, again]).splitlines() if line.startswith("- ")]
    assert items == [
        "- AIME24 (30 of 100 answers right), MATH-500 (80 of 100 answers right): temperature 0.6",
        "- AMC23 (200 of 400 answers right): 4 samples of each problem, temperature 0.6, data from a local file",
    ]


def test_a_checkpoint_has_the_score_of_its_step() -> None:
    facts = RunFacts(curve={"math500": 0.5}, curve_problems=100)
    assert results(facts, []) == "math500, measured while training, on the first 100 problems: 50.0%."
    assert "while training" not in results(facts, [measured("math500", 51.0)])
