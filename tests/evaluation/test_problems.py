from collections.abc import Callable
from pathlib import Path

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.benches import load_bench
from gpg_cli.evaluation.problems import load_problems
from gpg_cli.grading import check_gold
from tests.conftest import shared_data

ROW = {"problem": "What is 1+1?", "solution": r"It is $\boxed{2}$."}


@pytest.mark.parametrize(
    ("name", "file", "count"),
    [
        ("aime24", "aime24.jsonl", 30),
        ("math500", "math500.jsonl", 500),
        ("amc23", "amc23.jsonl", 40),
        ("minerva", "minerva.jsonl", 272),
        ("olympiadbench", "olympiadbench.jsonl", 675),
        ("gsm8k", "gsm8k_test.jsonl", 1319),
    ],
)
def test_the_published_data_loads_and_every_gold_can_be_read(name: str, file: str, count: int) -> None:
    bench = load_bench(name)
    loaded = load_problems(bench, shared_data(file), None)
    assert len(loaded.problems) == count
    for problem in loaded.problems[:40]:
        golds = [problem.gold] if isinstance(problem.gold, str) else problem.gold
        assert all(check_gold(gold, bench.rule) for gold in golds)


def test_the_quickstart_needs_no_file() -> None:
    loaded = load_problems(load_bench("quickstart"), None, None)
    assert len(loaded.problems) == 500
    assert (loaded.source, len(loaded.sha256 or "")) == ("generator quickstart", 64)


def test_a_file_is_told_by_name_and_hash(json_lines: Callable[..., Path]) -> None:
    path = json_lines(ROW, ROW)
    loaded = load_problems(load_bench("math500"), path, limit=1)
    assert [problem.text for problem in loaded.problems] == ["What is 1+1?"]
    assert loaded.source == str(path)
    assert loaded.sha256 is not None
    assert len(loaded.sha256) == 64


def test_a_gold_may_be_a_number_a_list_or_stand_after_a_mark(json_lines: Callable[..., Path]) -> None:
    number = json_lines({"problem": "1+1?", "answer": 2}, name="number.jsonl")
    several = json_lines({"question": "x²=1?", "answer": ["1", "-1"]}, name="several.jsonl")
    marked = json_lines({"question": "1+1?", "answer": "1 #### no\n#### 1,002 "}, name="marked.jsonl")
    assert load_problems(load_bench("amc23"), number, None).problems[0].gold == "2"
    assert load_problems(load_bench("olympiadbench"), several, None).problems[0].gold == ("1", "-1")
    assert load_problems(load_bench("gsm8k"), marked, None).problems[0].gold == "1,002"


@pytest.mark.parametrize(
    "row",
    [
        {"problem": "", "solution": "2"},
        {"problem": "1+1?", "solution": " "},
        {"problem": "1+1?", "solution": []},
        {"problem": "1+1?", "solution": {"a": 1}},
        {"problem": 11, "solution": "2"},
    ],
)
def test_a_row_without_text_or_answer_is_named(json_lines: Callable[..., Path], row: dict) -> None:
    with pytest.raises(GpgError, match="row 2"):
        load_problems(load_bench("math500"), json_lines(ROW, row), None)


def test_a_missing_column_is_told_with_those_there_are(json_lines: Callable[..., Path]) -> None:
    with pytest.raises(GpgError, match="row 1, has no column 'solution'") as caught:
        load_problems(load_bench("math500"), json_lines({"problem": "1+1?", "answer": "2"}), None)
    assert caught.value.hint == "It has: problem, answer."


def test_a_gold_without_its_mark_is_refused(json_lines: Callable[..., Path]) -> None:
    with pytest.raises(GpgError, match="column 'answer' holds nothing usable"):
        load_problems(load_bench("gsm8k"), json_lines({"question": "1+1?", "answer": "2"}), None)


def test_without_the_hub_the_way_out_is_a_local_file() -> None:
    with pytest.raises(GpgError, match="'HuggingFaceH4/MATH-500': the Hugging Face Hub cannot") as caught:
        load_problems(load_bench("math500"), None, None)
    assert "--data math500=FILE" in caught.value.hint
