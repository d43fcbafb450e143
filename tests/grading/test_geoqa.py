"""The published protocol of GEOQA, its quirks included, and the reward of the trainings on it and on SAT."""

import json

import pytest

from gpg_cli.grading import Verdict, check_golds, grade, grade_all
from tests.conftest import shared_data
from tests.grading.geoqa_differences import DIFFERENCES, LABEL, STRICT


def rows_of(name: str) -> list[dict]:
    return [json.loads(line) for line in shared_data(name).read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(
    ("gold", "completion", "right"),
    [
        # Spaced tags and line breaks are seen, tight ones are not; then the last number of the thoughts counts.
        ("140°", "<think>2 * 70</think> <answer> 140 </answer>", True),
        ("140°", "<think>2 * 70</think> <answer>\n140\n</answer>", True),
        ("140°", "<think>so it is 40</think><answer>140</answer>", False),
        ("140°", "<think>so it is 140</think><answer>40</answer>", True),
        ("140°", "<answer>140</answer>", False),
        ("16", "<think>5 * 3.2 = 16.0 </think> <answer>16.2</answer>", True),
        ("65", "<think>it is 65 then</think><answer> 65° </answer>", True),
        ("65", "The final answer is 30. So <answer> 65 </answer>", False),
        ("65", r"<answer> 65 </answer> and \boxed{66}", False),
        ("65", r"It is $\boxed{65}$.", True),
        (r"\frac{12}{5}", "<answer> 12/5 </answer>", True),
        (r"\frac{12}{5}", "<answer> 2.4 </answer>", True),
        (r"\frac{12}{5}", r"<answer> $\frac{12}{5}$ </answer>", True),
        # Roots and π after a number are dropped, and what does not parse is always wrong.
        ("8√{3}", r"<answer> $8\sqrt{3}$ </answer>", False),
        ("8√{3}", "<answer> 8 </answer>", True),
        ("4πcm", "<answer> 4π </answer>", True),
        ("4πcm", "<answer> 4 </answer>", True),
        ("√{3}", "<answer> √{3} </answer>", False),
        ("√{3}", r"$\boxed{\sqrt{3}}$", False),
        # Units are not looked at.
        ("12米", "<answer> 12米 </answer>", True),
        ("12米", "<answer> 12 cm </answer>", True),
        ("16.5cm", "<answer> 16.5 </answer>", True),
        ("16.5cm", "<answer> 16 </answer>", False),
        ("65", "I do not know.", False),
        ("65", "<answer></answer>", False),
        ("65", "", False),
    ],
)
def test_the_protocol_reads_the_whole_completion(gold: str, completion: str, right: bool) -> None:
    assert grade(gold, completion, "geoqa").verdict is (Verdict.CORRECT if right else Verdict.WRONG)


def test_a_gold_that_does_not_parse_makes_answers_wrong_and_an_empty_one_says_nothing() -> None:
    assert check_golds(["√{3}", "π", "140°", ""], "geoqa") == [True, True, True, False]
    assert grade("π", "<answer> 3.14 </answer>", "geoqa").verdict is Verdict.WRONG
    assert grade("", "<answer> 3.14 </answer>", "geoqa").verdict is Verdict.UNPARSED
    assert grade(["π", "3"], "<answer> 3 </answer>", "geoqa").verdict is Verdict.CORRECT


def test_every_published_label_is_reproduced() -> None:
    rows = rows_of("geoqa_completions.jsonl")
    grades = grade_all([(row["ground_truth"], row["completion"]) for row in rows], "geoqa")
    assert len(rows) == 754
    assert [each.score == 1 for each in grades] == [row["upstream_is_correct"] for row in rows]


def test_the_rows_where_the_strict_rule_differs_are_those_that_a_person_has_read() -> None:
    rows = rows_of("geoqa_completions.jsonl")
    grades = grade_all([(row["ground_truth"], row["completion"]) for row in rows], "geoqa-strict")
    assert {each.verdict for each in grades} == {Verdict.CORRECT, Verdict.WRONG}
    differing = [
        number
        for number, (row, each) in enumerate(zip(rows, grades, strict=True), start=1)
        if (each.verdict is Verdict.CORRECT) != row["upstream_is_correct"]
    ]
    assert differing == list(DIFFERENCES)


def test_in_none_of_them_the_label_is_right() -> None:
    judged = [who for who, _ in DIFFERENCES.values()]
    assert (judged.count(STRICT), judged.count(LABEL)) == (26, 0)


@pytest.mark.parametrize(
    ("gold", "completion", "right"),
    [
        # Symbolic, on the whole completion; the blanks in GEOQA's solutions make them mathematics.
        ("<answer> 70° </answer>", "<answer> 70 </answer>", True),
        ("<answer> 70° </answer>", "<think>It is 70 then.</think><answer>71</answer>", True),
        ("<answer> 70° </answer>", "<answer>70</answer>", False),
        ("<answer> 70° </answer>", "<answer>70°</answer>", True),
        (r"<answer> \frac{1}{2} </answer>", "<answer> 0.5 </answer>", True),
        ("<answer> √{3} </answer>", "<answer>√{3}</answer>", True),
        ("<answer> √{3} </answer>", "<answer>√3</answer>", False),
        # Text, by case.
        ("<answer>left</answer>", "<answer>left</answer>", True),
        ("<answer>left</answer>", "<answer> left </answer>", True),
        ("<answer>left</answer>", "<answer>Left</answer>", False),
        ("<answer>left</answer>", "left", True),
        ("<answer>left</answer>", "<answer>\nleft\n</answer>", False),
        ("<answer>left</answer>", "<answer>right</answer> <answer>left</answer>", False),
        ("<answer>3</answer>", "<answer>3</answer>", True),
        # A gold with a number between blanks is that number.
        ("<answer>moved 2 steps</answer>", "It is 2 of them", True),
        ("<answer>moved 2 steps</answer>", "<answer>moved 3 steps</answer>", False),
        # The last letter that stands alone.
        ("<answer>B</answer>", "<answer>(B)</answer>", True),
        ("<answer>B</answer>", "<answer>A or B</answer>", True),
        ("<answer>B</answer>", "<answer>B or A</answer>", False),
        ("<answer>B</answer>", "<answer>B.</answer>", False),
        ("<answer>B</answer>", "<answer>b</answer>", False),
        ("<answer>B</answer>", "Bees see [B]", True),
        ("<answer>I</answer>", "<answer>(I)</answer>", False),
        ("<answer>left</answer>", "", False),
    ],
)
def test_the_reward_is_for_mathematics_text_or_letter(gold: str, completion: str, right: bool) -> None:
    assert grade(gold, completion, "vision-training").verdict is (Verdict.CORRECT if right else Verdict.WRONG)


def test_a_wrong_answer_is_told_also_where_the_parser_sees_none() -> None:
    assert grade("3", "<think>1,1</think><answer>2</answer>", "vision-training").extracted == "2"


def test_a_solution_without_an_answer_says_nothing() -> None:
    golds = ["<answer>left</answer>", "left", "<answer> </answer>", ""]
    assert check_golds(golds, "vision-training") == [True, True, False, False]
    assert grade("<answer></answer>", "<answer></answer>", "vision-training").verdict is Verdict.UNPARSED
