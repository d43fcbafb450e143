"""completions.jsonl: what is kept, that nobody chose it, and that it changes nothing."""

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gpg_cli.completions_file import read_completions
from gpg_cli.training.baseline import BaselineTrainer
from gpg_cli.training.config import BaselineConfig
from gpg_cli.training.kept_completions import CompletionsFile, choose, prompt_text
from gpg_cli.training.sampling import seed_of
from tests.training.rollouts import lines_of, make_trainer, weights_of
from tests.training.test_resume import StopAfter, repeatable

BASELINE: dict[str, Any] = {"trainer_class": BaselineTrainer, "config_class": BaselineConfig}


def run(
    model: Path,
    folder: Path,
    *,
    keep: int = 3,
    stop_after: int | None = None,
    resume: Path | None = None,
    **settings: Any,
) -> Any:
    """A run that samples by itself, with its completions.jsonl; the reward is random, as is everything in it."""

    def random_reward(completions: list[str], **columns: Any) -> list[float]:
        return torch.rand(len(completions)).round().tolist()

    callbacks = [StopAfter(stop_after)] if stop_after else []
    settings = {"max_steps": 4, "max_completion_length": 8, "prompts": 7, "rewards": [random_reward], **settings}
    trainer = make_trainer(model, folder, callbacks=callbacks, **settings)
    trainer.rollout_func = None
    trainer.add_callback(CompletionsFile(folder, resume, trainer, keep, seed=0))
    trainer.train(resume_from_checkpoint=resume and str(resume))
    # What the generators would give next: nothing has drawn from them but the training.
    trainer.drawn = (torch.rand(1).item(), random.random(), np.random.random())
    return trainer


def test_a_line_has_the_prompt_the_completion_and_what_it_earned(tiny_model: Path, tmp_path: Path) -> None:
    def length(completions: list[str], log_extra: Any, **columns: Any) -> list[float]:
        log_extra("accuracy", [float(len(text) > 4) for text in completions])
        return [float(len(text)) for text in completions]

    run(tiny_model, tmp_path, rewards=[length], scale_rewards="none")
    lines = read_completions(tmp_path)
    assert [line["step"] for line in lines] == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]
    for line in lines:
        assert line["prompt"] == f"{10 + line['row']}+{10 + line['row']}="
        assert line["reward"] == line["rewards"]["length"] == len(line["completion"])
        assert line["accuracy"] == float(len(line["completion"]) > 4)
        assert line["reward"] == line["group_rewards"][line["sample"]]
        assert len(line["group_rewards"]) == 4
        assert line["advantage"] == pytest.approx(line["reward"] - sum(line["group_rewards"]) / 4)
        assert 1 <= line["tokens"] <= 8
        assert not line["truncated"] or line["tokens"] == 8
    # Three a step, of one prompt.
    assert all(len({line["row"] for line in lines if line["step"] == step}) == 1 for step in range(1, 5))


def test_trls_own_objectives_keep_the_same(tiny_model: Path, tmp_path: Path) -> None:
    run(tiny_model, tmp_path / "gpg", learning_rate=1e-12, scale_rewards="none")
    run(tiny_model, tmp_path / "grpo", learning_rate=1e-12, scale_rewards="none", **BASELINE)
    assert read_completions(tmp_path / "grpo") == read_completions(tmp_path / "gpg")


@pytest.mark.parametrize("kind", [pytest.param({}, id="gpg"), pytest.param(BASELINE, id="grpo")])
def test_a_run_is_the_same_bit_for_bit_with_and_without(tiny_model: Path, tmp_path: Path, kind: dict) -> None:
    with_them, without = (run(tiny_model, tmp_path / str(keep), keep=keep, **kind) for keep in (5, 0))
    assert torch.equal(weights_of(with_them.model), weights_of(without.model))
    assert repeatable(lines_of(with_them)) == repeatable(lines_of(without))
    assert with_them.drawn == without.drawn
    assert len(read_completions(tmp_path / "5")) == 20
    assert not (tmp_path / "0" / "completions.jsonl").exists()


@pytest.mark.parametrize(
    ("kind", "interrupted_after"),
    [pytest.param({}, 1, id="gpg"), pytest.param({}, 4, id="gpg at its end"), pytest.param(BASELINE, 3, id="grpo")],
)
def test_an_interrupted_run_has_each_line_once(
    tiny_model: Path, tmp_path: Path, kind: dict, interrupted_after: int
) -> None:
    run(tiny_model, tmp_path / "whole", **kind)
    run(tiny_model, tmp_path / "run", stop_after=interrupted_after, **kind)
    written = tmp_path / "run" / "completions.jsonl"
    checkpoint = tmp_path / "run" / f"checkpoint-{interrupted_after}"
    assert (checkpoint / written.name).read_bytes() == written.read_bytes()
    # A step that is made again, of which a kill has cut a line short.
    with written.open("a") as file:
        file.write(json.dumps({"step": interrupted_after + 1, "completion": "of a step after"}) + '\n{"step": 2, "com')
    run(tiny_model, tmp_path / "run", resume=checkpoint, **kind)
    assert read_completions(tmp_path / "run") == read_completions(tmp_path / "whole")


def test_what_a_power_cut_took_is_taken_from_the_checkpoint(
    tiny_model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run(tiny_model, tmp_path, stop_after=2)
    written = tmp_path / "completions.jsonl"
    found = written.read_bytes()
    for left in (b"", b"\0" * 4096 + b"\n"):
        written.write_bytes(left)
        run(tiny_model, tmp_path, max_steps=2, resume=tmp_path / "checkpoint-2")
        assert written.read_bytes() == found
    assert "Left out: " in capfd.readouterr().err


def test_every_completion_has_the_same_chance_to_be_kept() -> None:
    counted = Counter(
        (number, place)
        for step in range(4000)
        for number, places in choose([4, 4, 4], keep=6, seed=seed_of(0, step))
        for place in places
    )
    # 6 of 12: each is expected in 2000 of 4000 steps, with a standard deviation below 32.
    assert len(counted) == 12
    assert all(1840 < count < 2160 for count in counted.values())
    assert choose([4, 4], keep=100, seed=1) == [(0, [0, 1, 2, 3]), (1, [0, 1, 2, 3])]
    assert choose([4, 4], keep=0, seed=1) == choose([], keep=4, seed=1) == []


def test_texts_are_bounded_and_hold_no_token(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_canarycanarycanary")
    trainer = run(tiny_model, tmp_path, max_steps=1)
    batch = trainer.last_batch
    for group in batch.generated:
        for rollout in group.rollouts:
            rollout.completion = "begins hf_canarycanarycanary " + "x" * 100_000 + " and ends"
            rollout.rewards = [float("nan")]
    rows = CompletionsFile(tmp_path / "other", None, trainer, 2, seed=0)
    (tmp_path / "other").mkdir()
    rows.on_log(trainer.args, trainer.state, trainer.control, logs={"loss": 0.0})
    line, _ = read_completions(tmp_path / "other")
    assert line["completion"].startswith("begins *** x")
    assert line["completion"].endswith("x and ends")
    assert "characters left out]" in line["completion"]
    assert len(line["completion"]) < 6100
    assert (line["reward"], line["rewards"]) == (None, {"random_reward": None})


def test_a_conversation_is_read_as_text() -> None:
    asked = {"role": "user", "content": [{"type": "image", "image": object()}, {"type": "text", "text": "How many?"}]}
    assert prompt_text([asked]) == "[picture]How many?"
    assert prompt_text([{"role": "system", "content": "Think."}, asked]) == (
        "[system]\nThink.\n\n[user]\n[picture]How many?"
    )
