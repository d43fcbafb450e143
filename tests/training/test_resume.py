"""A run that was interrupted and gone on with equals one that was not, bit for bit; checkpoints are whole or absent."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import TrainerCallback

from gpg_cli.errors import GpgError
from gpg_cli.training.checkpoints import find_newest, read_facts
from tests.training.rollouts import every_other, lines_of, make_trainer, weights_of

TIMES = ("time/", "speed/", "memory/")


class StopAfter(TrainerCallback):
    """What a signal does: save and stop at the end of a step."""

    def __init__(self, step: int) -> None:
        self._step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        if state.global_step == self._step:
            control.should_save = control.should_training_stop = True


def half_dead(prompt: str, index: int, step: int) -> float:
    return every_other(prompt, index, step) * (int(prompt[:2]) % 2)


def repeatable(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Logged lines without what a clock says."""
    return [{key: value for key, value in line.items() if not key.startswith(TIMES)} for line in lines]


@pytest.mark.parametrize("interrupted_after", [1, 2, 3, 4])
@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({}, id="plain"),
        pytest.param({"min_inverse_alpha": 1.0, "sample_strategy": "soft"}, id="resampling and weights"),
    ],
)
def test_an_interrupted_run_ends_with_the_same_weights_and_metrics(
    tiny_model: Path, tmp_path: Path, settings: dict, interrupted_after: int
) -> None:
    settings = {"max_steps": 5, "pay": half_dead, "prompts": 7, "lr_scheduler_type": "cosine", **settings}
    whole = make_trainer(tiny_model, tmp_path / "whole", **settings)
    whole.train()

    first = make_trainer(tiny_model, tmp_path / "run", callbacks=[StopAfter(interrupted_after)], **settings)
    first.train()
    assert first.state.global_step == interrupted_after
    second = make_trainer(tiny_model, tmp_path / "run", **settings)
    second.train(resume_from_checkpoint=str(find_newest(tmp_path / "run").path))

    assert torch.equal(weights_of(second.model), weights_of(whole.model))
    assert repeatable(lines_of(second)) == repeatable(lines_of(whole))
    assert first.canned.asked + second.canned.asked == whole.canned.asked


def test_sampled_completions_are_the_same_too(tiny_model: Path, tmp_path: Path) -> None:
    """With the model's own samples, not canned ones."""

    def run(folder: Path, stop_after: int | None = None, resume: str | None = None) -> tuple[Any, list]:
        texts: list[list[str]] = []

        def reward(completions: list[str], **columns: Any) -> list[float]:
            texts.append(list(completions))
            return [float(len(completion) % 3) for completion in completions]

        callbacks = [StopAfter(stop_after)] if stop_after else []
        trainer = make_trainer(
            tiny_model, folder, rewards=[reward], callbacks=callbacks, max_steps=4, max_completion_length=8
        )
        trainer.rollout_func = None
        trainer.train(resume_from_checkpoint=resume)
        return trainer, texts

    whole, expected = run(tmp_path / "whole")
    _, before = run(tmp_path / "run", stop_after=2)
    resumed, after = run(tmp_path / "run", resume=str(tmp_path / "run" / "checkpoint-2"))
    assert before + after == expected
    assert len({tuple(texts) for texts in expected}) == 4
    assert torch.equal(weights_of(resumed.model), weights_of(whole.model))


def test_a_checkpoint_has_a_manifest_with_its_settings_and_nothing_is_left_beside_it(
    tiny_model: Path, tmp_path: Path
) -> None:
    trainer = make_trainer(tiny_model, tmp_path, save_strategy="steps", save_steps=1, save_total_limit=2)
    trainer.train()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-2", "checkpoint-3"]
    facts = read_facts(tmp_path / "checkpoint-3")
    assert (facts["step"], facts["processes"]) == (3, 1)
    manifest = json.loads((tmp_path / "checkpoint-3" / "manifest.json").read_text())
    assert {"model.safetensors", "optimizer.pt", "trainer_state.json"} <= set(manifest["files"])


def test_a_full_disk_costs_the_checkpoint_not_the_run(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    trainer = make_trainer(tiny_model, tmp_path, save_strategy="steps", save_steps=1)
    save = torch.save

    def full(value: Any, path: Any, *rest: Any, **more: Any) -> None:
        if "checkpoint-2" in str(path):
            raise RuntimeError("[enforce fail at inline_container.cc:664] . unexpected pos 64 vs 0")
        save(value, path, *rest, **more)

    monkeypatch.setattr(torch, "save", full)
    trainer.train()
    assert trainer.state.global_step == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-1", "checkpoint-3"]
    assert "could not write" in capfd.readouterr().err


def test_the_newest_whole_checkpoint_is_taken_and_broken_ones_are_named(tiny_model: Path, tmp_path: Path) -> None:
    trainer = make_trainer(tiny_model, tmp_path, save_strategy="steps", save_steps=1)
    trainer.train()
    (tmp_path / "checkpoint-3" / "optimizer.pt").write_bytes(b"cut short")
    shutil.copytree(tmp_path / "checkpoint-1", tmp_path / "checkpoint-9")
    (tmp_path / "checkpoint-9" / "manifest.json").unlink()
    newest = find_newest(tmp_path)
    assert newest.path.name == "checkpoint-2"
    assert {path.name for path, _ in newest.ignored} == {"checkpoint-3", "checkpoint-9"}


@pytest.mark.parametrize(("name", "kind"), [("scaler.pt", "float16"), ("pytorch_model_fsdp_0", "FSDP")])
def test_what_only_another_kind_of_training_can_read_is_refused(
    tiny_model: Path, tmp_path: Path, name: str, kind: str
) -> None:
    make_trainer(tiny_model, tmp_path, max_steps=1, save_strategy="steps", save_steps=1).train()
    (tmp_path / "checkpoint-1" / name).mkdir()
    with pytest.raises(GpgError, match=f"checkpoint-1 holds .*{kind}"):
        make_trainer(tiny_model, tmp_path, max_steps=2).train(resume_from_checkpoint=str(tmp_path / "checkpoint-1"))
