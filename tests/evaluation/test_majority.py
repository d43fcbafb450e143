"""maj@n: the most frequent answer, where different texts may be the same answer."""

import json

import pytest

from gpg_cli.evaluation.journal import Sample
from gpg_cli.evaluation.majority import as_answer, boxed, group_answers, majority_is_right
from gpg_cli.grading import Verdict, grade_all
from tests.conftest import shared_data
from tests.evaluation.samples import changed


def answers(*texts: str | None, right: set[str]) -> list[Sample]:
    return [
        changed(number=number, extracted=text, verdict="correct" if text in right else "wrong")
        for number, text in enumerate(texts)
    ]


@pytest.mark.parametrize(
    ("texts", "right", "rule", "expected"),
    [
        (["2", "3", "2"], {"2"}, "math-expr", True),
        (["3", "2", "3"], {"2"}, "math-expr", False),
        # Of equally frequent answers the one that was given first.
        (["2", "3"], {"2"}, "math-expr", True),
        (["3", "2"], {"2"}, "math-expr", False),
        (["2", "3", "3", "2", "4"], {"2"}, "math-expr", True),
        # An answer that was not found is no answer.
        ([None, None, "2"], {"2"}, "math-expr", True),
        ([None, None], {"2"}, "math-expr", False),
        # Three texts of one answer outvote two of another.
        (
            ["7", "7", r"\frac{1}{2}", "0.5", r"\frac{2}{4}"],
            {r"\frac{1}{2}", "0.5", r"\frac{2}{4}"},
            "math-latex",
            True,
        ),
        (["7", "7", r"\frac{1}{2}", "0.5", r"\frac{2}{4}"], {"7"}, "math-expr", False),
        (["7", "7", "8", "9", "10"], {"8"}, "math-latex", False),
        (["x+1", "y", "1+x", "y", "x + 1"], {"x+1", "1+x", "x + 1"}, "math-latex", True),
        (["a", "b", "b"], {"b"}, "exact", True),
        # Spaces around a text are none of it; what is the same number is not the same text.
        (["a ", "b", "a"], {"a ", "a"}, "exact", True),
        (["0.5", "7", "1/2", "7"], {"0.5", "1/2"}, "exact", False),
    ],
)
def test_the_majority_is_right_or_not(texts: list[str | None], right: set[str], rule: str, expected: bool) -> None:
    assert majority_is_right([answers(*texts, right=right)], rule) == [expected]


def test_problems_do_not_mix() -> None:
    first, second = answers("1", "1", "2", right={"2"}), answers("2", "2", "1", right={"2"})
    assert majority_is_right([first, second, []], "math-expr") == [False, True, False]


def test_the_verdict_is_that_of_the_first_who_gave_the_answer() -> None:
    """Whatever the grader said of the others: it may have run out of time."""
    samples = [
        changed(number=0, extracted="0.5", verdict="correct"),
        changed(number=1, extracted="1/2", verdict="timeout"),
        changed(number=2, extracted="3", verdict="wrong"),
    ]
    assert majority_is_right([samples], "math-latex") == [True]


@pytest.mark.parametrize(
    ("texts", "kinds"),
    [
        (["5", r"\frac{1}{2}", "0.5", "5", "1/2"], [["5"], [r"\frac{1}{2}", "0.5", "1/2"]]),
        # Not symmetric in the grader (Math-Verify#25): the one is asked where the other does not match.
        (["2", "x=2"], [["2", "x=2"]]),
        (["x=2", "2"], [["x=2", "2"]]),
        # Read as an expression, the first of these two is the number 2.
        ([r"2\sqrt{3}", "2", r"\sqrt{12}"], [[r"2\sqrt{3}", r"\sqrt{12}"], ["2"]]),
        (["(1,2)", "(2,1)", "(1, 2)"], [["(1,2)", "(1, 2)"], ["(2,1)"]]),
        ([r"\{1,2\}", r"\{2,1\}"], [[r"\{1,2\}", r"\{2,1\}"]]),
        # As an expression at the end of a sentence is read out of it.
        (["2/3.", "2/3"], [["2/3"]]),
        # Nothing that a parser can read.
        ([r"\frac{1", "}{", r"\frac{1"], [[r"\frac{1"], ["}{"]]),
        ([], []),
    ],
)
@pytest.mark.parametrize("rule", ["math-latex", "math-expr"])
def test_answers_that_are_the_same_stand_together(texts: list[str], kinds: list[list[str]], rule: str) -> None:
    assert group_answers([[as_answer(text, rule) for text in texts]], rule) == [kinds]


@pytest.mark.parametrize(
    ("file", "column"),
    [
        ("math_completions.jsonl", "completion"),
        pytest.param("verify_pairs.jsonl", "prediction", marks=pytest.mark.slow),
        pytest.param("graded_completions.jsonl", "completion", marks=pytest.mark.slow),
    ],
)
def test_an_answer_that_is_put_back_is_read_again_the_same(file: str, column: str) -> None:
    """Of real completions: the answer alone gets the verdict that the completion got, and is right as its own gold."""
    rows = [json.loads(line) for line in shared_data(file).read_text(encoding="utf-8").splitlines()]
    grades = grade_all([(row["gold"], row[column]) for row in rows], "math-latex")
    read = [
        (row["gold"], as_answer(grade.extracted, "math-latex"), grade.verdict)
        for row, grade in zip(rows, grades, strict=True)
        if grade.extracted is not None
    ]
    assert len(read) > 0.98 * len(rows)
    again = grade_all([(gold, boxed(answer)) for gold, answer, _ in read], "math-latex")
    assert [grade.verdict for grade in again] == [verdict for _, _, verdict in read]
    selves = grade_all([(boxed(answer), boxed(answer)) for _, answer, _ in read], "math-latex")
    assert {grade.verdict for grade in selves} == {Verdict.CORRECT}
