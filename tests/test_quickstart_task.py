"""The toy task: what its texts look like, and that what is measured is never trained on."""

import random

import pytest

from gpg_cli.grading import Verdict, grade
from gpg_cli.quickstart_task import Addition, held_out_problems, training_problems

CAREFUL, FORGETFUL = 0.0, 1.0


@pytest.mark.parametrize(
    ("addition", "forget_carry", "text"),
    [
        (Addition(47, 85), CAREFUL, r"<think>7+5=12,4+8+1=13</think>\boxed{132}"),
        (Addition(47, 85), FORGETFUL, r"<think>7+5=12,4+8=12</think>\boxed{122}"),
        (Addition(12, 34), CAREFUL, r"<think>2+4=6,1+3=4</think>\boxed{46}"),
        (Addition(12, 34), FORGETFUL, r"<think>2+4=6,1+3=4</think>\boxed{46}"),
        (Addition(99, 99), CAREFUL, r"<think>9+9=18,9+9+1=19</think>\boxed{198}"),
    ],
)
def test_a_solution_adds_column_by_column(addition: Addition, forget_carry: float, text: str) -> None:
    assert addition.solution(forget_carry, random.Random(0)) == text


def test_careful_solutions_are_right_and_forgetful_ones_wrong_exactly_where_a_carry_is_needed() -> None:
    for addition in training_problems(seed=3, count=200):
        for forget_carry in (CAREFUL, FORGETFUL):
            solution = addition.solution(forget_carry, random.Random(0))
            right = grade(addition.answer, solution, "math-expr").verdict is Verdict.CORRECT
            assert right == (forget_carry == CAREFUL or not addition.needs_carry)


def test_the_benchmark_has_500_different_problems_that_no_training_draws() -> None:
    measured = {row["problem"] for row in held_out_problems()}
    assert len(measured) == 500
    for seed in range(3):
        assert measured.isdisjoint(addition.problem for addition in training_problems(seed, count=5000))


def test_most_problems_need_a_carry_so_that_forgetting_costs_more_than_half() -> None:
    problems = training_problems(seed=0, count=1000)
    assert 0.7 < sum(addition.needs_carry for addition in problems) / 1000 < 0.8
