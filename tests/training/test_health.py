"""Steps that must not move anything, and runs that must not go on: each with words and numbers for it."""

import json
import math
from pathlib import Path

import pytest
import torch

from gpg_cli.errors import GpgError
from gpg_cli.training.health import explain_out_of_memory
from tests.training.rollouts import every_other, lines_of, make_trainer, weights_of


def dead_in_second_step(prompt: str, index: int, step: int) -> float:
    return 0.0 if step == 1 else every_other(prompt, index, step)


def test_a_step_without_any_live_group_moves_nothing_and_is_counted(tiny_model: Path, tmp_path: Path) -> None:
    """No weight decay either, and the scheduler waits."""
    trainer = make_trainer(tiny_model, tmp_path, dead_in_second_step, lr_scheduler_type="linear")
    seen = []
    log = trainer.log
    trainer.log = lambda logs, *rest: (seen.append(weights_of(trainer.model)), log(logs, *rest))
    trainer.train()
    lines = lines_of(trainer)
    assert torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[1], seen[2])
    assert [line["skipped/dead"] for line in lines] == [0, 1, 0]
    assert lines[1]["loss"] == 0
    # Learning rates are those the step was made with: after the skipped step the schedule is where it was.
    assert lines[0]["learning_rate"] > lines[1]["learning_rate"] == lines[2]["learning_rate"]


def test_rows_without_gradient_never_enter_the_model(tiny_model: Path, tmp_path: Path) -> None:
    trainer = make_trainer(
        tiny_model, tmp_path, lambda prompt, index, step: every_other(prompt, index, step) * (prompt == "10+10="),
        max_steps=1, prompts=2,
    )  # fmt: skip
    rows = []
    forward = trainer.model.forward
    trainer.model.forward = lambda *args, **inputs: (
        rows.append(len(inputs["input_ids"])),
        forward(*args, **inputs),
    )[1]
    trainer.train()
    assert sum(rows) == 4


def break_weights_at(step: int) -> type:
    from transformers import TrainerCallback

    class Breaker(TrainerCallback):
        """Puts an infinity into the model for one step."""

        def on_step_begin(self, args: object, state: object, control: object, model: torch.nn.Module, **more: object):
            if state.global_step in range(step, step + 1):
                self._weight = model.lm_head.weight.data[0, 0].item()
                model.lm_head.weight.data[0, 0] = math.inf

        def on_step_end(self, args: object, state: object, control: object, model: torch.nn.Module, **more: object):
            if state.global_step == step + 1:
                model.lm_head.weight.data[0, 0] = self._weight

    return Breaker


def test_a_step_with_a_loss_that_is_no_number_is_skipped_counted_and_its_prompts_are_saved(
    tiny_model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    trainer = make_trainer(tiny_model, tmp_path, callbacks=[break_weights_at(1)()])
    seen = []
    log = trainer.log
    trainer.log = lambda logs, *rest: (seen.append(weights_of(trainer.model)), log(logs, *rest))
    trainer.train()
    assert [line["skipped/nonfinite"] for line in lines_of(trainer)] == [0, 1, 0]
    assert torch.equal(seen[0], seen[1])
    assert seen[2].isfinite().all()
    saved = [json.loads(line) for line in (tmp_path / "nonfinite" / "step-2.jsonl").read_text().splitlines()]
    assert len(saved) == 8
    assert saved[0]["prompt"].endswith("=")
    assert "step 2: the loss or its gradient is not finite" in " ".join(capfd.readouterr().err.split())


def test_too_many_such_steps_in_a_row_end_the_run_with_a_checkpoint(tiny_model: Path, tmp_path: Path) -> None:
    trainer = make_trainer(tiny_model, tmp_path, max_steps=9, max_nonfinite_steps=3, save_strategy="steps")
    trainer.model.lm_head.weight.data[0, 0] = math.inf
    with pytest.raises(GpgError, match="not finite 3 steps in a row"):
        trainer.train()
    assert (tmp_path / "checkpoint-2").is_dir()


def test_a_reward_that_fails_for_some_completions_costs_only_those(tiny_model: Path, tmp_path: Path) -> None:
    def fragile(prompts: list[str], paid: list[float], **columns: object) -> list[float]:
        if len(prompts) == 8:
            raise ValueError("only small batches today")
        return [float(prompt == "10+10=") for prompt in prompts]

    trainer = make_trainer(tiny_model, tmp_path, rewards=[fragile], max_steps=1)
    trainer.train()
    assert lines_of(trainer)[0]["rewards/fragile/failed"] == 0, "asked again in halves, it answers"


def test_a_reward_that_fails_too_often_ends_the_run_and_says_why(tiny_model: Path, tmp_path: Path) -> None:
    def broken(prompts: list[str], **columns: object) -> list[float]:
        raise KeyError("answer")

    trainer = make_trainer(tiny_model, tmp_path, rewards=[broken], save_strategy="steps")
    with pytest.raises(GpgError, match="the reward broken failed for 8 of 8 completions of step 1: KeyError: 'answer'"):
        trainer.train()
    assert (tmp_path / "checkpoint-0").is_dir()


def test_an_engine_whose_probabilities_are_far_off_is_noticed_on_its_first_batch(
    tiny_model: Path, tmp_path: Path
) -> None:
    trainer = make_trainer(tiny_model, tmp_path, log_probs=-20.0)
    with pytest.raises(GpgError, match="their log-probabilities differ by") as caught:
        trainer.train()
    assert "stale weights" in caught.value.hint


def test_out_of_memory_names_the_phase_the_setting_and_the_next_smaller_value(tiny_model: Path, tmp_path: Path) -> None:
    trainer = make_trainer(tiny_model, tmp_path)

    def no_memory(*args: object, **inputs: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    trainer.model.forward = no_memory
    with pytest.raises(GpgError, match="forward and backward pass of a micro-batch of 8 completions") as caught:
        trainer.train()
    assert "--set per_device_train_batch_size=4" in caught.value.hint


@pytest.mark.parametrize(
    ("phase", "settings", "rows", "hint"),
    [
        ("generate", {}, 8, "--set max_completion_length=16"),
        ("train", {"max_tokens_per_microbatch": 4096}, 8, "--set max_tokens_per_microbatch=2048"),
        ("train", {}, 1, "--set gradient_checkpointing=true"),
        ("train", {"gradient_checkpointing": True}, 1, "--set max_completion_length=16"),
        ("generate", {"use_vllm": True, "vllm_mode": "colocate"}, 8, "--set vllm_gpu_memory_utilization=0.2"),
    ],
)
def test_what_to_do_when_memory_runs_out(phase: str, settings: dict, rows: int, hint: str, tmp_path: Path) -> None:
    from gpg_cli.training.config import GPGConfig

    config = GPGConfig(
        output_dir=str(tmp_path), use_cpu=True, bf16=False,
        **{"gradient_checkpointing": False, "max_completion_length": 32, **settings},
    )  # fmt: skip
    assert hint in explain_out_of_memory(phase, config, rows).hint
