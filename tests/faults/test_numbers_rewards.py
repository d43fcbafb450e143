"""Rewards of any size through a whole step: what each completion weighs, against a reference in exact numbers."""

import math
import random
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch

from gpg_cli.training.objective import group_advantages
from gpg_cli.training.trainer import GPGTrainer
from tests.faults import LONG
from tests.training.rollouts import lines_of, make_trainer

SCALES = ["none", "group", "batch"]
LIVE = [0.0, 1.0, 1.0, 0.0]
# Name: the first group's rewards beside LIVE, and whether it carries signal.
GROUPS: dict[str, tuple[list[float], bool]] = {
    "1e30 and less": ([1e30, 5e29, -1e30, 0.0], True),
    "1e30 and 1": ([1e30, 1.0, 1.0, 1.0], True),
    "all 1e30": ([1e30] * 4, False),
    "the largest float32": ([3.4e38, -3.4e38, 3.4e38, -3.4e38], True),
    "negative only": ([-3.0, -1.0, -2.0, -7.5], True),
    "large and negative, close together": ([-1000.0, -1000.5, -1000.25, -1001.0], True),
    "0.1 + 0.2 and 0.3": ([0.1 + 0.2, 0.3, 0.3, 0.1 + 0.2], False),
    "what 0.1 + 0.2 - 0.3 leaves": ([0.1 + 0.2 - 0.3, 0.0, 0.0, 0.0], False),
    "1e8 and 1e8 + 1, which float32 cannot tell apart": ([1e8, 1e8 + 1, 1e8, 1e8 + 1], False),
    "a float32 apart": ([1.2, 1.2 + 1.2e-7, 1.2, 1.2], False),
    "a thousandth apart": ([1.0, 1.001, 1.0, 0.999], True),
    "subnormal": ([1e-310, 3e-310, 0.0, 1e-40], False),
    "tiny": ([1e-9, 3e-9, 2e-9, 2e-9], True),
    "not all apply": ([math.nan, 1.0, 0.0, math.nan], True),
    "only one applies": ([math.nan, 1.0, math.nan, math.nan], False),
}


def exact_advantages(groups: list[list[float]], scale: str) -> list[float]:
    """(r - mean) / F with means and sums of squares as fractions; TRL hands rewards on in float32."""
    rounded = [torch.tensor(group, dtype=torch.float32).tolist() for group in groups]
    everything = [Fraction(reward) for group in rounded for reward in group if not math.isnan(reward)]
    advantages = []
    for group in rounded:
        scored = [Fraction(reward) for reward in group if not math.isnan(reward)]
        mean = sum(scored) / len(scored)
        apart = float(max(scored) - min(scored))
        dead = apart <= max(1e-12, 1e-6 * float(max(abs(reward) for reward in scored)))
        divisor = {"none": 1.0}.get(scale) or deviation(scored if scale == "group" else everything) + 1e-4
        advantages += [
            0.0 if dead or math.isnan(reward) else float(Fraction(reward) - mean) / divisor for reward in group
        ]
    return advantages


def deviation(values: list[Fraction]) -> float:
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / max(1, len(values) - 1))


class Weighing(GPGTrainer):
    """Keeps what the completions of each step weigh in the loss."""

    def _coefficients(self, batch: Any, rollouts: Any) -> list[float]:
        self.weighed = super()._coefficients(batch, rollouts)
        return self.weighed


@pytest.mark.parametrize("scale", SCALES)
def test_the_trainer_weighs_completions_by_the_exact_advantage(
    tiny_model: Path, tmp_path: Path, scale: str, tally: Callable
) -> None:
    """One step a case, with alpha: a dead group's weight goes to the other."""
    names = list(GROUPS)
    trainer = make_trainer(
        tiny_model, tmp_path, trainer_class=Weighing, scale_rewards=scale, max_steps=len(names), learning_rate=0.0,
        pay=lambda prompt, index, step: (GROUPS[names[step]][0] if prompt == "10+10=" else LIVE)[index], prompts=2,
        max_nonfinite_steps=100,
    )  # fmt: skip
    checked = []
    step_of = trainer.training_step

    def checking(*args: Any) -> Any:
        loss = step_of(*args)
        name = names[trainer.state.global_step]
        first, signal = GROUPS[name]
        batch = trainer.last_batch
        groups = [first if group.prompt == 0 else LIVE for group in batch.groups]
        assert [group.valid for group in batch.groups if group.prompt == 0] == [signal], name
        tokens = sum(rollout.loss_tokens for group in batch.groups for rollout in group.rollouts)
        alpha = 1.0 if signal else 2.0
        expected = [alpha * advantage / tokens for advantage in exact_advantages(groups, scale)]
        assert trainer.weighed == pytest.approx(expected, rel=1e-9, abs=0), name
        assert all(map(math.isfinite, trainer.weighed)), name
        checked.append(name)
        return loss

    trainer.training_step = checking
    trainer.train()
    assert checked == names
    assert all(math.isfinite(line[name]) for line in lines_of(trainer) for name in ("loss", "grad_norm", "reward_std"))
    tally("groups of extreme rewards through a step", len(names))


def test_rewards_equal_up_to_rounding_call_for_more_prompts(tiny_model: Path, tmp_path: Path, tally: Callable) -> None:
    def pay(prompt: str, index: int, step: int) -> float:
        return LIVE[index] if prompt == "15+15=" else [0.1 + 0.2, 0.3][index % 2]

    trainer = make_trainer(tiny_model, tmp_path, pay, min_inverse_alpha=0.5, max_steps=1, per_device_train_batch_size=4)
    trainer.train()
    (line,) = lines_of(trainer)
    assert (line["groups/valid"], line["resampling/short"], line["alpha"]) == (1, 0, 1)
    assert line["resampling/rounds"] > 0
    tally("groups of extreme rewards through a step", 1)


def test_a_sum_of_rewards_that_is_rounding_only_is_no_signal(tiny_model: Path, tmp_path: Path, tally: Callable) -> None:
    """3 x 0.1 - 0.3 is 2e-8 in float32, and 0 - 0 is 0."""

    def tenth(completions: list[str], **columns: Any) -> list[float]:
        return [0.1 * (row % 2) for row in range(len(completions))]

    def three_tenths(completions: list[str], **columns: Any) -> list[float]:
        return [0.3 * (row % 2) for row in range(len(completions))]

    trainer = make_trainer(tiny_model, tmp_path, rewards=[tenth, three_tenths], reward_weights=[3.0, -1.0], max_steps=1)
    trainer.train()
    assert lines_of(trainer)[0]["groups/valid"] == 0
    tally("groups of extreme rewards through a step", 2)


def random_group(chance: random.Random, size: int) -> list[float]:
    magnitude = 10.0 ** chance.uniform(-45, 38)
    kinds = [
        lambda: chance.choice([0.0, 1.0]),
        lambda: magnitude * chance.uniform(-1, 1),
        lambda: magnitude * (1 + chance.choice([0, 1e-8, 1e-3])),
        lambda: chance.choice([magnitude, 1.0, -magnitude, math.nan]),
    ]
    kind = chance.choice(kinds)
    group = [kind() for _ in range(size)]
    return group if not all(map(math.isnan, group)) else [0.0] * size


@pytest.mark.parametrize("batches", [300, pytest.param(5_000, marks=LONG)])
def test_advantages_of_random_groups_are_exact(batches: int, tally: Callable) -> None:
    chance = random.Random(0)
    for _ in range(batches):
        size = chance.choice([2, 3, 8])
        groups = [random_group(chance, size) for _ in range(chance.choice([1, 2, 5]))]
        for scale in SCALES:
            rewards = torch.tensor(groups, dtype=torch.float32).view(-1)
            found = group_advantages(rewards, size, scale).advantages.tolist()
            # Where rewards of 1e38 and 1 share a batch, rounding is relative to the largest of the group.
            largest = [max(abs(value) for value in group if not math.isnan(value)) for group in groups]
            for number, expected in enumerate(exact_advantages(groups, scale)):
                assert found[number] == pytest.approx(expected, rel=1e-6, abs=1e-12 * largest[number // size])
    tally("batches of groups with random rewards from 1e-45 to 1e38, for each F", batches)
