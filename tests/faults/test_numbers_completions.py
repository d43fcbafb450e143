"""Completions of every length and ending, tokens that the tokenizer lacks, and groups as small as they can be."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.training.rollouts import lines_of, make_trainer, weights_of

LONGEST = 32
DIGIT = 5


def completions(eos: int, pad: int) -> dict[str, list[int]]:
    """Name to tokens; all of them are one group."""
    return {
        "nothing": [],
        "an end at once": [eos],
        "one token": [DIGIT],
        "an end at the end": [DIGIT] * 9 + [eos],
        "an end inside": [DIGIT, eos, DIGIT, DIGIT],
        "two ends": [DIGIT, eos, eos],
        "as long as allowed, without an end": [DIGIT] * LONGEST,
        "as long as allowed, with an end": [DIGIT] * (LONGEST - 1) + [eos],
        "padding only": [pad] * 6,
        "padding as the end": [DIGIT, pad],
    }


class Playing:
    """A rollout function that plays those for every prompt."""

    def __init__(self, tokenizer: Any, log_probs: float | None) -> None:
        self.tokenizer = tokenizer
        self.rows = list(completions(tokenizer.eos_token_id, tokenizer.pad_token_id).values())
        self.log_probs = log_probs

    def __call__(self, prompts: list[str], trainer: Any) -> dict[str, Any]:
        ids = [list(self.rows[row % len(self.rows)]) for row in range(len(prompts))]
        said = None if self.log_probs is None else [[self.log_probs] * len(row) for row in ids]
        return {"prompt_ids": self.tokenizer(prompts)["input_ids"], "completion_ids": ids, "logprobs": said}


@pytest.mark.parametrize("pad_is_eos", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("log_probs", [None, -3.0])
def test_every_length_and_ending_trains_as_the_formula_says(
    tiny_model: Path, tmp_path: Path, masked: bool, pad_is_eos: bool, log_probs: float | None, tally: Callable
) -> None:
    """Against one row at a time; with `mask_truncated_completions` those without an end weigh nothing."""
    seen: list[dict[str, Any]] = []

    def reward(completions: list[str], completion_ids: list[list[int]], **columns: Any) -> list[float]:
        seen.append({"completions": completions, "ids": completion_ids})
        return [float(row % 3) for row in range(len(completions))]

    names = list(completions(1, 0))
    settings = {"optim": "sgd", "learning_rate": 1.0, "max_grad_norm": 0.0, "weight_decay": 0.0}
    trainer = make_trainer(
        tiny_model, tmp_path, rewards=[reward], num_generations=len(names), per_device_train_batch_size=len(names),
        max_steps=1, lr_scheduler_type="constant", mask_truncated_completions=masked, max_completion_length=LONGEST,
        vllm_importance_sampling_correction=False, max_sampling_difference=math.inf, **settings,
    )  # fmt: skip
    tokenizer = trainer._tokenizer
    if pad_is_eos:
        tokenizer.pad_token = tokenizer.eos_token
    play = Playing(tokenizer, log_probs)
    trainer.rollout_func = type(trainer.rollout_func)(trainer._roll_out, play)
    before = weights_of(trainer.model)
    trainer.train()
    moved = before - weights_of(trainer.model)

    assert seen[0]["ids"] == play.rows
    assert seen[0]["completions"][:2] == ["", ""]
    ends = {tokenizer.eos_token_id, tokenizer.pad_token_id}
    truncated = [not row or row[-1] not in ends for row in play.rows]
    assert lines_of(trainer)[0]["completions/clipped_ratio"] == pytest.approx(sum(truncated) / len(truncated))
    counted = [0 if masked and cut else len(row) for row, cut in zip(play.rows, truncated, strict=True)]
    rewards = [float(row % 3) for row in range(len(names))]
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    prompt = trainer.last_batch.groups[0].rollouts[0].prompt_ids
    loss = torch.zeros(())
    for row, reward_of_row, count in zip(play.rows, rewards, counted, strict=True):
        if count:
            logits = model(torch.tensor([prompt + row])).logits[0, len(prompt) - 1 : -1]
            log_probs_of_row = logits.log_softmax(-1)[range(len(row)), row]
            advantage = reward_of_row - sum(rewards) / len(rewards)
            loss = loss - advantage * log_probs_of_row.sum() / sum(counted)
    loss.backward()
    expected = torch.cat([weight.grad.reshape(-1) for weight in model.parameters()])
    assert (moved - expected).norm() / expected.norm() < 1e-4
    tally("completions of every length and ending in a step", len(names))


def test_a_step_of_empty_completions_moves_nothing(tiny_model: Path, tmp_path: Path, tally: Callable) -> None:
    def reward(completions: list[str], **columns: Any) -> list[float]:
        return [float(row % 2) for row in range(len(completions))]

    trainer = make_trainer(tiny_model, tmp_path, rewards=[reward], max_steps=2)
    play = Playing(trainer._tokenizer, None)
    play.rows = [[]]
    trainer.rollout_func = type(trainer.rollout_func)(trainer._roll_out, play)
    before = weights_of(trainer.model)
    trainer.train()
    assert torch.equal(before, weights_of(trainer.model))
    assert [line["completions/mean_length"] for line in lines_of(trainer)] == [0, 0]
    tally("completions of every length and ending in a step", 16)


@pytest.fixture(scope="module")
def padded_vocabulary(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with 37 rows of embeddings more than its tokenizer has tokens, as likely as the others."""
    folder = tmp_path_factory.mktemp("padded")
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    model.resize_token_embeddings(len(tokenizer) + 37, mean_resizing=False)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("masked", [False, True])
def test_tokens_that_the_tokenizer_lacks_are_survived(
    padded_vocabulary: Path, tmp_path: Path, masked: bool, tally: Callable
) -> None:
    """The policy is over the whole width of the logits, in sampling and in training alike; such a token has no text."""

    def reward(completions: list[str], **columns: Any) -> list[float]:
        return [float(row % 2) for row in range(len(completions))]

    trainer = make_trainer(
        padded_vocabulary, tmp_path, rewards=[reward], max_steps=2, mask_truncated_completions=masked,
        max_completion_length=24,
    )  # fmt: skip
    trainer.rollout_func = None
    trainer.train()
    known = len(trainer._tokenizer)
    rollouts = [rollout for group in trainer.last_batch.groups for rollout in group.rollouts]
    lacking = [token for rollout in rollouts for token in rollout.completion_ids if token >= known]
    assert lacking
    assert weights_of(trainer.model).isfinite().all()
    tally("sampled tokens that the tokenizer lacks", len(lacking))


def test_a_group_of_one_is_refused_in_words(gpg: Callable, tiny_model: Path, json_lines: Callable) -> None:
    rows = json_lines({"problem": "1+1=", "answer": "2"}, {"problem": "2+2=", "answer": "4"})
    options = ["--model", tiny_model, "--dataset", rows, "--set", "use_chat_template=false", "--set", "bf16=false"]
    done = gpg("train", "--preset", "open-rs1", *options, "--set", "num_generations=1")
    assert done.code == 2
    assert "num_generations must be at least 2" in done.err
    done = gpg("train", "--preset", "open-rs1", *options)
    assert done.code == 2
    assert "2 usable rows; one step takes" in done.err
