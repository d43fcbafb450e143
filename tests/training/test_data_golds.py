"""Golds before training: written as the grader reads them, and refused where too many cannot be read."""

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.grading import check_gold, grade
from gpg_cli.training.data import load_training_data
from gpg_cli.training.data.golds import as_gold, unreadable_golds

from ..conftest import shared_data
from .test_data import settings


@pytest.mark.parametrize(
    ("value", "completion"),
    [
        (18, r"\boxed{18}"),
        ("1,200", r"\boxed{1200}"),
        ("-3.5", r"\boxed{-3.50}"),
        (r"\frac{1}{2}", r"\boxed{0.5}"),
        (r"3\sqrt{2}", r"\boxed{\sqrt{18}}"),
        (r"$\frac{1}{2}$", r"\boxed{\frac{2}{4}}"),
        (r"\boxed{7}", r"\boxed{7}"),
        ("$1200", r"\boxed{1200}"),  # money
        (r"\text{odd}", r"\boxed{\text{odd}}"),
        ("2 * 9 = <<2*9=18>>18 eggs.\n#### 18", r"\boxed{18}"),
    ],
)
def test_answers_of_many_forms_can_be_graded(value: str | int, completion: str) -> None:
    gold = as_gold(value, is_answer=True)
    assert unreadable_golds([gold]) == []
    assert check_gold(gold, "math-training")
    assert grade(gold, completion, "math-training").verdict == "correct"


@pytest.mark.parametrize(
    "form", ["7", "-0.25", "12,000", r"\frac{3}{4}", r"\dfrac{3}{4}", r"-\frac{1}{2}", r"2\sqrt{3}"]
)
def test_forms_that_pass_unread_are_read_by_the_grader(form: str) -> None:
    assert check_gold(as_gold(form, is_answer=True), "math-training")


def test_a_worked_solution_stays_as_it_is() -> None:
    assert as_gold(r"So $x = 2$, and $y = \boxed{3}$.", is_answer=False) == r"So $x = 2$, and $y = \boxed{3}$."
    assert as_gold("70", is_answer=False) == "$\\boxed{70}$"  # AIME's solutions hold the answer again


def rows_with(golds: list, good: int) -> list[dict]:
    return [
        *({"problem": f"good {n}", "answer": str(n)} for n in range(good)),
        *({"problem": f"bad {n}", "answer": gold} for n, gold in enumerate(golds)),
    ]


def test_a_few_golds_that_cannot_be_read_are_left_out_and_counted(json_lines) -> None:
    """Trap T29: an empty solution gave 1.0 to every answer."""
    data = load_training_data(
        settings(json_lines(*rows_with(["", None, "nobody has ever found out what it is"], 57))), 0
    )
    assert data.left_out["unreadable_gold"] == 3
    assert len(data.rows) == 57
    assert "Left out 3 rows whose gold answer cannot be read." in data.notes


def test_more_than_one_in_twenty_is_refused_with_three_of_them(json_lines) -> None:
    """Trap T1: such rows taught the format alone, or nothing, and looked like success."""
    bad = ["", "it depends on who you ask and when", "see the figure on the next page", "no"]
    path = json_lines(*rows_with(bad[:3], 30), {"problem": "last", "answer": None})
    with pytest.raises(GpgError) as caught:
        load_training_data(settings(path), 0)
    assert caught.value.message == (
        f"{path}: 4 of 34 golds in column 'answer' cannot be read as mathematics (row 31: '', "
        "row 32: 'it depends on who you ask and when', row 33: 'see the figure on the next page')"
    )
    assert "--set answer_column=... (short answers)" in caught.value.hint


def test_prose_solutions_are_refused(json_lines) -> None:
    """open-r1#628: nobody notices until the curve is flat."""
    path = json_lines(*({"problem": f"p{n}", "solution": f"We see that it is {n}."} for n in range(20)))
    with pytest.raises(GpgError, match="20 of 20 golds in column 'solution'"):
        load_training_data(settings(path), 0)


@pytest.mark.slow
def test_real_training_problems_load_and_all_golds_but_two_are_read() -> None:
    data = load_training_data(settings(shared_data("math_lvl3to5_8k.jsonl")), 0)
    assert data.left_out == {"empty_problem": 0, "unreadable_gold": 2, "duplicate": 1}
    assert len(data.rows) == 8520
