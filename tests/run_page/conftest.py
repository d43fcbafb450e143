"""Run folders made by hand: what training would have left, without training."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FACTS: dict[str, Any] = {
    "schema": 1,
    "command": ["gpg", "train"],
    "preset": "open-rs1",
    "model": "org/base",
    "dataset": "org/data",
    "seed": 1,
    "settings": {"algorithm": "gpg", "scale_rewards": "none", "adjust_gd": True, "max_steps": 100, "seed": 1},
    "versions": {"python": "3.11.2", "torch": "2.13.0"},
    "accuracy_before": 0.25,
    "finished": "2026-11-01T12:00:00+00:00",
    "summary": {"accuracy_after": 0.75},
}


def step_line(step: int, **values: Any) -> dict[str, Any]:
    """A line of metrics.jsonl as training logs it."""
    return {
        "step": step,
        "loss": 0.0,
        "reward": 1 - math.exp(-step / 30),
        "accuracy": 0.5,
        "groups/valid": 24.0,
        "groups/total": 32.0,
        "alpha": 32 / 24,
        "completions/mean_length": 200.0 + step,
        "completions/clipped_ratio": 0.01,
        "rewards/accuracy/mean": 0.5,
        "rewards/format/mean": 0.25,
        "time/generate": 6.0,
        "time/step": 10.0,
        "memory/peak_gib": 12.5,
        "memory/resident_gib": 3.5,
        **({"eval/math500/score": step / 200} if step % 25 == 0 else {}),
        **values,
    }


def completion_line(step: int, **values: Any) -> dict[str, Any]:
    """A line of completions.jsonl."""
    return {
        "step": step,
        "row": 7,
        "sample": 1,
        "prompt": f"What is ${step} + 1$?",
        "gold": f"${step + 1}$",
        "completion": rf"It is \(\boxed{{{step + 1}}}\).",
        "tokens": 20 + step,
        "truncated": False,
        "accuracy": 1.0,
        "reward": 1.25,
        "rewards": {"accuracy": 1.0, "format": 0.25},
        "advantage": 0.5,
        "group_rewards": [0.0, 1.25, 0.25],
        **values,
    }


@pytest.fixture
def run_folder(tmp_path: Path) -> Callable[..., Path]:
    """`run_folder("a", metrics=[...], completions=[...], seed=2)`: keywords replace parts of run.json."""

    def write(
        name: str = "my-run",
        metrics: list[dict[str, Any]] | None = None,
        completions: list[dict[str, Any]] | None = None,
        settings: dict[str, Any] | None = None,
        **facts: Any,
    ) -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True, exist_ok=True)
        whole = {**FACTS, **facts, "settings": {**FACTS["settings"], **(settings or {})}}
        (folder / "run.json").write_text(json.dumps(whole))
        lines = metrics if metrics is not None else [step_line(step) for step in range(1, 101)]
        (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        if completions is not None:
            (folder / "completions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in completions))
        return folder

    return write
