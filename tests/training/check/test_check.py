"""`gpg check`: what would go wrong in a training, found without training."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Outcome, shared_data

CHAT_TEMPLATE = (
    "{% for message in messages %}<{{ message.role }}>{{ message.content }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


def findings(outcome: Outcome, title: str) -> dict[str, dict]:
    """The findings of one section of the JSON report: text to the rest."""
    section = next(section for section in outcome.json["sections"] if section["title"].startswith(title))
    return {item["text"]: item for item in section["findings"]}


def told(outcome: Outcome, title: str, level: str) -> str:
    """The texts of one level in one section, and what to change, as one text."""
    items = findings(outcome, title).values()
    return "\n".join(f"{item['text']} [{item['change']}]" for item in items if item["level"] == level)


@pytest.fixture
def check(gpg: Callable[..., Outcome], tiny_model: Path, json_lines: Callable[..., Path]) -> Callable[..., Outcome]:
    """`check(rows, "key=value", ...)`: the report on a training of the tiny model on these rows, as JSON."""

    def call(rows: list[dict], *settings: str, model: Path = tiny_model) -> Outcome:
        arguments = ["--model", model, "--dataset", json_lines(*rows), "--json"]
        for setting in ["max_completion_length=64", "per_device_train_batch_size=8", "num_generations=4", *settings]:
            arguments += ["--set", setting]
        return gpg("check", "--preset", "quickstart", *arguments)

    return call


def sums(count: int = 40) -> list[dict]:
    return [{"problem": f"{number}+1=?", "answer": str(number + 1)} for number in range(count)]


def test_a_recipe_without_faults_passes_and_leaves_nothing(gpg: Callable[..., Outcome], tmp_path: Path) -> None:
    outcome = gpg("check", "--preset", "quickstart", "--json")
    assert outcome.code == 0
    assert outcome.json["problems"] == 0
    assert [section["title"] for section in outcome.json["sections"]] == [
        "Tokens",
        "Lengths",
        "Golds",
        "Rewards",
        "Batch",
    ]
    assert list(tmp_path.iterdir()) == []


def test_the_report_for_people_fits_the_terminal_and_marks_each_finding(gpg: Callable[..., Outcome]) -> None:
    outcome = gpg("check", "--preset", "quickstart")
    assert outcome.code == 0
    assert "✓ all 4096 golds are right by themselves" in outcome.out
    assert "32 prompts x 8 completions = 256 a step" in outcome.out
    assert outcome.out.rstrip().endswith("0 problems, 0 warnings.")
    assert max(map(len, outcome.out.splitlines())) <= 80


def test_golds_that_cannot_be_answered_are_named(check: Callable[..., Outcome]) -> None:
    """A gold that no answer equals, not even itself, teaches nothing."""
    rows = sums()
    rows[7]["answer"] = r"\frac 9 2, 3} {"
    outcome = check(rows)
    assert outcome.code == 0
    assert "1 of 40 golds (2.5%) earn nothing when given as the answer: row 8" in told(outcome, "Golds", "warning")
    for place in range(20, 30):
        rows[place]["answer"] = r"\frac 9 2, 3} {"
    outcome = check(rows)
    assert outcome.code == 1
    assert "11 of 40 golds" in told(outcome, "Golds", "problem")
    assert findings(outcome, "Golds").popitem()[1]["rows"] == [8, 21, 22, 23, 24]


def test_a_prompt_that_opens_the_tag_leaves_a_format_reward_nothing_to_pay_for(
    check: Callable[..., Outcome], tiny_model: Path, tmp_path: Path
) -> None:
    """open-r1#560 and trl#6966: the R1-Distill templates end in <think>, and `format` then wants it once more."""
    model = tmp_path / "model"
    shutil.copytree(tiny_model, model)
    (model / "chat_template.jinja").write_text(
        CHAT_TEMPLATE.replace("<assistant>{% endif", "<assistant><think>\n{% endif")
    )
    outcome = check(sums(), "reward_funcs=[format, accuracy]", "use_chat_template=true", model=model)
    assert outcome.code == 1
    assert "no completion can earn all of format" in told(outcome, "Tokens", "problem")
    assert "format_v2" in told(outcome, "Tokens", "problem")
    assert "no completion can earn" not in told(
        check(sums(), "use_chat_template=true", model=model), "Tokens", "problem"
    )


def test_an_end_of_turn_at_which_sampling_does_not_stop_is_a_problem(
    check: Callable[..., Outcome], tiny_model: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    shutil.copytree(tiny_model, model)
    # The quickstart's tags are single tokens: an answer that ends in one of them never ends for the sampler.
    (model / "chat_template.jinja").write_text(
        CHAT_TEMPLATE.replace("{{ message.content }}", "{{ message.content }}</think>")
    )
    outcome = check(sums(), "use_chat_template=true", model=model)
    assert outcome.code == 1
    assert "ends an answer with </think>, at which sampling does not stop" in told(outcome, "Tokens", "problem")


def test_lengths_are_compared_with_the_limits(check: Callable[..., Outcome]) -> None:
    rows = sums()
    for row in rows[:10]:
        row["problem"] += " 1" * 300
    outcome = check(rows, "max_prompt_length=200", "max_completion_length=9000")
    assert "10 of 40 prompts (25.0%) are longer than 200 tokens" in told(outcome, "Lengths", "warning")
    assert "exceed the context of" in told(outcome, "Lengths", "problem")
    assert outcome.code == 1


def test_worked_golds_say_how_much_room_an_answer_needs(check: Callable[..., Outcome]) -> None:
    rows = [
        {"problem": f"{number}+1=?", "solution": "1 + " * 50 + f"so it is $\\boxed{{{number + 1}}}$"}
        for number in range(40)
    ]
    outcome = check(rows, "max_completion_length=64")
    assert "40 of 40 golds (100.0%) alone are longer than max_completion_length = 64" in told(
        outcome, "Lengths", "problem"
    )


def test_the_cosine_past_its_length_is_warned_of(check: Callable[..., Outcome]) -> None:
    """Trap T22: the published reward counts characters and is periodic."""
    assert "rises again" in told(
        check(sums(), "reward_funcs=[cosine]", "max_completion_length=2000"), "Rewards", "warning"
    )
    clamped = check(sums(), "reward_funcs=[cosine]", "max_completion_length=2000", "cosine_clamp=true")
    assert "rises again" not in told(clamped, "Rewards", "warning")


def test_rollouts_with_a_reward_that_says_nothing_about_accuracy(
    check: Callable[..., Outcome], gpg: Callable[..., Outcome], tiny_model: Path, json_lines: Callable, tmp_path: Path
) -> None:
    rewards = tmp_path / "length.py"
    rewards.write_text("def short(completions, **columns):\n    return [-len(text) / 64 for text in completions]\n")
    settings = ["max_completion_length=16", "per_device_train_batch_size=8", "num_generations=4"]
    given = [part for setting in settings for part in ("--set", setting)]
    given += ["--model", tiny_model, "--dataset", json_lines(*sums()), "--rollouts", "2"]
    outcome = gpg("check", "--preset", "quickstart", *given, "--set", f"reward_funcs=[python:{rewards}:short]")
    # The shortest answer is an empty one, which is a problem of this reward.
    assert outcome.code == 1, outcome.err
    assert "right: not graded" in outcome.out
    assert "all wrong" not in outcome.out


def test_rewards_of_ones_own_are_tried_on_each_kind_of_answer(check: Callable[..., Outcome], tmp_path: Path) -> None:
    rewards = tmp_path / "rewards.py"
    rewards.write_text(
        "def upside_down(completions, **columns):\n"
        "    return [0.0 if 'boxed' in str(completion) else 1.0 for completion in completions]\n"
        "def broken(completions, **columns):\n"
        "    raise RuntimeError('no such column')\n"
        "def flat(completions, **columns):\n"
        "    return [0.5] * len(completions)\n"
    )
    outcome = check(sums(), f"reward_funcs=[python:{rewards}:upside_down]")
    assert outcome.code == 1
    assert "a perfect answer earns 0, an empty one 1" in told(outcome, "Rewards", "problem")
    outcome = check(sums(), f"reward_funcs=[accuracy, python:{rewards}:broken, python:{rewards}:flat]")
    assert "no such column" in told(outcome, "Rewards", "problem")
    assert "gives 0.5 whatever the answer" in told(outcome, "Rewards", "warning")


def test_the_arithmetic_of_a_step_is_told(check: Callable[..., Outcome]) -> None:
    outcome = check(sums(), "gradient_accumulation_steps=4", "min_inverse_alpha=0.95")
    section = next(each for each in outcome.json["sections"] if each["title"] == "Batch")
    assert section["lines"][0] == "8 prompts x 4 completions = 32 a step"
    assert "asks for signal in nearly every group" in told(outcome, "Batch", "warning")


def test_rollouts_are_a_real_step_of_which_nothing_is_kept(gpg: Callable[..., Outcome], tmp_path: Path) -> None:
    outcome = gpg("check", "--preset", "quickstart", "--rollouts", "6", "--json")
    assert outcome.code == 0
    section = outcome.json["sections"][-1]
    assert section["title"] == "Rollouts: 6 prompts x 8"
    text = "\n".join(section["lines"])
    assert "groups with signal" in text
    assert "32 prompts in 0.0 further rounds" in text
    assert "one completion (accuracy" in text
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_never_solves_anything_is_told_before_it_is_trained(
    gpg: Callable[..., Outcome], tiny_model: Path
) -> None:
    outcome = gpg("check", "--preset", "quickstart", "--model", tiny_model, "--rollouts", "4", "--json")
    assert outcome.code == 1
    assert "no group carries signal" in told(outcome, "Rollouts", "problem")
    assert "easier problems" in told(outcome, "Rollouts", "problem")


def test_more_rollouts_than_prompts_are_refused(gpg: Callable[..., Outcome], json_lines: Callable[..., Path]) -> None:
    outcome = gpg("check", "--preset", "quickstart", "--dataset", json_lines(*sums(40)), "--rollouts", "41")
    assert outcome.code == 2
    assert "--rollouts 41: there are 40 prompts" in outcome.error_lines[-2]


def test_what_training_would_refuse_is_refused_here_in_the_same_words(gpg: Callable[..., Outcome]) -> None:
    check, train = (gpg(command, "--preset", "quickstart", "--set", "learnin_rate=1") for command in ("check", "train"))
    assert check.code == train.code == 2
    assert check.error_lines[-2:] == train.error_lines[-2:]


def test_json_is_one_object(gpg: Callable[..., Outcome]) -> None:
    assert set(json.loads(gpg("check", "--preset", "quickstart", "--json").out)) == {
        "name",
        "problems",
        "warnings",
        "ok",
        "sections",
    }


@pytest.mark.slow
def test_the_published_data_is_looked_at_with_a_real_model(gpg: Callable[..., Outcome], smollm2: Path) -> None:
    """8,523 rows, through the template of a chat model."""
    data = shared_data("math_lvl3to5_8k.jsonl")
    outcome = gpg("check", "--preset", "qwen2.5-math-7b", "--model", smollm2, "--dataset", data, "--json")
    assert "golds (1.4%) earn nothing" in told(outcome, "Golds", "warning")
    assert "<|im_end|>" in told(outcome, "Tokens", "ok")
