"""Two processes that train on pictures against one: the same losses and weights, and checkpoints that go on."""

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForImageTextToText, AutoProcessor

from gpg_cli.training.launch import Machines, launch
from tests.faults import LONG
from tests.training.picture_rows import make_picture_trainer
from tests.training.picture_worker import settings_for
from tests.training.rollouts import lines_of

pytestmark = pytest.mark.slow

needs_deepspeed = pytest.mark.skipif(importlib.util.find_spec("deepspeed") is None, reason="needs deepspeed")
CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def one(tiny_qwen2_vl: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The run in this process."""
    trainer = make_picture_trainer(tiny_qwen2_vl, tmp_path_factory.mktemp("one"), **settings_for(1))
    trainer.train()
    return trainer


def difference(model: torch.nn.Module, folder: Path) -> float:
    """Largest relative difference of a tensor; attention takes no notice of a key's bias, which Adam moves anyhow."""
    loaded = AutoModelForImageTextToText.from_pretrained(folder).state_dict()
    return max(
        ((loaded[name] - value).norm() / value.norm()).item()
        for name, value in model.state_dict().items()
        if not name.endswith(("k_proj.bias", "qkv.bias"))
    )


@pytest.mark.parametrize(
    "kind",
    [
        "ddp",
        pytest.param("zero2", marks=(*LONG, needs_deepspeed)),
        pytest.param("zero3", marks=needs_deepspeed),
        pytest.param("fsdp", marks=LONG),
    ],
)
def test_two_processes_train_on_pictures_as_one(kind: str, one: Any, tiny_qwen2_vl: Path, tmp_path: Path) -> None:
    os.environ["PYTHONPATH"] = str(CHECKOUT)
    program = [sys.executable, "-m", "tests.training.picture_worker"]
    assert launch(Machines(2), [kind, str(tiny_qwen2_vl), str(tmp_path)], program) == 0
    lines, expected = json.loads((tmp_path / "report.json").read_text())["lines"], lines_of(one)
    for name in ("loss", "reward", "alpha", "groups/rows_trained", "resampling/prompts"):
        assert [line[name] for line in lines] == pytest.approx([line[name] for line in expected], rel=1e-4, abs=1e-7)
    assert any(line["resampling/rounds"] for line in expected)
    assert difference(one.model, tmp_path / "model") < 1e-3
    if kind != "fsdp":
        resumed = AutoModelForImageTextToText.from_pretrained(tmp_path / "resumed")
        assert difference(resumed, tmp_path / "model") < 1e-6
    AutoProcessor.from_pretrained(tmp_path / "model")
