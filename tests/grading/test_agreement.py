"""Agreement with other people's graders on real answers; their labels hold mistakes, so not all rows can agree."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

from gpg_cli.grading import Verdict, check_gold, grade
from gpg_cli.grading.math import MATH_RULES, MathRule, can_read_gold, grade_math
from gpg_cli.grading.math_engine import Extraction

# Facts gathered from public repositories; they lie beside a developer's checkout and are not part of the project.
DATA = Path(__file__).parents[2] / "../shared/data"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA.resolve()} is not there")

RULE_OF_DATA_SET = {"math500": "math-latex", "gsm8k": "math-expr"}


def rows_of(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


def is_correct(gold: str, completion: str, rule: str) -> bool:
    return grade(gold, completion, rule).verdict is Verdict.CORRECT


def test_answers_to_math_are_judged_as_simple_rl_judged_them() -> None:
    rows = rows_of("math_completions.jsonl")
    agreeing = [
        row for row in rows if is_correct(row["gold"], row["completion"], "math-latex") == row["upstream_is_correct"]
    ]
    assert len(rows) == 400
    assert len(agreeing) >= 399


def test_answers_to_math500_and_gsm8k_are_judged_as_their_authors_judged_them() -> None:
    rows = rows_of("graded_completions.jsonl")
    agreeing = [
        row
        for row in rows
        if is_correct(row["gold"], row["completion"], RULE_OF_DATA_SET[row["dataset"]]) == row["label"]
    ]
    assert len(rows) == 2000
    assert len(agreeing) >= 1970


def test_the_test_suites_of_math_verify_and_lighteval_pass_but_where_they_contradict_each_other() -> None:
    rows = rows_of("verify_pairs.jsonl")
    agreeing = []
    for row in rows:
        extraction = Extraction(latex="latex" in row["extract"], expression="expr" in row["extract"])
        rule = MathRule(gold=extraction, prediction=extraction, precision=row["precision"])
        verdict = grade_math([row["gold"]], row["prediction"], rule).verdict
        if (verdict is Verdict.CORRECT) == row["expected"]:
            agreeing.append(row)
    assert len(rows) == 248
    assert len(agreeing) >= 240


def test_every_verdict_is_the_one_of_math_verify_itself() -> None:
    configs = [ExprExtractionConfig(), LatexExtractionConfig(boxed_match_priority=0)]
    rows = rows_of("math_completions.jsonl") + rows_of("graded_completions.jsonl")[::10]
    differing = [
        row
        for row in rows
        if is_correct(f"${row['gold']}$", row["completion"], "math-latex")
        != verify(parse(f"${row['gold']}$", [LatexExtractionConfig()]), parse(row["completion"], configs), 5)
    ]
    assert differing == []


@pytest.mark.parametrize(
    ("name", "column", "rule"),
    [
        ("aime24.jsonl", "answer", "math-expr"),
        ("aime25.jsonl", "answer", "math-expr"),
        ("amc23.jsonl", "answer", "math-expr"),
        ("math500.jsonl", "solution", "math-latex"),
        ("math500.jsonl", "solution", "math-training"),
        ("minerva.jsonl", "solution", "math-latex"),
        ("olympiadbench.jsonl", "answer", "math-latex"),
        ("math_l35_500.jsonl", "solution", "math-training"),
    ],
)
def test_every_gold_of_the_benchmarks_parses(name: str, column: str, rule: str) -> None:
    parsing = replace(MATH_RULES[rule], gold_as_text=False)
    golds = [gold for row in rows_of(name) for gold in ([row[column]] if isinstance(row[column], str) else row[column])]
    assert [gold for gold in golds if not can_read_gold(gold, parsing)] == []


def test_the_golds_of_gsm8k_cannot_be_read_as_latex() -> None:
    golds = [row["answer"].rpartition("#### ")[2] for row in rows_of("gsm8k_test.jsonl")[:100]]
    assert not any(check_gold(gold, "math-training") for gold in golds)
    assert all(check_gold(gold, "math-expr") for gold in golds)
