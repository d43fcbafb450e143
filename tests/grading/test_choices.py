"""Lettered choices by the published protocol of CV-Bench, and by the sound rule beside it."""

import json

import pytest

from gpg_cli.grading import Grade, Verdict, check_golds, grade
from gpg_cli.grading.choices import choice_gold

COUNT = choice_gold("(C)", ["3", "2", "1", "0"])
DEPTH_A = choice_gold("(A)", ["table", "books"])
DEPTH_B = choice_gold("(B)", ["table", "books"])


def tagged(answer: str) -> str:
    return f"<think>Look.</think>\n<answer>{answer}</answer>"


# Gold, completion, right by the protocol, right by the sound rule.
ROWS = [
    (COUNT, tagged("(C)"), True, True),
    (COUNT, tagged("(c)"), True, True),
    (COUNT, tagged("C"), True, True),
    (COUNT, tagged("c"), True, True),
    (COUNT, tagged("C."), True, True),
    (COUNT, tagged("option c"), True, True),
    (COUNT, tagged("1"), True, True),
    (COUNT, tagged(" 1 "), True, True),
    (COUNT, tagged("(C) 1"), True, True),
    (COUNT, tagged("$1$"), True, True),
    (COUNT, tagged("There is 1 organ."), True, True),
    (COUNT, tagged("(B)"), False, False),
    (COUNT, tagged("b"), False, False),
    (COUNT, tagged("13"), False, False),
    # To the protocol the point ends the choice "1".
    (COUNT, tagged("1.5"), True, False),
    (COUNT, tagged("1.0"), True, True),
    (COUNT, tagged("F"), False, False),
    (COUNT, "(C)", True, True),
    (COUNT, "The answer is (C).", True, True),
    (COUNT, "3 on the left, 2 behind.\nAnswer: C", True, True),
    (COUNT, r"It is \boxed{C}.", True, True),
    # A number in words is nothing to the protocol.
    (COUNT, tagged("one"), False, True),
    (COUNT, tagged("two"), False, False),
    # Of several candidates the last one counts as a rule; a sound answer has one.
    (COUNT, tagged("1 or 3"), True, False),
    (COUNT, tagged("3 or 1"), False, False),
    (COUNT, tagged("(C) 3"), True, False),
    # An answer on several lines: the protocol reads the whole text, where the letter stands alone.
    (COUNT, tagged("\n(C)\n"), True, True),
    (COUNT, "<think>3 or 2?</think>\n<answer>\nC\nas I said</answer>", True, True),
    (COUNT, "<think>It is a dog.</think>\n<answer>\nthe choice:\nC</answer>", False, True),
    # The article "a" is option A, to the protocol.
    (DEPTH_A, tagged("a chair"), True, False),
    (DEPTH_A, tagged("a table"), True, True),
    (DEPTH_B, tagged("a table"), False, False),
    (DEPTH_B, tagged("a pile of books"), False, True),
    (DEPTH_A, tagged("A table"), True, True),
    (DEPTH_A, tagged("A"), True, True),
    (DEPTH_A, tagged("a"), True, True),
    (DEPTH_A, tagged("(A) table"), True, True),
    (DEPTH_A, tagged("A is closer"), True, True),
    (DEPTH_A, tagged("A and B"), True, False),
    # Case counts in the text of a choice, to the protocol.
    (DEPTH_B, tagged("books"), True, True),
    (DEPTH_B, tagged("Books"), False, True),
    (DEPTH_B, tagged("The Books."), False, True),
    (DEPTH_B, tagged("bookshelf"), False, False),
    (DEPTH_B, tagged("not the table but the books"), True, False),
    # Nothing is no answer.
    (COUNT, tagged(""), False, False),
    (COUNT, "", False, False),
    (COUNT, "<think>I see two of them, and", False, False),
    (DEPTH_A, "<think>There is a lamp\nand then", True, False),
]


@pytest.mark.parametrize(("gold", "completion", "published", "sound"), ROWS)
def test_an_answer_by_both_rules(gold: str, completion: str, published: bool, sound: bool) -> None:
    verdicts = [grade(gold, completion, rule).verdict for rule in ("choice", "choice-strict")]
    assert [verdict is Verdict.CORRECT for verdict in verdicts] == [published, sound]
    assert set(verdicts) <= {Verdict.CORRECT, Verdict.WRONG}


def test_what_was_read_is_told() -> None:
    assert grade(COUNT, tagged("so, (B) 2"), "choice") == Grade(Verdict.WRONG, "2")
    assert grade(COUNT, tagged("so, (B) 2"), "choice-strict") == Grade(Verdict.WRONG, "so, (B) 2")
    assert grade(COUNT, tagged(""), "choice") == Grade(Verdict.WRONG, None)


def test_longer_names_are_read_first() -> None:
    gold = choice_gold("B", ["table", "coffee table"])
    assert grade(gold, tagged("the coffee  table"), "choice-strict").verdict is Verdict.CORRECT
    assert grade(gold, tagged("the table"), "choice-strict").verdict is Verdict.WRONG


def test_a_gold_is_the_letter_and_the_choices() -> None:
    assert json.loads(COUNT) == ["(C)", "3", "2", "1", "0"]
    with pytest.raises(ValueError, match="answer '\\(E\\)' is none of the 4 choices"):
        choice_gold("(E)", ["3", "2", "1", "0"])
    with pytest.raises(ValueError, match="answer 'table' is none of the 2 choices"):
        choice_gold("table", ["table", "books"])


@pytest.mark.parametrize("rule", ["choice", "choice-strict"])
def test_a_gold_of_another_kind_says_nothing(rule: str) -> None:
    golds = [COUNT, "(C)", "", "[]", '["C"]', '["E", "3", "2"]', '["A", 3]', "[" * 100_000, "3"]
    assert check_golds(golds, rule) == [True] + [False] * 8
    assert grade("(C)", "(C)", rule).verdict is Verdict.UNPARSED
    assert grade(["(C)", COUNT], "(C)", rule).verdict is Verdict.CORRECT
