"""Rewards for the form of a completion. Every value is counted by hand; every text comes as string and as chat."""

import time

import pytest

from gpg_cli.rewards import RewardSettings, get_reward
from tests.rewards.scoring import WELL_FORMED, chat, score


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (WELL_FORMED, 1.0),
        ("<think>\n6\n+ 1\n</think>\n<answer>\n\\boxed{7}\n\\boxed{8}\n</answer>", 1.0),
        ("<think>\n\n</think>\n<answer>\n\n</answer>", 1.0),
        ("<think>\n考えます ✓\n</think>\n<answer>\né\n</answer>", 1.0),
        ("<think>\n" + "x" * 10_000 + "\n</think>\n<answer>\n7\n</answer>", 1.0),
        (WELL_FORMED + "\nThat is all.", 1.0),
        (WELL_FORMED + "\n" + WELL_FORMED, 1.0),
        ("<think>\na\n</think>\n<answer>\nb</answer>\n</think>\n<answer>\nc\n</answer>", 1.0),
        (WELL_FORMED + " That is all.", 0.0),
        ("Well, " + WELL_FORMED, 0.0),
        ("\n" + WELL_FORMED, 0.0),
        ("<think>6 + 1</think><answer>7</answer>", 0.0),
        ("<think>\n6 + 1\n</think>\n7", 0.0),
        ("<think>\n6 + 1\n</think>\n\\boxed{7}\n<answer>\n\n</answer>", 0.0),
        ("<answer>\n7\n</answer>\n<think>\n6 + 1\n</think>", 0.0),
        ("<think>\n</think>\n<answer>\n</answer>", 0.0),
        ("\\boxed{7}", 0.0),
        ("", 0.0),
    ],
)
def test_format_wants_thoughts_and_an_answer_on_lines_of_their_own(text: str, value: float) -> None:
    assert score("format", text) == value
    assert score("format_openr1", text) == value


def test_format_takes_the_chats_on_which_open_r1_fails() -> None:
    """Trap T7: open-r1 looks for the text of a chat message under the key 0."""
    function = get_reward("format", RewardSettings())
    assert function([chat(WELL_FORMED), chat("7"), WELL_FORMED, "7"]) == [1.0, 0.0, 1.0, 0.0]


def test_format_reads_a_hundred_thousand_characters_of_repeated_tags_at_once() -> None:
    text = "<think>\n" + "\n</think>\n<answer>\n" * 10_000
    started = time.process_time()
    assert score("format", text) == 0.0
    assert time.process_time() - started < 1.0


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("6 + 1\n</think>\n\\boxed{7}", 1.0),
        ("<think>\n6 + 1\n</think>\n7", 1.0),
        (WELL_FORMED, 1.0),
        ("\n</think>\n", 1.0),
        ("考えます ✓\n</think>\né", 1.0),
        ("x" * 10_000 + "\n</think>\n7", 1.0),
        ("\\boxed{7}\n</think>\n\\boxed{8}", 1.0),
        ("6 + 1\n</think>\n7\n</think>\n7", 0.0),
        ("6 + 1\n</think>", 0.0),
        ("6 + 1</think>\n7", 0.0),
        ("6 + 1\n</think>7", 0.0),
        ("</think>\n7", 0.0),
        ("<think>\n6 + 1", 0.0),
        ("x" * 10_000, 0.0),
        ("", 0.0),
    ],
)
def test_format_v2_wants_one_end_of_thinking_on_a_line_of_its_own(text: str, value: float) -> None:
    """Trap T24, kept: at the end of the text, or beside other text, </think> earns nothing."""
    assert score("format_v2", text) == value
    assert score("format_openrs", text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (WELL_FORMED, 1.0),
        ("<think>\né ✓\n</think>\n<answer>\n七\n</answer>", 1.0),
        ("<think>\n" + "x" * 10_000 + "\n</think>\n<answer>\n7\n</answer>", 1.0),
        ("Well, " + WELL_FORMED + " That is all.", 1.0),
        ("6 + 1\n</think>\n<answer>\n7\n</answer>", 0.75),
        ("<think>\n6 + 1\n</think>\n\\boxed{7}\n<answer>\n\\boxed{7}", 0.75),
        (WELL_FORMED + "\n</answer>", 0.75),
        ("<think>\n6 + 1\n</think>\n7", 0.5),
        ("6 + 1\n</think>\n7", 0.25),
        ("<think>\n" * 2 + "\n</think>\n", 0.25),
        (WELL_FORMED + "\n" + WELL_FORMED, 0.0),
        ("<think>6 + 1</think><answer>7</answer>", 0.0),
        ("</think>\n<answer>7</answer>", 0.0),
        ("x" * 10_000, 0.0),
        ("", 0.0),
    ],
)
def test_tag_count_gives_a_quarter_for_each_of_four_tags(text: str, value: float) -> None:
    assert score("tag_count", text) == value
    assert score("tag_count_openr1", text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (WELL_FORMED, 1.0),
        ("<think>\n6 + 1\n</think>\n7", 1.0),
        ("<think>\né ✓\n</think>\n七", 1.0),
        ("<think>\n" + "x" * 10_000 + "\n</think>\n", 1.0),
        ("\n</think>\n<think>\n", 1.0),
        ("6 + 1\n</think>\n\\boxed{7}", 0.5),  # all that is left where the prompt ends with <think>
        ("<think>\n6 + 1", 0.5),
        ("<think>\n6 + 1\n</think>", 0.5),
        ("<think>\n<think>\n6 + 1\n</think>\n7", 0.5),
        ("6 + 1\n</think>\n7\n</think>\n8", 0.0),
        ("<think>6 + 1</think>7", 0.0),
        ("<answer>\n\\boxed{7}\n\\boxed{8}\n</answer>", 0.0),
        ("x" * 10_000, 0.0),
        ("", 0.0),
    ],
)
def test_tag_count_openrs_gives_a_half_for_each_of_two_tags(text: str, value: float) -> None:
    assert score("tag_count_openrs", text) == value


def test_each_completion_of_a_group_has_a_value_of_its_own() -> None:
    values = get_reward("format_v2", RewardSettings())(["a\n</think>\nb", "a", "\n</think>\n"])
    assert values == [1.0, 0.0, 1.0]
