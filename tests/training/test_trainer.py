"""One real optimiser step of GPGTrainer against the formula, on rollouts that are known in advance.

With plain SGD and a learning rate of 1, the change of the weights is the gradient.
"""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer

from gpg_cli.training.config import GPGConfig
from gpg_cli.training.trainer import GPGTrainer

NAN = math.nan
GENERATIONS = 4
PROBLEMS = ["12+34=", "5+77="]
# Eight completions: four of each problem, of unequal lengths.
COMPLETIONS = ["46", "<think>2+4=6</think>\\boxed{46}", "7", "4", "82", "\\boxed{82}", "<think>5+7=12</think>", "9"]

ONE_GROUP_ALIVE = [[1.0, 0.0, 0.0, 1.0], [0.5, 0.5, 0.5, 0.5]]
BOTH_ALIVE = [[1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 1.0, 0.0]]
ALL_DEAD = [[0.0] * 4, [1.0] * 4]
SOME_DO_NOT_APPLY = [[1.0, NAN, 0.0, 1.0], [NAN, NAN, NAN, NAN]]


class CannedRollouts:
    """Plays the eight completions above, and pays the rewards it is given, whatever the order of the problems."""

    def __init__(self, rewards: list[list[float]], tokenizer: AutoTokenizer) -> None:
        self._tokenizer = tokenizer
        self._rewards = dict(zip(PROBLEMS, rewards, strict=True))

    def play(self, prompts: list[str], trainer: GPGTrainer) -> dict[str, list]:
        seen: dict[str, int] = dict.fromkeys(PROBLEMS, 0)
        chosen = []
        for prompt in prompts:
            chosen.append(COMPLETIONS[PROBLEMS.index(prompt) * GENERATIONS + seen[prompt]])
            seen[prompt] += 1
        ids = [self._tokenizer(text)["input_ids"] + [self._tokenizer.eos_token_id] for text in chosen]
        return {"prompt_ids": self._tokenizer(prompts)["input_ids"], "completion_ids": ids, "logprobs": None}

    def reward(self, prompts: list[str], completions: list[str], **columns: object) -> list[float | None]:
        paid = []
        for prompt, completion in zip(prompts, completions, strict=True):
            texts = COMPLETIONS[PROBLEMS.index(prompt) * GENERATIONS :][:GENERATIONS]
            value = self._rewards[prompt][texts.index(completion)]
            paid.append(None if math.isnan(value) else value)
        return paid


def length_reward(completions: list[str], **columns: object) -> list[float]:
    return [len(completion) / 10 for completion in completions]


@pytest.fixture
def one_step(tiny_model: Path, tmp_path: Path) -> Callable[..., tuple[torch.Tensor, GPGTrainer]]:
    """Train one step; returns the change of all weights as one vector, and the trainer."""

    def run(rewards: list[list[float]], extra_rewards: list | None = None, **settings: object) -> tuple:
        tokenizer = AutoTokenizer.from_pretrained(tiny_model, padding_side="left")
        canned = CannedRollouts(rewards, tokenizer)
        config = GPGConfig(
            output_dir=str(tmp_path / "run"),
            **{
                "per_device_train_batch_size": 8,
                "num_generations": GENERATIONS,
                "max_steps": 1,
                "learning_rate": 1.0,
                "lr_scheduler_type": "constant",
                "optim": "sgd",
                "max_grad_norm": 0.0,
                "use_cpu": True,
                "bf16": False,
                "gradient_checkpointing": False,
                "save_strategy": "no",
                "disable_tqdm": True,
                **settings,
            },
        )
        trainer = GPGTrainer(
            model=str(tiny_model),
            reward_funcs=[canned.reward, *(extra_rewards or [])],
            args=config,
            train_dataset=Dataset.from_dict({"prompt": PROBLEMS}),
            processing_class=tokenizer,
            rollout_func=canned.play,
        )
        before = weights_of(trainer.model)
        trainer.train()
        return before - weights_of(trainer.model), trainer

    return run


def weights_of(model: torch.nn.Module) -> torch.Tensor:
    return torch.cat([parameter.detach().view(-1).clone() for parameter in model.parameters()])


def reference_gradient(
    model_folder: Path, rewards: list[list[float]], scale: str, alpha: bool, reduction: str
) -> torch.Tensor:
    """The paper's gradient, one completion at a time: no padding, no batch, no trainer."""
    model = AutoModelForCausalLM.from_pretrained(model_folder)
    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    ids = [tokenizer(text)["input_ids"] + [tokenizer.eos_token_id] for text in COMPLETIONS]
    alive = sum(len({reward for reward in group if not math.isnan(reward)}) > 1 for group in rewards)
    loss = torch.zeros(())
    for index, completion in enumerate(ids):
        group = torch.tensor(rewards[index // GENERATIONS])
        scored = group[~group.isnan()]
        if len(scored.unique()) < 2 or group[index % GENERATIONS].isnan():
            continue
        advantage = group[index % GENERATIONS] - scored.mean()
        advantage = advantage / (scored.std() + 1e-4) if scale == "group" else advantage
        prompt = tokenizer(PROBLEMS[index // GENERATIONS])["input_ids"]
        logits = model(torch.tensor([prompt + completion])).logits[0, len(prompt) - 1 : -1]
        log_probs = logits.log_softmax(-1)[range(len(completion)), completion]
        divisor = sum(map(len, ids)) if reduction == "token" else len(completion) * len(ids)
        loss = loss - advantage * log_probs.sum() / divisor
    if alpha and alive:
        loss = loss * len(rewards) / alive
    if loss.requires_grad:
        loss.backward()
    return torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).reshape(-1) for p in model.parameters()])


@pytest.mark.parametrize("reduction", ["token", "sequence"])
@pytest.mark.parametrize(("scale", "alpha"), [("none", True), ("none", False), ("group", False), ("group", True)])
@pytest.mark.parametrize(
    "rewards",
    [
        pytest.param(BOTH_ALIVE, id="both groups alive"),
        pytest.param(ONE_GROUP_ALIVE, id="one group alive"),
        pytest.param(SOME_DO_NOT_APPLY, id="rewards that do not apply"),
    ],
)
def test_one_step_moves_the_weights_by_the_papers_gradient(
    one_step: Callable, tiny_model: Path, rewards: list[list[float]], scale: str, alpha: bool, reduction: str
) -> None:
    change, _ = one_step(rewards, scale_rewards=scale, adjust_gd=alpha, loss_reduction=reduction)
    expected = reference_gradient(tiny_model, rewards, scale, alpha, reduction)
    assert expected.norm() > 1e-3
    torch.testing.assert_close(change, expected, rtol=1e-3, atol=2e-6)


@pytest.mark.parametrize("reduction", ["token", "sequence"])
def test_two_micro_batches_move_the_weights_as_one_does(one_step: Callable, reduction: str) -> None:
    whole, _ = one_step(ONE_GROUP_ALIVE, loss_reduction=reduction)
    halves, _ = one_step(
        ONE_GROUP_ALIVE, loss_reduction=reduction, per_device_train_batch_size=4, gradient_accumulation_steps=2
    )
    torch.testing.assert_close(halves, whole, rtol=1e-3, atol=2e-6)


def test_when_all_groups_are_dead_nothing_moves(one_step: Callable) -> None:
    change, trainer = one_step(ALL_DEAD)
    assert change.abs().max() == 0
    assert trainer.state.log_history[0]["groups/valid"] == 0


def test_several_rewards_are_weighted_and_summed_before_groups_are_compared(
    one_step: Callable, tiny_model: Path
) -> None:
    change, _ = one_step(ONE_GROUP_ALIVE, extra_rewards=[length_reward], reward_weights=[1.0, 0.5])
    lengths = [[len(text) / 10 for text in COMPLETIONS[start : start + 4]] for start in (0, 4)]
    summed = [
        [reward + 0.5 * length for reward, length in zip(*pair, strict=True)]
        for pair in zip(ONE_GROUP_ALIVE, lengths, strict=True)
    ]
    expected = reference_gradient(tiny_model, summed, "none", True, "token")
    torch.testing.assert_close(change, expected, rtol=1e-3, atol=2e-6)


def test_alpha_and_valid_groups_are_logged(one_step: Callable) -> None:
    _, trainer = one_step(ONE_GROUP_ALIVE)
    line = trainer.state.log_history[0]
    assert (line["groups/valid"], line["groups/total"], line["alpha"]) == (1, 2, 2.0)


def test_log_probabilities_are_of_the_tempered_distribution(one_step: Callable) -> None:
    """TRL divides logits by the sampling temperature since 0.16 (trl#3029); at 0.5 the gradient is another one."""
    plain, _ = one_step(BOTH_ALIVE)
    tempered, _ = one_step(BOTH_ALIVE, temperature=0.5)
    assert not torch.allclose(plain, tempered, rtol=1e-2)
