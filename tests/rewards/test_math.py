import pytest

from gpg_cli.errors import GpgError
from gpg_cli.rewards import RewardSettings, describe_reward, get_reward, reward_names

# The parser goes through all ways to read a brace: some minutes for forty of them.
HOSTILE = r"\boxed{" + "{" * 40 + "7" + "}" * 41

ANSWERS = [
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
    (r"答案是 \boxed{7} ✓", 1.0),
    ("é" * 10_000 + r"\boxed{7}", 1.0),
    ("é" * 10_000, 0.0),
]


def chat(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def accuracy(completion: object, solution: str = "$7$") -> float | None:
    (value,) = get_reward("accuracy", RewardSettings())(prompts=["?"], completions=[completion], solution=[solution])
    return value


def cosine(completion: object, solution: str = "$7$", settings: RewardSettings | None = None) -> float | None:
    function = get_reward("cosine", settings or RewardSettings())
    (value,) = function(prompts=["?"], completions=[completion], solution=[solution])
    return value


def of_length(length: int, answer: str) -> str:
    return "-" * (length - len(answer)) + answer


@pytest.mark.parametrize(("text", "value"), ANSWERS)
def test_accuracy_is_1_for_the_right_answer_and_0_for_any_other(text: str, value: float) -> None:
    assert accuracy(text) == value
    assert accuracy(chat(text)) == value


@pytest.mark.parametrize("gold", ["7", "seven", "", " "])
def test_there_is_no_reward_where_the_gold_cannot_be_read(gold: str) -> None:
    assert accuracy(r"\boxed{7}", solution=gold) is None
    assert cosine(r"\boxed{7}", solution=gold) is None


def test_there_is_no_reward_where_the_time_of_the_grader_runs_out() -> None:
    assert accuracy(HOSTILE) is None


def test_a_chat_whose_content_comes_in_parts_reads_as_the_parts_together() -> None:
    parts = [{"type": "text", "text": r"\boxed"}, {"type": "text", "text": "{7}"}]
    assert accuracy([{"role": "assistant", "content": parts}]) == 1.0


def test_of_several_messages_the_last_is_the_answer() -> None:
    assert accuracy([*chat(r"\boxed{7}"), {"role": "tool", "content": "8"}, *chat(r"\boxed{8}")]) == 0.0
    assert accuracy([]) == 0.0
    assert accuracy([{"role": "assistant", "content": None}]) == 0.0


def test_each_completion_is_judged_by_the_solution_beside_it() -> None:
    completions = [r"\boxed{7}", r"\boxed{8}", r"\boxed{7}", r"\boxed{7}"]
    values = get_reward("accuracy", RewardSettings())(completions, solution=["$7$", "$7$", "$8$", "eight"])
    assert values == [1.0, 0.0, 0.0, None]


# lowest + (highest - lowest) (1 + cos(pi n / 1000)) / 2 with 0.5 to 1 for right and -0.5 to 0 for wrong answers.
@pytest.mark.parametrize(
    ("length", "right", "wrong"),
    [
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
    assert cosine(of_length(length, r"\boxed{7}")) == pytest.approx(right, abs=1e-4)
    assert cosine(of_length(length, r"\boxed{8}")) == pytest.approx(wrong, abs=1e-4)
    assert cosine(chat(of_length(length, r"\boxed{7}"))) == pytest.approx(right, abs=1e-4)


# The recipes of open-r1 set 3584, a number of tokens, where the function counts characters.
@pytest.mark.parametrize(
    ("length", "right", "wrong"),
    [(1000, 0.9099, -0.0901), (2000, 0.7047, -0.2953), (3584, 0.5, -0.5), (7168, 1.0, 0.0)],
)
def test_cosine_with_a_maximum_length_of_3584_characters(length: int, right: float, wrong: float) -> None:
    settings = RewardSettings(cosine_max_len=3584)
    assert cosine(of_length(length, r"\boxed{7}"), settings=settings) == pytest.approx(right, abs=1e-4)
    assert cosine(of_length(length, r"\boxed{8}"), settings=settings) == pytest.approx(wrong, abs=1e-4)


def test_an_empty_completion_earns_the_least_that_a_wrong_answer_can_lose() -> None:
    assert cosine("") == 0.0
    assert cosine("", settings=RewardSettings(cosine_min_value_wrong=-1.0)) == -1.0


def test_cosine_counts_characters_and_not_bytes() -> None:
    assert cosine("é" * 991 + r"\boxed{7}") == pytest.approx(0.5)


def test_a_reward_bears_the_name_it_is_asked_for_by() -> None:
    assert reward_names() == ("accuracy", "cosine", "format", "format_v2")
    assert [get_reward(name, RewardSettings()).__name__ for name in reward_names()] == list(reward_names())


def test_a_reward_is_described_in_one_line() -> None:
    assert describe_reward("accuracy") == "1 for a correct answer, 0 for a wrong one."


def test_an_unknown_reward_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(GpgError, match="unknown reward 'acuracy'\nDid you mean accuracy"):
        get_reward("acuracy", RewardSettings())
    with pytest.raises(GpgError, match="There are: accuracy, cosine, format, format_v2"):
        describe_reward("zzz")
