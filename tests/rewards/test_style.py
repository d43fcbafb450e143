"""Rewards for how a completion is written; every value is counted by hand."""

import pytest

from tests.rewards.scoring import WELL_FORMED, score

THIRD = 1 / 3


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", 0.0),
        (WELL_FORMED, 0.0),
        ("Step 1: add.", THIRD),
        ("Step 1: add. Step 22: carry.", 2 * THIRD),
        ("Step 1: a\nStep 2: b\nStep 3: c", 1.0),
        ("Step 1: a\nStep 2: b\nStep 3: c\nStep 4: d", 1.0),
        ("step 1: add.", 0.0),
        ("First, add. Second, carry. Next, add. Finally, stop.", 1.0),
        ("first, add", 0.0),
        ("1. add\n2. carry\n3. stop", THIRD),  # without MULTILINE only the first is found
        ("\n1. add", 0.0),
        ("- add\n- carry\n- stop", 2 * THIRD),
        ("a\n* add\n* carry\n- stop", 1.0),
        ("a\n-5 is negative", THIRD),
        (r"\boxed{7}, \boxed{8}", 0.0),
        ("<answer>\nStep 1: 7\n</answer>", THIRD),
        ("Finally, ✓ 七", THIRD),
        ("Schritt 1: é", 0.0),
        ("x" * 10_000, 0.0),
        ("x" * 10_000 + "\n- a\n- b", 2 * THIRD),
    ],
)
def test_reasoning_steps_gives_a_third_for_each_sign_of_a_step(text: str, value: float) -> None:
    assert score("reasoning_steps", text) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", 0.0),
        ("one", 0.0),
        ("one two", 0.0),
        ("one two three", 0.0),
        ("a a a", 0.0),  # one 3-gram, seen once
        ("a a a a", -0.5),  # 1 of 2 distinct
        ("A a A a", -0.5),
        ("a b c a b c", -0.25),  # abc bca cab abc: 3 of 4
        ("a b c d a b c d", -1 / 3),  # abc bcd cda dab abc bcd: 4 of 6
        ("七 ✓ é 七 ✓ é", -0.25),
        ("a  b\nc\ta b c", -0.25),
        (r"\boxed{7} \boxed{7} \boxed{7} \boxed{7} \boxed{7}", -2 / 3),  # 1 of 3
        (WELL_FORMED, 0.0),
        ("x" * 10_000, 0.0),  # one word
        ("x " * 5000, -(1 - 1 / 4998)),  # 10,000 characters
    ],
)
def test_repetition_penalty_is_the_share_of_trigrams_that_were_there_before(text: str, value: float) -> None:
    assert score("repetition_penalty", text) == pytest.approx(value)


@pytest.mark.parametrize(
    ("n_grams", "worst", "value"),
    [
        (1, -1.0, -0.5),
        (2, -1.0, -0.4),
        (3, -1.0, -0.25),
        (4, -1.0, 0.0),
        (6, -1.0, 0.0),
        (7, -1.0, 0.0),
        (1, -0.2, -0.1),
        (1, 0.0, 0.0),
    ],
)
def test_repetition_penalty_by_its_parameters(n_grams: int, worst: float, value: float) -> None:
    given = {"repetition_n_grams": n_grams, "repetition_max_penalty": worst}
    assert score("repetition_penalty", "a b c a b c", **given) == pytest.approx(value)


def test_no_penalty_is_not_written_as_minus_zero() -> None:
    assert str(score("repetition_penalty", "one two three")) == "0.0"
