import pytest

from gpg_cli.grading import Grade, Verdict, check_gold, grade


@pytest.mark.parametrize(
    ("gold", "completion", "verdict", "extracted"),
    [
        ("42", r"So it is \boxed{42}.", Verdict.CORRECT, "42"),
        ("42", r"So it is \boxed{ 42 }.", Verdict.CORRECT, "42"),
        (" 42\n", "42", Verdict.CORRECT, "42"),
        ("42", "  42\n", Verdict.CORRECT, "42"),
        ("42", "The answer is 42", Verdict.WRONG, "The answer is 42"),
        ("42", r"\boxed{042}", Verdict.WRONG, "042"),
        ("42", r"\boxed{41}, no, \boxed{42}", Verdict.CORRECT, "42"),
        ("42", r"\boxed{42}, no, \boxed{41}", Verdict.WRONG, "41"),
        ("42", r"\boxed{42}, that is, \boxed{4", Verdict.CORRECT, "42"),
        ("42", r"\boxed{42", Verdict.WRONG, r"\boxed{42"),
        (r"\frac{1}{2}", r"\boxed{\frac{1}{2}}", Verdict.CORRECT, r"\frac{1}{2}"),
        (r"\frac{1}{2}", r"\boxed{0.5}", Verdict.WRONG, "0.5"),
        ("été", r"\boxed{été}", Verdict.CORRECT, "été"),
        ("42", r"\boxed{}", Verdict.WRONG, ""),
        ("42", "", Verdict.WRONG, None),
        ("42", " \n", Verdict.WRONG, None),
        ("", r"\boxed{42}", Verdict.UNPARSED, "42"),
    ],
)
def test_the_last_closed_box_or_else_the_whole_completion_must_equal_the_gold(
    gold: str, completion: str, verdict: Verdict, extracted: str | None
) -> None:
    assert grade(gold, completion, "exact") == Grade(verdict, extracted)


def test_any_of_several_golds_will_do() -> None:
    assert grade(["Boeing 737", "737-800"], r"\boxed{737-800}", "exact").verdict is Verdict.CORRECT


def test_only_an_empty_gold_cannot_be_read() -> None:
    assert check_gold("Boeing 737", "exact")
    assert not check_gold(" ", "exact")
