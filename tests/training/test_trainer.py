"""One real optimiser step of GPGTrainer against the formula, on rollouts that are known in advance.

With plain SGD and a learning rate of 1, the change of the weights is the gradient.
"""

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer

from gpg_cli.training.config import GPGConfig
from gpg_cli.training.trainer import GPGTrainer
from tests.training.rollouts import make_trainer

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

    def run(
        rewards: list[list[float]],
        extra_rewards: list | None = None,
        trainer_class: type = GPGTrainer,
        **settings: object,
    ) -> tuple:
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
        trainer = trainer_class(
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


def test_completions_without_any_reward_are_counted_and_learn_nothing(one_step: Callable) -> None:
    """Trap T30: upstream's sum makes them 0, so that they look like failures."""
    _, trainer = one_step(SOME_DO_NOT_APPLY)
    assert trainer.state.log_history[0]["rewards/none"] == 5
    assert trainer.state.log_history[0]["groups/valid"] == 1


def test_nothing_of_grpo_is_computed_or_logged(one_step: Callable) -> None:
    """Traps T16 and T17: upstream loads a reference model and logs a KL term that is not in its loss."""
    _, trainer = one_step(BOTH_ALIVE)
    assert trainer.ref_model is None
    logged = trainer.state.log_history[0].keys()
    assert not {name for name in logged if name.startswith(("kl", "clip_ratio", "entropy"))}


def test_the_entropy_is_there_when_asked_for(one_step: Callable) -> None:
    _, trainer = one_step(BOTH_ALIVE, log_entropy=True)
    assert 0 < trainer.state.log_history[0]["entropy"] < math.log(64)


def test_alpha_does_not_live_in_the_metrics(one_step: Callable) -> None:
    """Trap T13: upstream reads it back from there, so that a cleared buffer changes the gradient."""
    expected, _ = one_step(ONE_GROUP_ALIVE)

    class Forgetful(GPGTrainer):
        def _log_rollouts(self, batch: object) -> None:
            super()._log_rollouts(batch)
            self._metrics["train"].clear()

    change, _ = one_step(ONE_GROUP_ALIVE, trainer_class=Forgetful)
    assert torch.equal(change, expected)


def test_log_probabilities_of_the_plain_distribution_are_there_when_asked_for(one_step: Callable) -> None:
    """Trap T19: the TRL that GPG-RS1 may have been trained with did not divide by the temperature."""
    plain, _ = one_step(BOTH_ALIVE)
    untempered, _ = one_step(BOTH_ALIVE, temperature=0.5, temper_log_probs=False)
    torch.testing.assert_close(untempered, plain)


def test_every_step_tells_all_there_is_to_know(tiny_model: Path, tmp_path: Path) -> None:
    def graded(completions: list[str], log_extra: Callable, **columns: object) -> list[float]:
        right = [float(len(completion) % 2) for completion in completions]
        log_extra("accuracy", right)
        return right

    trainer = make_trainer(tiny_model, tmp_path, rewards=[graded], max_steps=2)
    trainer.train()
    expected = {
        *("reward", "reward_std", "rewards/graded/mean", "rewards/graded/std", "rewards/graded/failed", "rewards/none"),
        *("accuracy", "groups/valid", "groups/total", "groups/easy", "groups/hard", "groups/rows_trained", "alpha"),
        *("resampling/rounds", "resampling/prompts", "resampling/short", "skipped/dead", "skipped/nonfinite"),
        *("completions/mean_length", "completions/max_length", "completions/clipped_ratio", "num_tokens"),
        *("speed/generate_tokens_per_s", "speed/train_tokens_per_s", "memory/peak_gib"),
        *("time/generate", "time/reward", "time/train", "time/other", "time/step"),
        *("loss", "grad_norm", "learning_rate", "epoch"),
    }
    for line in trainer.state.log_history[:2]:
        assert expected <= line.keys()
        parts = [line[f"time/{part}"] for part in ("generate", "reward", "train", "other")]
        assert sum(parts) == pytest.approx(line["time/step"], abs=1e-3)


def test_the_logits_of_a_micro_batch_never_exist(tiny_model: Path, tmp_path: Path) -> None:
    """The head is applied in chunks, so that memory does not grow with tokens times vocabulary."""
    trainer = make_trainer(tiny_model, tmp_path, max_steps=1)
    calls = []
    trainer.model.lm_head.register_forward_hook(lambda *hooked: calls.append(1))
    trainer.train()
    assert not calls


@pytest.mark.parametrize("rows", [{"per_device_train_batch_size": 2}, {"max_tokens_per_microbatch": 20}])
def test_the_fast_path_gives_the_gradient_of_the_whole_padded_batch(
    tiny_model: Path, tmp_path: Path, rows: dict[str, int]
) -> None:
    """Sorted, trimmed, without dead rows, cut into micro-batches: 1e-5 relative in float32."""
    alive = {"10+10=", "12+12=", "15+15="}
    settings = {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 6, **rows}
    settings["gradient_accumulation_steps"] = 24 // settings["per_device_train_batch_size"]
    trainer = make_trainer(
        tiny_model, tmp_path, lambda prompt, index, step: (index % 3) / 2 if prompt in alive else 1.0,
        optim="sgd", learning_rate=1.0, max_grad_norm=0.0, weight_decay=0.0, lr_scheduler_type="constant",
        max_steps=1, **settings,
    )  # fmt: skip
    before = weights_of(trainer.model)
    trainer.train()
    moved = before - weights_of(trainer.model)

    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    rollouts = [rollout for group in trainer._batch.groups for rollout in group.rollouts]
    longest = max(rollout.tokens for rollout in rollouts)
    ids = torch.tensor([[0] * (longest - r.tokens) + r.prompt_ids + r.completion_ids for r in rollouts])
    seen = torch.tensor([[0] * (longest - r.tokens) + [1] * r.tokens for r in rollouts])
    learned = torch.tensor([[0] * (longest - len(r.completion_ids)) + [1] * len(r.completion_ids) for r in rollouts])
    positions = (seen.cumsum(1) - 1).clamp(min=0)
    logits = model(input_ids=ids, attention_mask=seen, position_ids=positions).logits[:, :-1]
    log_probs = logits.log_softmax(-1).gather(2, ids[:, 1:, None])[..., 0]
    rewards = torch.tensor([r.rewards[0] for r in rollouts]).view(-1, 4)
    advantages = (rewards - rewards.mean(1, keepdim=True)).view(-1, 1)
    alpha = len(rewards) / (rewards.max(1).values > rewards.min(1).values).sum()
    loss = -alpha * (advantages * log_probs * learned[:, 1:]).sum() / learned.sum()
    loss.backward()
    expected = torch.cat([parameter.grad.reshape(-1) for parameter in model.parameters()])
    assert (moved - expected).norm() / expected.norm() < 1e-5


def test_evaluation_measures_rewards_of_groups_of_its_own_size(tiny_model: Path, tmp_path: Path) -> None:
    """Trap T11: upstream samples half as many completions and still cuts them into groups of G."""

    def length(completions: list[str], **columns: object) -> list[float]:
        return [float(len(completion)) for completion in completions]

    trainer = make_trainer(
        tiny_model, tmp_path, rewards=[length], max_completion_length=6, num_generations_eval=2,
        per_device_eval_batch_size=4,
    )  # fmt: skip
    trainer.rollout_func = None
    found = trainer.evaluate(trainer.train_dataset.select(range(4)))
    assert found["eval_reward"] > 0
    assert "eval_loss" not in found


def test_log_probabilities_are_of_the_tempered_distribution(one_step: Callable) -> None:
    """TRL divides logits by the sampling temperature since 0.16 (trl#3029); at 0.5 the gradient is another one."""
    plain, _ = one_step(BOTH_ALIVE)
    tempered, _ = one_step(BOTH_ALIVE, temperature=0.5)
    assert not torch.allclose(plain, tempered, rtol=1e-2)


def test_the_trainer_and_its_checkpoints_do_not_remember_every_step(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gpg_cli.training.reliable._REMEMBERED_LINES", 2)
    trainer = make_trainer(tiny_model, tmp_path, max_steps=4, save_strategy="steps", save_steps=3)
    trainer.train()
    saved = json.loads((tmp_path / "checkpoint-3" / "trainer_state.json").read_text())
    assert [line["step"] for line in saved["log_history"]] == [2, 3]
    assert len(trainer.state.log_history) == 2
