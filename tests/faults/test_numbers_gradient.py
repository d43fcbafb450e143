"""The gradient and the step under it: in bfloat16, at extreme settings, with an engine that says extreme things."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, TrainerCallback

from gpg_cli.errors import GpgError
from gpg_cli.training.trainer import GPGTrainer
from tests.faults import LONG
from tests.training.rollouts import lines_of, make_trainer, weights_of

SGD = {"optim": "sgd", "lr_scheduler_type": "constant", "max_grad_norm": 0.0, "weight_decay": 0.0, "max_steps": 1}


class Looking(GPGTrainer):
    """Keeps the gradient of the last step, in double precision."""

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> float:
        self.gradient = torch.cat([weight.grad.double().reshape(-1) for weight in model.parameters()])
        return super()._get_grad_norm(model, grad_norm)


def gradient(model: Path, folder: Path, **settings: Any) -> torch.Tensor:
    trainer = make_trainer(model, folder, trainer_class=Looking, **{**SGD, **settings})
    trainer.train()
    return trainer.gradient


IN_BFLOAT16 = {
    "bf16: true": {"bf16": True, "model_init_kwargs": {"dtype": "float32"}},
    "bfloat16 weights": {"model_init_kwargs": {"dtype": "bfloat16"}},
    "bfloat16 weights, 64 micro-batches": {
        "model_init_kwargs": {"dtype": "bfloat16"},
        "max_tokens_per_microbatch": 1,
        "gradient_accumulation_steps": 8,
        "prompts": 16,
    },
}


def cosine(model: Path, folder: Path, settings: dict[str, Any]) -> float:
    exact = gradient(model, folder, **{**settings, "bf16": False, "model_init_kwargs": {"dtype": "float32"}})
    found = gradient(model, folder, **settings)
    return float(torch.nn.functional.cosine_similarity(exact, found, dim=0))


@pytest.mark.parametrize("how", IN_BFLOAT16)
def test_bfloat16_and_float32_agree_on_the_direction_of_the_gradient(
    tiny_model: Path, tmp_path: Path, how: str, tally: Callable
) -> None:
    assert cosine(tiny_model, tmp_path, IN_BFLOAT16[how]) >= 0.999
    tally("gradients in bfloat16 against float32", 1)


@pytest.mark.parametrize("micro_batches", [pytest.param(512, marks=LONG)])
def test_so_they_do_after_very_many_micro_batches(
    tiny_model: Path, tmp_path: Path, micro_batches: int, tally: Callable
) -> None:
    """Each is added to a gradient in bfloat16, of three digits."""
    settings = {
        "model_init_kwargs": {"dtype": "bfloat16"},
        "max_tokens_per_microbatch": 1,
        "prompts": micro_batches // 4,
    }
    assert cosine(tiny_model, tmp_path, {**settings, "gradient_accumulation_steps": micro_batches // 8}) >= 0.999
    tally("gradients in bfloat16 against float32", 1)


@pytest.mark.parametrize(
    ("settings", "moves", "skips"),
    [
        ({"learning_rate": 0.0}, False, False),
        ({"learning_rate": 1e-30}, False, False),
        ({"learning_rate": 1e3, "max_steps": 4}, True, None),
        ({"max_grad_norm": 0.0}, True, False),
        ({"max_grad_norm": 1e-30}, False, False),
        ({"max_grad_norm": math.inf}, True, False),
        ({"temperature": 1e-3}, True, False),
        ({"temperature": 100.0}, True, False),
        ({"num_generations": 2, "per_device_train_batch_size": 2, "prompts": 1}, True, False),
        ({"num_generations": 8, "per_device_train_batch_size": 8, "prompts": 1}, True, False),
        ({"prompts": 1}, True, False),  # fewer prompts than a step takes: the one comes twice
    ],
    ids=str,
)
def test_extreme_settings_neither_crash_nor_leave_weights_that_are_no_numbers(
    tiny_model: Path, tmp_path: Path, settings: dict[str, Any], moves: bool, skips: bool | None, tally: Callable
) -> None:
    """With AdamW, whose first step is the learning rate whatever the gradient's size, above its epsilon."""
    given = {"max_steps": 2, "lr_scheduler_type": "constant", "weight_decay": 0.0, **settings}
    trainer = make_trainer(tiny_model, tmp_path, **given)
    before = weights_of(trainer.model)
    trainer.train()
    after = weights_of(trainer.model)
    assert after.isfinite().all()
    # The norm that clips at 1e-30 leaves steps of 1e-30 / 1e-8 times the learning rate.
    assert bool((after - before).abs().max() > 1e-12) == moves
    if skips is not None:
        assert any(line["skipped/nonfinite"] for line in lines_of(trainer)) == skips
    assert all(math.isfinite(line[name]) for line in lines_of(trainer) for name in ("loss", "grad_norm"))
    tally("extreme settings of a step", 1)


@pytest.mark.parametrize("temperature", [1e-3, 100.0, *(pytest.param(value, marks=LONG) for value in (0.7, 1.0))])
@pytest.mark.parametrize("reduction", ["token", "sequence", "microbatch"])
def test_each_reduction_at_any_temperature_gives_the_gradient_of_its_formula(
    tiny_model: Path, tmp_path: Path, reduction: str, temperature: float, tally: Callable
) -> None:
    settings = {"loss_reduction": reduction, "temperature": temperature, "per_device_train_batch_size": 4}
    trainer = make_trainer(
        tiny_model, tmp_path, trainer_class=Looking, **SGD, **settings, gradient_accumulation_steps=2
    )
    model = AutoModelForCausalLM.from_pretrained(tiny_model).double()
    trainer.train()
    rows = [rollout for group in trainer.last_batch.groups for rollout in group.rollouts]
    counts = [len(row.completion_ids) for row in rows]
    loss = torch.zeros((), dtype=torch.float64)
    for number, row in enumerate(rows):
        logits = model(torch.tensor([row.prompt_ids + row.completion_ids])).logits[0, len(row.prompt_ids) - 1 : -1]
        log_probs = (logits / temperature).log_softmax(-1)[range(counts[number]), row.completion_ids]
        chunk = counts[4 * (number // 4) :][:4]
        divisor = {"token": sum(counts), "sequence": 8 * counts[number], "microbatch": 2 * sum(chunk)}[reduction]
        loss = loss - (row.rewards[0] - 0.5) * log_probs.sum() / divisor
    loss.backward()
    expected = torch.cat([weight.grad.reshape(-1) for weight in model.parameters()])
    assert (trainer.gradient - expected).norm() / expected.norm() < 1e-4
    tally("gradients against a reference of a few lines, in double precision", 1)


SAID = [0.0, -1e4, 1e4, -math.inf, math.nan]


class SaysNext(TrainerCallback):
    """Has the engine of canned rollouts say the next of SAID about each token of the step."""

    trainer: Any

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.trainer.canned._log_probs = SAID[state.global_step]


@pytest.mark.parametrize("mode", ["token_truncate", "token_mask", "sequence_truncate", "sequence_mask"])
def test_whatever_an_engine_says_about_probabilities_a_step_is_sound(
    tiny_model: Path, tmp_path: Path, mode: str, tally: Callable
) -> None:
    says = SaysNext()
    settings = {"max_sampling_difference": math.inf, "vllm_importance_sampling_mode": mode}
    trainer = make_trainer(tiny_model, tmp_path, callbacks=[says], max_steps=len(SAID), **settings)
    says.trainer = trainer
    trainer.train()
    assert weights_of(trainer.model).isfinite().all()
    assert [line["skipped/nonfinite"] for line in lines_of(trainer)] == [0] * len(SAID)
    tally("things an engine says about probabilities", len(SAID))


@pytest.mark.parametrize("said", [-1e4, -math.inf])
def test_an_engine_that_is_far_off_is_refused(tiny_model: Path, tmp_path: Path, said: float) -> None:
    with pytest.raises(GpgError, match="the engine that samples and the trainer disagree"):
        make_trainer(tiny_model, tmp_path, log_probs=said).train()
