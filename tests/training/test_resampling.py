"""The trainer's batch is filled until enough groups carry signal, and alpha counts what is trained on."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.training.rollouts import lines_of, make_trainer, weights_of


def alive(*problems: str) -> Callable[[str, int, int], float]:
    """Pays so that only the groups of these problems carry signal."""
    return lambda prompt, index, step: float(index % 2) if prompt in problems else 0.0


def asked_in_first_step(trainer: object, steps: int = 1) -> list[str]:
    return [prompt for call in trainer.canned.asked for prompt in call]


def test_below_the_threshold_further_prompts_are_sampled_until_enough_carry_signal(
    tiny_model: Path, tmp_path: Path
) -> None:
    trainer = make_trainer(
        tiny_model, tmp_path, alive("10+10=", "13+13="), min_inverse_alpha=1.0, max_steps=1, prompts=6
    )
    trainer.train()
    (line,) = lines_of(trainer)
    assert (line["groups/valid"], line["groups/total"], line["alpha"]) == (2, 2, 1.0)
    assert line["resampling/rounds"] >= 1
    assert line["resampling/prompts"] == len(asked_in_first_step(trainer)) >= 2
    assert {"10+10=", "13+13="} <= set(asked_in_first_step(trainer))


def test_further_prompts_come_from_the_same_order_so_that_none_is_lost_or_repeated_within_an_epoch(
    tiny_model: Path, tmp_path: Path
) -> None:
    """Trap T8: upstream walks stack frames for its data loader, and what it draws desynchronises the epoch."""
    trainer = make_trainer(tiny_model, tmp_path, alive("10+10=", "13+13="), min_inverse_alpha=0.5, prompts=6)
    trainer.train()
    drawn = asked_in_first_step(trainer)
    for start in range(0, len(drawn) - 5, 6):
        assert len(set(drawn[start : start + 6])) == 6


def test_after_the_rounds_allowed_the_step_is_made_with_what_there_is(
    tiny_model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Trap T14: upstream ends the run, and divides by zero where no group is left."""
    trainer = make_trainer(
        tiny_model, tmp_path, alive("10+10="), min_inverse_alpha=1.0, max_resample_rounds=1, max_steps=2
    )
    trainer.train()
    assert [line["resampling/rounds"] for line in lines_of(trainer)] == [1, 1]
    assert any(line["resampling/short"] for line in lines_of(trainer))
    assert "groups carry signal after 1 further rounds; training on those" in capfd.readouterr().err


def test_rewards_are_logged_of_all_that_was_sampled_and_alpha_of_what_is_trained_on(
    tiny_model: Path, tmp_path: Path
) -> None:
    """Trap T12: upstream logs the last round's rewards, whatever it trains on."""
    trainer = make_trainer(tiny_model, tmp_path, alive("10+10="), min_inverse_alpha=0.5, max_steps=1)
    trainer.train()
    (line,) = lines_of(trainer)
    assert line["reward"] == pytest.approx(0.5 / line["resampling/prompts"])
    assert line["alpha"] == line["groups/total"] / line["groups/valid"] == 2.0


def test_alpha_by_tokens_is_the_mean_over_live_tokens(tiny_model: Path, tmp_path: Path) -> None:
    """Trap T5. With alpha the gradient is that of the live groups alone; without it dead tokens dilute it."""

    def change(**settings: object) -> torch.Tensor:
        trainer = make_trainer(
            tiny_model, tmp_path, alive("10+10="), max_steps=1, prompts=2, optim="sgd", learning_rate=1.0,
            weight_decay=0.0, max_grad_norm=0.0, lr_scheduler_type="constant", **settings,
        )  # fmt: skip
        before = weights_of(trainer.model)
        trainer.train()
        rollouts = [rollout for group in trainer._batch.groups for rollout in group.rollouts]
        live = [rollout for group in trainer._batch.groups if group.valid for rollout in group.rollouts]
        tokens = [sum(rollout.loss_tokens for rollout in some) for some in (rollouts, live)]
        return (before - weights_of(trainer.model)), tokens[0] / tokens[1]

    diluted, ratio = change(adjust_gd=False)
    exact, _ = change(alpha_by="tokens")
    published, _ = change(alpha_by="groups")
    assert ratio != pytest.approx(2.0, rel=0.02)
    torch.testing.assert_close(exact, diluted * ratio, rtol=1e-3, atol=1e-6)
    torch.testing.assert_close(published, diluted * 2, rtol=1e-3, atol=1e-6)


def test_easy_and_hard_groups_are_told_by_right_answers_not_by_the_sum_of_rewards(
    tiny_model: Path, tmp_path: Path
) -> None:
    """Trap T25: with a format reward a sum of 1 is no sign of an easy problem."""

    def graded(prompts: list[str], log_extra: Callable, **columns: object) -> list[float]:
        log_extra("accuracy", [1.0 if prompt == "10+10=" else 0.0 for prompt in prompts])
        return [1.0] * len(prompts)

    trainer = make_trainer(tiny_model, tmp_path, rewards=[graded], max_steps=1, prompts=2)
    trainer.train()
    (line,) = lines_of(trainer)
    assert (line["reward"], line["accuracy"], line["groups/easy"], line["groups/hard"]) == (1.0, 0.5, 1, 1)


def test_prompt_weights_are_by_row_so_that_chat_prompts_work(tiny_model: Path, tmp_path: Path) -> None:
    """Trap T10: upstream uses prompts as dictionary keys, which lists of messages cannot be."""
    trainer = make_trainer(tiny_model, tmp_path, alive("10+10="), sample_strategy="medium", max_steps=6, prompts=4)
    trainer.train()
    drawn = asked_in_first_step(trainer)
    assert set(drawn[4:8]) == {"10+10="}
