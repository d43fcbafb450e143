import pytest

from gpg_cli.rewards import RewardSettings, get_reward

WELL_FORMED = "<think>\n6 + 1\n</think>\n<answer>\n7\n</answer>"


def value_of(name: str, completion: object) -> float | None:
    (value,) = get_reward(name, RewardSettings())(prompts=["?"], completions=[completion], solution=["$7$"])
    return value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (WELL_FORMED, 1.0),
        ("<think>\n6\n+ 1\n</think>\n<answer>\n\\boxed{7}\n\\boxed{8}\n</answer>", 1.0),
        ("<think>\n\n</think>\n<answer>\n\n</answer>", 1.0),
        ("<think>\n考えます ✓\n</think>\n<answer>\né\n</answer>", 1.0),
        ("<think>\n" + "x" * 10_000 + "\n</think>\n<answer>\n7\n</answer>", 1.0),
        (WELL_FORMED + "\nThat is all.", 1.0),
        (WELL_FORMED + " That is all.", 0.0),
        ("Well, " + WELL_FORMED, 0.0),
        ("\n" + WELL_FORMED, 0.0),
        ("<think>6 + 1</think><answer>7</answer>", 0.0),
        ("<think>\n6 + 1\n</think>\n7", 0.0),
        ("<answer>\n7\n</answer>\n<think>\n6 + 1\n</think>", 0.0),
        ("<think>\n</think>\n<answer>\n</answer>", 0.0),
        ("\\boxed{7}", 0.0),
        ("", 0.0),
    ],
)
def test_format_wants_thoughts_and_an_answer_on_lines_of_their_own(text: str, value: float) -> None:
    assert value_of("format", text) == value
    assert value_of("format", [{"role": "assistant", "content": text}]) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("6 + 1\n</think>\n\\boxed{7}", 1.0),
        ("<think>\n6 + 1\n</think>\n7", 1.0),
        (WELL_FORMED, 1.0),
        ("\n</think>\n", 1.0),
        ("考えます ✓\n</think>\né", 1.0),
        ("x" * 10_000 + "\n</think>\n7", 1.0),
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
    assert value_of("format_v2", text) == value
    assert value_of("format_v2", [{"role": "assistant", "content": text}]) == value


def test_each_completion_of_a_group_has_a_value_of_its_own() -> None:
    values = get_reward("format_v2", RewardSettings())(["a\n</think>\nb", "a", "\n</think>\n"])
    assert values == [1.0, 0.0, 1.0]
