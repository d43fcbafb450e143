"""The sound judgement of GEOQA's answers: what an answer is, and when it equals the gold."""

import json

import pytest

from gpg_cli.grading import Grade, Verdict, check_golds, grade, grade_all
from gpg_cli.grading.geoqa_strict import stated_value
from tests.conftest import shared_data


@pytest.mark.parametrize(
    ("gold", "answer", "right"),
    [
        ("140°", "140", True),
        ("140°", "140.0°", True),
        ("140°", "140 degrees", True),
        ("140°", r"140^\circ", True),
        ("140°", r"140^{\circ}", True),
        ("140°", "40", False),
        ("140°", "140cm", False),
        ("65", "angle AOB = 65°", True),
        ("65", "the angle is 65", True),
        ("65", "64 or 65", False),
        ("65", "x", False),
        ("65", "", False),
        (r"\frac{12}{5}", "12/5", True),
        (r"\frac{12}{5}", "2.4", True),
        (r"\frac{12}{5}", r"\dfrac{24}{10}", True),
        (r"\frac{1}{3}", "0.33", False),
        (r"\frac{1}{4}", "1:4", True),
        (r"\frac{1}{4}", "4:1", False),
        ("8√{3}", "8", False),
        ("8√{3}", "8√3", True),
        ("8√{3}", "8 * sqrt(3)", True),
        ("8√{3}", "8.0√(3)", True),
        ("8√{3}", r"$8\sqrt{3}$", True),
        ("8√{3}", r"\sqrt{192}", True),
        ("8√{3}", "13.86", False),
        ("√{3}", "√3", True),
        ("√{3}", "3", False),
        (r"\frac{√{3}}{2}", "sqrt(3)/2", True),
        (r"\frac{3}{2}√{3}", r"\frac{3\sqrt{3}}{2}", True),
        ("6√{2}-6", "6(√2-1)", True),
        ("6√{2}-6", "6", False),
        ("π", "pi", True),
        ("π", "3.14", False),
        ("4πcm", "4π", True),
        ("4πcm", "4 * pi cm", True),
        ("4πcm", "4", False),
        (r"\frac{1}{6}π", r"\frac{\pi}{6}", True),
        ("12米", "12", True),
        ("12米", "12 meters", True),
        ("12米", r"12\text{ m}", True),
        ("12米", "1200厘米", True),
        ("12米", "12cm", False),
        ("16.5cm", "16.5", True),
        ("16.5cm", "165mm", True),
        ("16.5cm", "33/2 cm", True),
        ("20√{2}海里", "20√2 nautical miles", True),
        ("4√{3}cm²", r"4\sqrt{3} cm^2", True),
        ("4√{3}cm²", "4√3 square centimeters", True),
        ("4√{3}cm²", "4√3平方厘米", True),
        ("4√{3}cm²", "4√3cm", False),
        ("5cm^2^", "5 cm^{2}", True),
        ("16π平方米", "16π m²", True),
        ("3.6秒", "3.6 seconds", True),
        ("(√{3}+1)小时", "√3 + 1", True),
        ("(√{3}+1)小时", "(1+√3) hours", True),
        ("400cm²", "400 square units", True),
        ("400cm²", "20^2", True),
        ("1200", "1,200", True),
        ("65", "6 5", False),
    ],
)
def test_an_answer_is_a_number_with_its_roots_and_its_unit(gold: str, answer: str, right: bool) -> None:
    verdict = grade(gold, f"<think>1 + 1</think><answer>{answer}</answer>", "geoqa-strict").verdict
    assert verdict is (Verdict.CORRECT if right else Verdict.WRONG)


@pytest.mark.parametrize(
    ("completion", "stated"),
    [
        ("<think>It is 30.</think><answer>25</answer>", "25"),
        ("<think>It is 30.</think>\n<answer>\n25\n</answer>", "25"),
        ("<answer>30</answer> No: <answer>25</answer>", "25"),
        (r"<answer>\boxed{25}</answer> and \boxed{30}", "25"),
        (r"So it is $\boxed{25}$, not 30.", "25"),
        ("The final answer is 30. <answer> 25 </answer>", "25"),
        ("<answer></answer> 25.", ""),
        ("Two of them make 50. Therefore, the answer is 25.", "25"),
        ("It is 50° / 2, resulting in 25 degrees.", "25 degrees"),
        ("angle A = 50° / 2 = 25.0 ∘.", "25.0 ∘"),
        ("所以角的度数为25°。", "25°"),
        ("The answer: 25", "25"),
        ("We have 50 / 2 = 25", None),
        ("It is 25. Therefore, the area of the", None),
        ("<answer>25", None),
        ("", None),
        # The whole completion, where it is a value and nothing else.
        (" $25$\n", "$25$"),
        ("25°", "25°"),
        ("so 30", None),
    ],
)
def test_an_answer_is_what_the_model_states(completion: str, stated: str | None) -> None:
    assert stated_value(completion) == stated
    expected = Verdict.CORRECT if stated else Verdict.WRONG
    assert grade("25", completion, "geoqa-strict") == Grade(expected, stated or None)


def test_every_ground_truth_can_be_read_and_is_right_by_itself() -> None:
    rows = shared_data("geoqa_test_prompts.jsonl").read_text(encoding="utf-8").splitlines()
    golds = [json.loads(row)["ground_truth"] for row in rows]
    assert len(golds) == 754
    assert all(check_golds(golds, "geoqa-strict"))
    grades = grade_all([(gold, f"<answer>{gold}</answer>") for gold in golds], "geoqa-strict")
    assert [gold for gold, each in zip(golds, grades, strict=True) if each.verdict != "correct"] == []


def test_a_gold_that_is_no_number_says_nothing() -> None:
    assert check_golds(["left", "", "x + 1"], "geoqa-strict") == [False] * 3
    assert grade("left", "<answer>left</answer>", "geoqa-strict").verdict is Verdict.UNPARSED
