"""Prompts: system prompt, chat template or none, ready-made ones, and the limit on their length."""

from pathlib import Path

import pytest
from transformers import AutoTokenizer

from gpg_cli.errors import GpgError
from gpg_cli.training.data import load_training_data, make_prompts
from gpg_cli.training.data.rendering import tokenize_prompts

from ..conftest import shared_data
from .test_data import settings

MARKED = "<|im_start|>user\n1+1=<|im_end|>\n<|im_start|>assistant\n"


@pytest.fixture
def tokenizer():
    from gpg_cli.training.quickstart import make_tokenizer

    return make_tokenizer()


def test_prompts_are_messages_with_a_chat_template_and_text_without(json_lines, tokenizer) -> None:
    run = settings(json_lines({"problem": "1+1=", "answer": "2", "level": 5}), system_prompt="Think.")
    data = load_training_data(run, seed=0)
    with pytest.raises(GpgError, match="has no chat template"):
        make_prompts(data, run, tokenizer)
    tokenizer.chat_template = "{{ messages[-1]['content'] }}"
    expected = [{"role": "system", "content": "Think."}, {"role": "user", "content": "1+1="}]
    row = make_prompts(data, run, tokenizer)[0]
    assert row["prompt"] == expected
    assert (row["solution"], row["level"]) == ("$\\boxed{2}$", 5)
    plain = run.model_copy(update={"use_chat_template": False})
    assert make_prompts(data, plain, tokenizer)[0]["prompt"] == "Think.\n\n1+1="


def test_a_template_is_put_around_each_problem_and_no_ready_made_prompt(json_lines, tokenizer) -> None:
    """Other braces of it, and of the problem, stay as they are."""
    around = {"prompt_template": "{{=}}{problem}?", "system_prompt": "Think."}
    for row, expected in (
        ({"problem": "{1}+1", "answer": "2"}, "Think.\n\n{{=}}{1}+1?"),
        ({"prompt": [{"role": "user", "content": "1+1"}], "answer": "2"}, "Think.\n\n{{=}}1+1?"),
        ({"prompt": MARKED, "answer": "2"}, MARKED),
    ):
        run = settings(json_lines(row), use_chat_template=False, **around)
        data = load_training_data(run, seed=0)
        assert make_prompts(data, run, tokenizer)["prompt"] == [expected]
        assert ("The prompt template is not used: 'prompt' holds whole prompts." in data.notes) == (expected == MARKED)


def test_a_conversation_keeps_its_own_system_prompt(json_lines, tokenizer) -> None:
    tokenizer.chat_template = "{{ messages[-1]['content'] }}"
    user, own = {"role": "user", "content": "1+1="}, {"role": "system", "content": "Own."}
    for messages, expected in (([user], [{"role": "system", "content": "Think."}, user]), ([own, user], [own, user])):
        run = settings(json_lines({"prompt": messages, "answer": "2"}), system_prompt="Think.")
        data = load_training_data(run, seed=0)
        assert make_prompts(data, run, tokenizer)[0]["prompt"] == expected
        plain = run.model_copy(update={"use_chat_template": False})
        text = "\n\n".join(message["content"] for message in expected)
        assert make_prompts(data, plain, tokenizer)[0]["prompt"] == text


def test_a_conversation_of_several_turns_needs_a_template(json_lines, tokenizer) -> None:
    turns = [{"role": role, "content": "1+1="} for role in ("user", "assistant", "user")]
    run = settings(json_lines({"prompt": turns, "answer": "2"}), use_chat_template=False)
    with pytest.raises(GpgError, match="several turns cannot be a prompt without a chat template"):
        make_prompts(load_training_data(run, seed=0), run, tokenizer)


def test_a_ready_made_prompt_is_used_as_it_is(json_lines, tokenizer) -> None:
    run = settings(json_lines({"prompt": MARKED, "answer": "2"}), system_prompt="Think.")
    rows = make_prompts(load_training_data(run, seed=0), run, tokenizer)
    assert rows["prompt"] == [MARKED]
    assert rows.column_names.count("problem") == 0


def test_a_ready_made_prompt_does_not_start_twice(json_lines, tokenizer) -> None:
    """Where a tokenizer puts the start token before every text, the one in the text would be the second."""
    from tokenizers.processors import TemplateProcessing

    run = settings(json_lines({"prompt": "<pad>" + MARKED, "answer": "2"}))
    data = load_training_data(run, seed=0)
    tokenizer.bos_token = "<pad>"
    assert make_prompts(data, run, tokenizer)["prompt"] == ["<pad>" + MARKED]
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<pad> $A", special_tokens=[("<pad>", tokenizer.pad_token_id)]
    )
    assert make_prompts(data, run, tokenizer)["prompt"] == [MARKED]


def test_prompts_longer_than_the_limit_are_left_out_and_it_is_an_error_when_none_is_left(
    json_lines, tokenizer, capfd
) -> None:
    path = json_lines({"problem": "1+1=", "answer": "2"}, {"problem": "1+1+1+1=", "answer": "4"})
    run = settings(path, use_chat_template=False, max_prompt_length=4)
    assert make_prompts(load_training_data(run, 0), run, tokenizer)["prompt"] == ["1+1="]
    assert "Left out 1 prompts of more than 4 tokens" in capfd.readouterr().err
    shorter = run.model_copy(update={"max_prompt_length": 2})
    with pytest.raises(GpgError, match="every prompt is longer than max_prompt_length = 2") as caught:
        make_prompts(load_training_data(shorter, 0), shorter, tokenizer)
    assert "The shortest has 4." in caught.value.hint


def test_lengths_are_those_of_the_tokens_that_are_sampled_from(smollm2: Path) -> None:
    """One by one and template by template, they are what the batched count says."""
    tokenizer = AutoTokenizer.from_pretrained(smollm2)
    run = settings(shared_data("math_l35_500.jsonl"), system_prompt="Think.")
    prompts = make_prompts(load_training_data(run, 0), run, tokenizer)["prompt"]
    lengths = [len(tokens) for tokens in tokenize_prompts(prompts, tokenizer)]
    for prompt, length in list(zip(prompts, lengths, strict=True))[::50]:
        text = tokenizer.apply_chat_template(prompt, tokenize=False, add_generation_prompt=True)
        assert len(tokenizer(text, add_special_tokens=False)["input_ids"]) == length
    limit = sorted(lengths)[250]
    kept = make_prompts(load_training_data(run, 0), run.model_copy(update={"max_prompt_length": limit}), tokenizer)
    assert len(kept) == sum(length <= limit for length in lengths)
