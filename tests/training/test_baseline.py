"""TRL's objectives on our runs: their loss is TRL's, the rest is like GPG's."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from gpg_cli.training.baseline import BaselineTrainer
from gpg_cli.training.config import BaselineConfig
from tests.training.rollouts import lines_of, make_trainer, weights_of
from tests.training.test_resume import StopAfter, repeatable

BASELINE: dict[str, Any] = {"trainer_class": BaselineTrainer, "config_class": BaselineConfig}


def test_the_same_prompts_and_samples_as_gpg(tiny_model: Path, tmp_path: Path) -> None:
    """With a learning rate of nothing, both sample the same completions at every step."""

    def completions_of(**kind: Any) -> list[list[str]]:
        texts: list[list[str]] = []

        def reward(completions: list[str], **columns: Any) -> list[float]:
            texts.append(sorted(completions))
            return [float(len(text) % 3) for text in completions]

        trainer = make_trainer(
            tiny_model, tmp_path, rewards=[reward], max_completion_length=8, learning_rate=1e-12, **kind
        )
        trainer.rollout_func = None
        trainer.train()
        return texts

    assert completions_of(**BASELINE, scale_rewards="none") == completions_of()


@pytest.mark.parametrize("interrupted_after", [1, 3, 4])
def test_an_interrupted_run_goes_on_bit_for_bit_across_epochs(
    tiny_model: Path, tmp_path: Path, interrupted_after: int
) -> None:
    settings = {**BASELINE, "max_steps": 5, "prompts": 5, "beta": 0.04, "loss_type": "grpo"}
    whole = make_trainer(tiny_model, tmp_path / "whole", **settings)
    whole.train()
    first = make_trainer(tiny_model, tmp_path / "run", callbacks=[StopAfter(interrupted_after)], **settings)
    first.train()
    second = make_trainer(tiny_model, tmp_path / "run", **settings)
    second.train(resume_from_checkpoint=str(tmp_path / "run" / f"checkpoint-{interrupted_after}"))
    assert first.canned.asked + second.canned.asked == whole.canned.asked
    assert torch.equal(weights_of(second.model), weights_of(whole.model))
    assert repeatable(lines_of(second)) == repeatable(lines_of(whole))


@pytest.fixture
def settings_of(gpg: Callable, tiny_model: Path, json_lines: Callable) -> Callable[..., dict[str, Any]]:
    """`settings_of("--algorithm", "grpo")`: what a dry run of a small recipe resolves."""
    data = json_lines(*[{"problem": f"{number}+1=", "answer": str(number + 1)} for number in range(8)])
    recipe = Path("recipe.yaml")
    recipe.write_text(
        f"model_name_or_path: {tiny_model}\ndataset_name: {data}\nuse_chat_template: false\nreward_funcs: [accuracy]\n"
        "scale_rewards: none\nbeta: 0.0\nadjust_gd: true\nnum_generations: 4\nper_device_train_batch_size: 8\n"
    )
    return lambda *arguments: gpg("train", "--config", recipe, "--dry-run", "--json", *arguments).json["settings"]


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("grpo", {"loss_type": "grpo", "beta": 0.04, "scale_rewards": "group"}),
        ("dr_grpo", {"loss_type": "dr_grpo", "beta": 0.0, "scale_rewards": "none"}),
        ("dapo", {"loss_type": "dapo", "beta": 0.0, "epsilon_high": 0.28}),
    ],
)
def test_an_algorithm_brings_its_objective_whatever_the_recipe_says(
    settings_of: Callable, algorithm: str, expected: dict[str, Any]
) -> None:
    settings = settings_of("--algorithm", algorithm)
    assert expected.items() <= settings.items()
    assert "adjust_gd" not in settings


def test_a_setting_given_beside_the_algorithm_wins(settings_of: Callable) -> None:
    assert settings_of("--set", "algorithm=grpo", "--set", "beta=0.01")["beta"] == 0.01


def test_gpg_refuses_what_belongs_to_grpo(gpg: Callable, settings_of: Callable) -> None:
    outcome = gpg("train", "--config", "recipe.yaml", "--dry-run", "--set", "beta=0.04")
    assert outcome.code == 2
    assert "beta belongs to GRPO" in outcome.err
