"""Our results in lighteval's format, compared with a file that lighteval itself wrote."""

import json
from pathlib import Path
from typing import Any

import pytest

from gpg_cli.evaluation.benches import load_bench
from gpg_cli.evaluation.journal import Sample
from gpg_cli.evaluation.lighteval_results import lighteval_results, write_lighteval_results
from tests.conftest import shared_data
from tests.evaluation.lighteval.records import bench_record, record
from tests.evaluation.samples import changed


def answers(bench: str, *problems: str) -> list[Sample]:
    """Samples of problems, `+` a right one and `-` a wrong one: `answers("aime24", "+-", "--")`."""
    return [
        changed(bench=bench, index=index, number=number, verdict="correct" if mark == "+" else "wrong")
        for index, marks in enumerate(problems)
        for number, mark in enumerate(marks)
    ]


NINE_OF_30 = answers("aime24", *"+" * 9, *"-" * 21)


def shape(value: Any) -> Any:
    """Keys and kinds of values; numbers are alike, and so is what may be missing."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    if isinstance(value, list):
        return [shape(each) for each in value]
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def test_a_file_of_ours_has_the_fields_of_one_that_lighteval_wrote() -> None:
    theirs = json.loads(shared_data("lighteval_results_example.json").read_text(encoding="utf-8"))
    ours = json.loads(json.dumps(lighteval_results(record(bench_record("aime24")), NINE_OF_30)))
    assert shape(ours) == shape(theirs)


def test_what_lighteval_counts_comes_out_as_it_did_for_lighteval() -> None:
    theirs = json.loads(shared_data("lighteval_results_example.json").read_text(encoding="utf-8"))
    ours = lighteval_results(record(bench_record("aime24")), NINE_OF_30)
    assert ours["versions"] == theirs["versions"]
    for task in ("custom|aime24|0", "all"):
        assert ours["results"][task] == pytest.approx(theirs["results"][task], abs=1e-15)
    config = {"prompt_function": "query"}
    assert ours["config_tasks"] == {"custom|aime24": {**theirs["config_tasks"]["custom|aime24"], **config}}
    unknown = {"hash_input_tokens": "", "hash_cont_tokens": ""}
    for section in (ours["summary_tasks"]["custom|aime24|0"], ours["summary_general"]):
        assert section["hashes"].items() >= unknown.items()
    for theirs_too, ours_too in (
        (theirs["summary_tasks"]["custom|aime24|0"], ours["summary_tasks"]["custom|aime24|0"]),
        (theirs["summary_general"], ours["summary_general"]),
    ):
        assert ours_too == {**theirs_too, "hashes": {**theirs_too["hashes"], **unknown}}


def test_all_is_the_plain_mean_of_the_tasks() -> None:
    asked = record(bench_record("aime24"), bench_record("amc23", query_hash="57f3ead69f601b6a"))
    results = lighteval_results(asked, answers("aime24", *"++--") + answers("amc23", *"+---"))
    assert results["results"]["custom|aime24|0"]["extractive_match"] == 0.5
    assert results["results"]["all"]["extractive_match"] == 0.375
    assert list(results["config_tasks"]) == ["custom|aime24", "custom|amc23"]
    assert results["summary_general"]["non_truncated"] == 8


def test_several_samples_are_lightevals_avg_at_n_clustered_by_problem() -> None:
    results = lighteval_results(record(bench_record("aime24"), samples=2), answers("aime24", "++", "+-", "--"))
    scores = results["results"]["custom|aime24|0"]
    assert scores == pytest.approx({"avg@n:n=2": 0.5, "avg@n:n=2_stderr": (0.25 / 3) ** 0.5})
    assert results["config_tasks"]["custom|aime24"]["num_samples"] == [2]


def test_one_problem_has_no_standard_error() -> None:
    results = lighteval_results(record(bench_record("aime24")), answers("aime24", "+"))
    assert results["results"] == {"custom|aime24|0": {"extractive_match": 1.0}, "all": {"extractive_match": 1.0}}


def test_a_limit_and_prompts_without_room_are_told() -> None:
    asked = record(bench_record("math500", problems=3, available=500))
    unasked = changed(bench="math500", index=2, completion="", tokens=0, finish_reason="length", verdict="wrong")
    results = lighteval_results(asked, [*answers("math500", "+", "-"), unasked])
    assert results["config_general"]["max_samples"] == 3
    config = results["config_tasks"]["custom|math500"]
    assert (config["original_num_docs"], config["effective_num_docs"]) == (500, 3)
    summary = results["summary_tasks"]["custom|math500|0"]
    assert (summary["truncated"], summary["non_truncated"]) == (1, 2)


def test_the_model_is_told_with_its_commit_its_precision_and_the_time() -> None:
    asked = record(bench_record("aime24"), engine_arguments={"dtype": "bfloat16"})
    general = lighteval_results(asked, NINE_OF_30)["config_general"]
    assert (general["model_name"], general["model_sha"], general["model_dtype"]) == (
        "quyanh/OpenRS-GRPO",
        "0123abc",
        "bfloat16",
    )
    assert general["end_time"] - general["start_time"] == 701.5
    local = record(bench_record("aime24"), model="m", model_fingerprint="sha256:77")
    assert lighteval_results(local, NINE_OF_30)["config_general"]["model_sha"] == ""


def test_a_rule_that_lighteval_does_not_have_is_called_exact_match() -> None:
    bench = load_bench("aime24").model_copy(update={"rule": "exact"})
    results = lighteval_results(record(bench_record("aime24", bench=bench)), NINE_OF_30)
    assert set(results["results"]["all"]) == {"exact_match", "exact_match_stderr"}


def test_the_file_is_named_by_the_time_and_replaces_that_of_the_smaller_evaluation(tmp_path: Path) -> None:
    foreign = tmp_path / "results_of_my_own.json"
    foreign.write_text("{}")
    first = write_lighteval_results(tmp_path, record(bench_record("aime24")), NINE_OF_30)
    assert first.name == "results_2026-11-23T10-15-00.json"
    later = record(bench_record("aime24"), created="2026-11-23T12:00:00Z")
    second = write_lighteval_results(tmp_path, later, NINE_OF_30)
    assert sorted(path.name for path in tmp_path.iterdir()) == [second.name, foreign.name]


def test_lighteval_reads_it(tmp_path: Path) -> None:
    pytest.importorskip("lighteval", reason="needs the extra lighteval")
    from datasets import load_dataset
    from lighteval.utils.utils import make_results_table

    path = write_lighteval_results(tmp_path, record(bench_record("aime24")), NINE_OF_30)
    table = make_results_table(json.loads(path.read_text(encoding="utf-8")))
    lines = [line.replace(" ", "") for line in table.splitlines()]
    assert "|custom\\|aime24\\|0|1|extractive_match|0.3|±|0.0851|" in lines
    # This is how `EvaluationTracker.recreate_metadata_card` reads the file of a repository of results.
    rows = load_dataset("json", data_files=str(path), split="train", cache_dir=str(tmp_path / "cache"))
    assert rows["results"][0]["custom|aime24|0"]["extractive_match"] == 0.3
