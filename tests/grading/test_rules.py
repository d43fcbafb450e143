"""The table of rules, as those who grade see it."""

import pytest

from gpg_cli.grading import RULES, strict_rule
from tests.grading.test_batch import run_python


@pytest.mark.parametrize("rule", RULES)
def test_the_sound_judgement_beside_a_rule_is_a_rule_and_sound_itself(rule: str) -> None:
    assert strict_rule(rule) in RULES
    assert strict_rule(strict_rule(rule)) == strict_rule(rule)


def test_the_sound_judgements_of_the_vision_experiments() -> None:
    rules = ("choice", "box", "class-name", "geoqa")
    assert [strict_rule(rule) for rule in rules] == ["choice-strict", "box-strict", "class-name-strict", "geoqa-strict"]
    training = ("box-training", "class-name-training", "vision-training")
    assert [strict_rule(rule) for rule in training] == ["box-strict", "class-name-strict", "geoqa-strict"]


def test_an_unknown_rule_has_none() -> None:
    with pytest.raises(ValueError, match="unknown grading rule 'choices'"):
        strict_rule("choices")


def test_choices_boxes_names_and_words_need_no_worker() -> None:
    program = """
import sys, threading
from gpg_cli.grading import check_golds, grade
from gpg_cli.grading.choices import choice_gold
gold = choice_gold("B", ["table", "books"])
assert grade(gold, "<answer>Books</answer>", "choice-strict").verdict == "correct"
assert grade("[0, 0, 1, 1]", "(0,0),(1000,1000)", "box").verdict == "correct"
assert grade("[0, 0, 1, 1]", "(0,0),(1000,1000)", "box-strict").value == 1.0
assert grade("(0,0),(9,9)", "(0,0),(9,9)", "box-training").value == 2.0
for rule in ("class-name", "class-name-strict", "class-name-training", "vision-training"):
    assert grade("rose", "<answer>rose</answer>", rule).verdict == "correct"
    assert grade("rose", "<answer>lily</answer>", rule).verdict == "wrong"
assert check_golds([gold], "choice") == check_golds(["140°"], "geoqa-strict") == [True]
print(threading.active_count(), {"sympy", "math_verify"} & set(sys.modules))
"""
    assert run_python(program) == "1 set()"
