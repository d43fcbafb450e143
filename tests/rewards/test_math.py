"""Rewards for the right answer."""

import pytest

from gpg_cli.rewards import RewardSettings, get_reward
from tests.rewards.scoring import chat, score, scores

# The parser goes through all ways to read a brace: some minutes for forty of them.
HOSTILE = r"\boxed{" + "{" * 40 + "7" + "}" * 41


@pytest.mark.parametrize("name", ["accuracy", "accuracy_lv35"])
@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"\boxed{7}", 1.0),
        (r"\boxed{8}", 0.0),
        (r"<think>6 + 1</think>\boxed{\frac{14}{2}}", 1.0),
        ("", 0.0),
        ("7", 0.0),
        ("The answer is 7", 0.0),
        ("The answer is $7$", 1.0),
        ("so we have $7$", 0.0),
        (r"\boxed{7}, \boxed{7}", 1.0),
        (r"\boxed{7} or \boxed{8}", 0.0),
        (r"\boxed{8} is too much." + "\n" * 80 + r"\boxed{7}", 1.0),
        (r"<think>\boxed{7}</think>", 1.0),
        ("<think>\n6 + 1\n</think>\n<answer>\n8\n</answer>\n" + r"\boxed{7}", 1.0),
        (r"答案是 \boxed{7} ✓", 1.0),
        ("é" * 10_000 + r"\boxed{7}", 1.0),
        ("é" * 10_000, 0.0),
    ],
)
def test_accuracy_is_1_for_the_right_answer_and_0_for_any_other(name: str, text: str, value: float) -> None:
    assert score(name, text) == value


@pytest.mark.parametrize(
    ("gold", "answer", "accuracy", "lv35"),
    [
        ("$7$", "7", 1.0, 1.0),
        (r"$\boxed{7}$", "7", 1.0, 1.0),
        (r"so it is $\boxed{7}$.", "7", 1.0, 1.0),
        ("7", "7", None, 1.0),
        ("-0.5", r"-\frac{1}{2}", None, 1.0),
        ("1/2", r"\frac{1}{2}", None, 1.0),
        ("1,000", "1000", None, 1.0),
        (r"\frac{1}{2}", "0.5", 1.0, 1.0),  # a fraction is LaTeX wherever it stands
        (r"2\sqrt{3}", r"\sqrt{12}", None, 1.0),
        ("x + 1", "1 + x", None, 1.0),
        ("(1, 2)", "(1,2)", None, 1.0),
        ("7", "8", None, 0.0),
        ("", "7", None, None),
        (" ", "7", None, None),
    ],
)
def test_accuracy_lv35_reads_golds_without_dollars(
    gold: str, answer: str, accuracy: float | None, lv35: float | None
) -> None:
    """Trap T1: where the gold does not parse there is no reward, where upstream gives 1."""
    text = f"\\boxed{{{answer}}}"
    assert score("accuracy", text, solution=gold) == accuracy
    assert score("accuracy_lv35", text, solution=gold) == lv35


@pytest.mark.parametrize("name", ["accuracy", "cosine", "length", "length_per_prompt"])
@pytest.mark.parametrize("gold", ["7", "seven", "", " "])
def test_there_is_no_reward_where_the_gold_cannot_be_read(name: str, gold: str) -> None:
    """Trap T1: upstream gives 1, and trains on the other rewards alone."""
    assert score(name, r"\boxed{7}", solution=gold) is None


def test_the_gold_comes_first() -> None:
    """Trap T21: x = 2 is answered by 2, but 2 is not answered by an inequality that its interval would equal."""
    assert score("accuracy", r"\boxed{2}", solution="$x = 2$") == 1.0
    assert score("accuracy", r"\boxed{(1, \infty)}", solution="$x > 1$") == 1.0
    assert score("accuracy", r"\boxed{x > 1}", solution=r"$(1, \infty)$") == 0.0


def test_there_is_no_reward_where_the_time_of_the_grader_runs_out() -> None:
    (value,) = get_reward("accuracy", RewardSettings())([HOSTILE], solution=["$7$"])
    assert value is None


def test_a_chat_whose_content_comes_in_parts_reads_as_the_parts_together() -> None:
    parts = [{"type": "text", "text": r"\boxed"}, {"type": "text", "text": "{7}"}]
    completion = [{"role": "assistant", "content": parts}]
    assert get_reward("accuracy", RewardSettings())([completion], solution=["$7$"]) == [1.0]


def test_of_several_messages_the_last_is_the_answer() -> None:
    several = [*chat(r"\boxed{7}"), {"role": "tool", "content": "8"}, *chat(r"\boxed{8}")]
    nothing = [{"role": "assistant", "content": None}]
    values = get_reward("accuracy", RewardSettings())([several, [], nothing], solution=["$7$"] * 3)
    assert values == [0.0, 0.0, 0.0]


def test_each_completion_is_judged_by_the_solution_beside_it() -> None:
    texts = [r"\boxed{7}", r"\boxed{8}", r"\boxed{7}", r"\boxed{7}"]
    assert scores("accuracy", *texts, solution=["$7$", "$7$", "$8$", "eight"]) == [1.0, 0.0, 0.0, None]


@pytest.mark.parametrize("name", ["accuracy", "accuracy_lv35", "cosine", "length", "length_per_prompt"])
def test_what_is_right_is_logged_whatever_the_reward_makes_of_it(name: str) -> None:
    """Traps T1 and T25: easy and hard groups are told by right answers, and what cannot be graded is counted."""
    extras: dict[str, list] = {}
    metrics: dict[str, float] = {}
    texts = [r"\boxed{7}", r"so, \boxed{8}", r"well, \boxed{7}", r"\boxed{7}"]
    get_reward(name, RewardSettings())(
        completions=texts,
        prompts=["?"] * 4,
        solution=["$7$", "$7$", "$7$", ""],
        log_extra=extras.__setitem__,
        log_metric=metrics.__setitem__,
    )
    assert extras == {"accuracy": [1.0, 0.0, 1.0, None]}
    assert metrics == {"accuracy": pytest.approx(2 / 3), "ungraded": 0.25}
