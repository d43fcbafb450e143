"""Rewards for the right answer, weighed by length."""

import pytest

from gpg_cli.rewards import RewardSettings, get_reward
from tests.rewards.scoring import score, scores

RIGHT, WRONG = r"\boxed{7}", r"\boxed{8}"


def of_length(length: int, answer: str) -> str:
    return "-" * (length - len(answer)) + answer


# lowest + (highest - lowest) (1 + cos(pi n / 1000)) / 2 with 0.5 to 1 for right and -0.5 to 0 for wrong answers.
@pytest.mark.parametrize(
    ("length", "right", "wrong"),
    [
        (9, 0.9999, -0.0001),
        (250, 0.9268, -0.0732),
        (500, 0.75, -0.25),
        (1000, 0.5, -0.5),
        (1500, 0.75, -0.25),
        (2000, 1.0, 0.0),
        (3000, 0.5, -0.5),
        (3584, 0.8152, -0.1848),
        (10_000, 1.0, 0.0),
    ],
)
def test_cosine_has_a_period_of_twice_the_maximum_length(length: int, right: float, wrong: float) -> None:
    """Trap T22, kept: characters and no clamp are what GPG-RS1 was trained with."""
    assert score("cosine", of_length(length, RIGHT)) == pytest.approx(right, abs=1e-4)
    assert score("cosine", of_length(length, WRONG)) == pytest.approx(wrong, abs=1e-4)


# The recipes of open-r1 set 3584, a number of tokens, where the function counts characters.
@pytest.mark.parametrize(
    ("length", "right", "wrong"),
    [(1000, 0.9099, -0.0901), (2000, 0.7047, -0.2953), (3584, 0.5, -0.5), (7168, 1.0, 0.0)],
)
def test_cosine_with_a_maximum_length_of_3584_characters(length: int, right: float, wrong: float) -> None:
    assert score("cosine", of_length(length, RIGHT), cosine_max_len=3584) == pytest.approx(right, abs=1e-4)
    assert score("cosine", of_length(length, WRONG), cosine_max_len=3584) == pytest.approx(wrong, abs=1e-4)


@pytest.mark.parametrize(
    ("text", "settings", "value"),
    [
        ("", {}, 0.0),
        ("", {"cosine_min_value_wrong": -1.0}, -1.0),
        ("é" * 991 + RIGHT, {}, 0.5),  # 1,000 characters in 1,991 bytes
        (of_length(500, "so 7"), {}, -0.25),  # no box, no answer
        (of_length(500, rf"{WRONG} or {RIGHT}"), {}, -0.25),
        (f"<answer>\n{WRONG}\n</answer>" + of_length(972, "\n" * 80 + RIGHT), {}, 0.5),
        (of_length(1000, RIGHT), {"cosine_min_value_correct": 0.2}, 0.2),
        (of_length(2000, RIGHT), {"cosine_max_value_correct": 3.0}, 3.0),
        (of_length(1000, WRONG), {"cosine_max_value_wrong": -2.0}, -2.0),
        (of_length(500, WRONG), {"cosine_min_value_wrong": -1.0, "cosine_max_value_wrong": -0.5}, -0.75),
        (of_length(20, RIGHT), {"cosine_max_len": 20}, 0.5),
        ("x", {"cosine_max_len": 1}, -0.5),
    ],
)
def test_cosine_by_its_parameters(text: str, settings: dict[str, float], value: float) -> None:
    assert score("cosine", text, **settings) == pytest.approx(value)


@pytest.mark.parametrize(
    ("length", "right", "wrong"),
    [(500, 0.75, -0.25), (1000, 0.5, -0.5), (1500, 0.5, -0.5), (2000, 0.5, -0.5), (10_000, 0.5, -0.5)],
)
def test_a_clamped_cosine_never_earns_more_beyond_the_maximum_length(length: int, right: float, wrong: float) -> None:
    """Trap T22, the sound variant."""
    assert score("cosine", of_length(length, RIGHT), cosine_clamp=True) == pytest.approx(right)
    assert score("cosine", of_length(length, WRONG), cosine_clamp=True) == pytest.approx(wrong)


@pytest.mark.parametrize(
    ("tokens", "clamp", "right"),
    [(0, False, 1.0), (4, False, 0.75), (8, False, 0.5), (16, False, 1.0), (16, True, 0.5), (8, True, 0.5)],
)
def test_cosine_in_tokens_counts_what_was_sampled(tokens: int, clamp: bool, right: float) -> None:
    """Trap T22, the sound variant: cosine_max_len of the recipes is a number of tokens."""
    given = {"completion_ids": [[5] * tokens]}
    settings = {"cosine_in_tokens": True, "cosine_clamp": clamp, "cosine_max_len": 8}
    assert score("cosine", of_length(300, RIGHT), columns=given, **settings) == pytest.approx(right)


# Shortest 0.5, longest -0.5, in between (length - shortest) / (longest - shortest) on the way; wrong at most 0.
LENGTH_CASES = [
    ([(10, RIGHT), (20, RIGHT)], [0.5, -0.5]),
    ([(10, WRONG), (20, WRONG)], [0.0, -0.5]),
    ([(10, RIGHT), (15, RIGHT), (20, RIGHT)], [0.5, 0.0, -0.5]),
    ([(10, RIGHT), (30, WRONG), (50, WRONG)], [0.5, 0.0, -0.5]),
    ([(10, WRONG), (40, RIGHT), (50, RIGHT)], [0.0, -0.25, -0.5]),
    ([(50, RIGHT), (20, WRONG), (10, WRONG), (40, WRONG)], [-0.5, 0.0, 0.0, -0.25]),
    ([(30, RIGHT), (30, WRONG)], [0.0, 0.0]),
    ([(30, RIGHT)], [0.0]),
    ([(0, ""), (10_000, RIGHT)], [0.0, -0.5]),
    ([(10_000, WRONG), (5000, RIGHT), (0, "")], [-0.5, 0.0, 0.0]),
    ([(12, rf"✓é{RIGHT}"), (22, RIGHT)], [0.5, -0.5]),
    ([(20, rf"{RIGHT}, {WRONG}"), (120, RIGHT)], [0.0, -0.5]),
    ([(9, RIGHT), (109, "<answer>\n7\n</answer>")], [0.5, -0.5]),
    ([], []),
]


@pytest.mark.parametrize("name", ["length", "length_per_prompt"])
@pytest.mark.parametrize(("completions", "values"), LENGTH_CASES)
def test_length_prefers_the_shortest_right_answer(
    name: str, completions: list[tuple[int, str]], values: list[float]
) -> None:
    texts = [of_length(length, answer) if length else "" for length, answer in completions]
    assert scores(name, *texts) == pytest.approx(values)


def test_length_compares_all_that_comes_together_and_length_per_prompt_what_answers_the_same() -> None:
    texts = [of_length(length, RIGHT) for length in (10, 110, 20, 60)]
    prompts = {"prompts": ["short?", "long?", "short?", "long?"]}
    assert scores("length", *texts, columns=prompts) == pytest.approx([0.5, -0.5, 0.4, 0.0])
    assert scores("length_per_prompt", *texts, columns=prompts) == pytest.approx([0.5, -0.5, -0.5, 0.5])


def test_prompts_that_are_chats_are_told_apart_too() -> None:
    texts = [of_length(length, RIGHT) for length in (10, 110, 20, 60)]
    asked = [[{"role": "user", "content": question}] for question in ("short?", "long?", "short?", "long?")]
    assert scores("length_per_prompt", *texts, columns={"prompts": asked}) == pytest.approx([0.5, -0.5, -0.5, 0.5])


def test_an_answer_that_cannot_be_judged_is_no_right_one_in_length() -> None:
    """Trap T1: upstream takes it for right. It still counts among the lengths."""
    texts = [of_length(length, RIGHT) for length in (10, 20, 30)]
    assert scores("length", *texts, solution=["", "$7$", "$7$"]) == [None, 0.0, -0.5]


def test_cosine_in_tokens_without_tokens_is_an_error() -> None:
    with pytest.raises(ValueError, match="needs completion_ids"):
        get_reward("cosine", RewardSettings(cosine_in_tokens=True))(["7"], solution=["$7$"])
