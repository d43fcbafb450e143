"""Rows for the trainer, from local files."""

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.grading import check_gold
from gpg_cli.training.data import load_training_data, make_prompts
from gpg_cli.training.settings import RunSettings

from ..conftest import shared_data


def settings(dataset: object, **changes: object) -> RunSettings:
    required = {"model_name_or_path": "m", "reward_funcs": ["accuracy"], "dataset_name": str(dataset)}
    return RunSettings(**(required | changes))


def test_a_short_answer_becomes_latex_that_the_grader_reads(json_lines) -> None:
    data = load_training_data(settings(json_lines({"problem": "1+1", "answer": 2})), seed=0)
    assert data.rows == [{"problem": "1+1", "solution": "$\\boxed{2}$"}]
    assert check_gold(data.rows[0]["solution"], "math-training")


def test_an_answer_is_preferred_to_a_worked_solution_unless_the_recipe_names_one(json_lines) -> None:
    path = json_lines({"question": "q", "solution": "so $x = 2$", "answer": "2"})
    assert load_training_data(settings(path), seed=0).columns == ("question", "answer")
    chosen = load_training_data(settings(path, solution_column="solution"), seed=0)
    assert chosen.rows[0]["solution"] == "so $x = 2$"


def test_rows_with_an_empty_gold_are_left_out_and_counted(json_lines) -> None:
    data = load_training_data(settings(json_lines({"problem": "a", "answer": ""}, {"problem": "b", "answer": "1"})), 0)
    assert (len(data.rows), data.dropped) == (1, 1)


def test_real_training_problems_load_and_nearly_all_golds_are_read() -> None:
    data = load_training_data(settings(shared_data("math_lvl3to5_8k.jsonl")), seed=0)
    assert (len(data.rows), data.dropped) == (8521, 2)
    assert all(check_gold(row["solution"], "math-training") for row in data.rows[:200])


def test_the_quickstart_draws_the_same_problems_for_the_same_seed() -> None:
    first, again, other = (load_training_data(settings("builtin:quickstart"), seed) for seed in (0, 0, 1))
    assert first.rows == again.rows != other.rows


@pytest.mark.parametrize(
    ("rows", "complaint", "help_text"),
    [
        ([{"text": "a"}], "has no column problem or question", "It has: text."),
        ([{"problem": "a"}], "has no column answer or gt_answer", "It has: problem."),
        ([{"problem": "a", "answer": "1"}, {"problem": "b"}], "row 2, has no column 'answer'", "It has: problem."),
        ([{"problem": ["a"], "answer": "1"}], "row 1: column 'problem' holds no text", "problem_column"),
        ([{"problem": "a", "answer": " "}], "every row has an empty 'answer'", "another column"),
    ],
)
def test_columns_that_are_not_as_needed_are_named(json_lines, rows: list, complaint: str, help_text: str) -> None:
    with pytest.raises(GpgError) as caught:
        load_training_data(settings(json_lines(*rows)), seed=0)
    assert complaint in caught.value.message
    assert help_text in caught.value.hint


def test_a_hub_data_set_without_a_hub_says_how_to_name_a_file() -> None:
    with pytest.raises(GpgError, match="cannot be reached") as caught:
        load_training_data(settings("knoveleng/open-s1"), seed=0)
    assert "--dataset FILE.jsonl" in caught.value.hint


@pytest.fixture
def tokenizer():
    from gpg_cli.training.quickstart import make_tokenizer

    return make_tokenizer()


def test_prompts_are_messages_with_a_chat_template_and_text_without(json_lines, tokenizer) -> None:
    run = settings(json_lines({"problem": "1+1=", "answer": "2"}), system_prompt="Think.")
    data = load_training_data(run, seed=0)
    with pytest.raises(GpgError, match="has no chat template"):
        make_prompts(data, run, tokenizer)
    tokenizer.chat_template = "{{ messages[-1]['content'] }}"
    expected = [{"role": "system", "content": "Think."}, {"role": "user", "content": "1+1="}]
    assert make_prompts(data, run, tokenizer)[0]["prompt"] == expected
    plain = run.model_copy(update={"use_chat_template": False})
    assert make_prompts(data, plain, tokenizer)[0]["prompt"] == "Think.\n\n1+1="


def test_prompts_longer_than_the_limit_are_left_out_and_it_is_an_error_when_none_is_left(
    json_lines, tokenizer, capfd
) -> None:
    path = json_lines({"problem": "1+1=", "answer": "2"}, {"problem": "1+1+1+1=", "answer": "4"})
    run = settings(path, use_chat_template=False, max_prompt_length=4)
    assert make_prompts(load_training_data(run, 0), run, tokenizer)["prompt"] == ["1+1="]
    assert "Left out 1 prompts of more than 4 tokens" in capfd.readouterr().err
    shorter = run.model_copy(update={"max_prompt_length": 2})
    with pytest.raises(GpgError, match="every prompt is longer than max_prompt_length = 2"):
        make_prompts(load_training_data(shorter, 0), shorter, tokenizer)
