import pytest

from gpg_cli.grading import Grade, Verdict
from gpg_cli.grading.verdict import best_grade


@pytest.mark.parametrize(
    ("grade", "score"),
    [
        (Grade(Verdict.CORRECT, "7"), 1.0),
        (Grade(Verdict.WRONG, "7"), 0.0),
        (Grade(Verdict.UNPARSED, None), 0.0),
        (Grade(Verdict.TIMEOUT, None), 0.0),
        (Grade(Verdict.CORRECT, "(1,2),(3,4)", 0.75), 0.75),
        (Grade(Verdict.WRONG, "(1,2),(3,4)", 0.25), 0.25),
        (Grade(Verdict.WRONG, None, 0.0), 0.0),
    ],
)
def test_a_score_is_the_value_or_else_one_for_a_correct_answer(grade: Grade, score: float) -> None:
    assert grade.score == score


def test_the_best_of_several_grades_is_the_one_of_the_highest_score_then_of_the_first_verdict() -> None:
    near, far = Grade(Verdict.WRONG, "a", 0.4), Grade(Verdict.WRONG, "a", 0.1)
    unparsed, timeout = Grade(Verdict.UNPARSED, "a"), Grade(Verdict.TIMEOUT, None)
    assert best_grade([far, near, unparsed]) is near
    assert best_grade([unparsed, Grade(Verdict.WRONG, "a", 0.0)]).verdict is Verdict.WRONG
    assert best_grade([timeout, unparsed]) is unparsed
    assert best_grade([]) == Grade(Verdict.UNPARSED, None)
