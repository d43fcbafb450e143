"""Our scorer and lighteval's metric on the same completions: they agree, but for what is listed here with a reason."""

import json
import logging
from collections.abc import Iterator, Mapping

import pytest

from gpg_cli.evaluation.benches import load_bench
from gpg_cli.evaluation.problems import Problem, load_problems
from gpg_cli.grading import Verdict, grade_all
from gpg_cli.grading.exact import last_box
from tests.conftest import shared_data
from tests.evaluation.lighteval.answers import ANSWERS, EXPRESSION, LATEX, Case

pytest.importorskip("lighteval", reason="needs the extra lighteval")

# Answer to who is right, and why. Neither is changed for it: lighteval's verdict is that of the published numbers.
DIFFERENCES = {
    "yes": "ours: a gold without dollars is set between them, and the word is the word",
    "tuple as a gold without dollars": "ours: the same tuple; lighteval compares the texts, and a blank differs",
    "root as a gold without dollars": "ours: equal; lighteval compares the texts",
    "one of several golds does not parse": "ours: the gold 1 is met; lighteval then reads none of them",
}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """lighteval prints every completion in which it finds no answer."""
    logger = logging.getLogger("lighteval")
    before = logger.level
    logger.setLevel(logging.ERROR)
    yield
    logger.setLevel(before)


def lighteval_says(rule: str, gold: str | tuple[str, ...], completion: str) -> bool:
    from lighteval.models.model_output import ModelResponse

    from gpg_cli.evaluation.lighteval_tasks import as_doc, metric

    doc = as_doc(load_bench("math500"), Problem(0, "?", gold), "task")
    scores = metric(rule).compute_sample(doc=doc, model_response=ModelResponse(text=[completion]))
    return scores == {"extractive_match": 1.0}


def we_say(cases: Mapping[str, Case]) -> dict[str, bool]:
    found = {}
    for rule in (LATEX, EXPRESSION):
        names = [name for name, case in cases.items() if case[0] == rule]
        grades = grade_all([cases[name][1:] for name in names], rule)
        found |= {name: grade.verdict is Verdict.CORRECT for name, grade in zip(names, grades, strict=True)}
    return found


def differing(cases: Mapping[str, Case]) -> set[str]:
    ours = we_say(cases)
    return {name for name, case in cases.items() if ours[name] != lighteval_says(*case)}


def test_the_two_differ_on_answers_of_all_kinds_where_the_table_says_so_and_nowhere_else() -> None:
    assert len(ANSWERS) > 90
    assert differing(ANSWERS) == set(DIFFERENCES)


def test_the_answers_of_all_kinds_are_right_and_wrong_ones() -> None:
    right = sum(we_say(ANSWERS).values())
    assert len(ANSWERS) * 0.5 < right < len(ANSWERS) * 0.8


def test_they_agree_on_real_completions() -> None:
    rows = [json.loads(line) for line in shared_data("math_completions.jsonl").read_text("utf-8").splitlines()]
    cases = {row["id"]: (LATEX, f"${row['gold']}$", row["completion"]) for row in rows}
    assert len(cases) == 400
    assert differing(cases) == set()


def test_they_agree_on_real_completions_of_several_models_to_math500_and_gsm8k() -> None:
    lines = shared_data("graded_completions.jsonl").read_text("utf-8").splitlines()
    cases: dict[str, Case] = {}
    for row in map(json.loads, lines[::5]):
        latex = row["dataset"] == "math500"
        cases[row["id"]] = (*((LATEX, f"${row['gold']}$") if latex else (EXPRESSION, row["gold"])), row["completion"])
    assert len(cases) == 400
    assert {rule for rule, _, _ in cases.values()} == {LATEX, EXPRESSION}
    assert differing(cases) == set()


@pytest.mark.parametrize("name", ["minerva", "olympiadbench"])
def test_they_agree_where_the_answer_is_the_gold_and_where_it_is_that_of_another_problem(name: str) -> None:
    problems = load_problems(load_bench(name), shared_data(f"{name}.jsonl"), None).problems[::3]
    golds = [problem.gold for problem in problems]
    answers = [f"Therefore, the final answer is: $\\boxed{{{bare(gold)}}}$. I hope it is correct." for gold in golds]
    same = {f"{row}": (LATEX, gold, answer) for row, (gold, answer) in enumerate(zip(golds, answers, strict=True))}
    other = {f"{row} of another": (LATEX, golds[row], answers[row - 1]) for row in range(len(golds))}
    assert differing(same | other) == set()
    assert sum(we_say(same).values()) > 0.99 * len(same)
    assert sum(we_say(other).values()) < 0.05 * len(other)


def bare(gold: str | tuple[str, ...]) -> str:
    """The first gold without what marks it as mathematics."""
    first = gold if isinstance(gold, str) else gold[0]
    return (last_box(first) if "\\boxed" in first else None) or first.strip("$ ")
