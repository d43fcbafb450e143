"""ZeRO's shares, against what two processes of DeepSpeed hold in a real training, within 15%."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from gpg_cli.planning.memory import Precision, training_state
from gpg_cli.training.launch import Machines, launch

from .measuring import make_model

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("deepspeed") is None, reason="needs deepspeed"),
]
CHECKOUT = Path(__file__).parents[2]
PROCESSES = 2


@pytest.mark.parametrize("sharing", [pytest.param("zero2", marks=pytest.mark.long), "zero3"])
def test_what_each_of_two_processes_holds(sharing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shape = make_model(tmp_path / "model", hidden=256, layers=4, heads=8, kv_heads=8, intermediate=1024, vocabulary=512)
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))
    program = [sys.executable, "-m", "tests.planning.zero_worker"]
    assert launch(Machines(PROCESSES), [sharing, str(tmp_path / "model"), str(tmp_path)], program) == 0

    half = Precision(weights=2, compute=2, stream=2)
    state = training_state(shape, half, sharing, PROCESSES, shape.parameters)  # type: ignore[arg-type]
    # Layers that ZeRO-3 gathers are there while they are at work, and not between two steps.
    gathered = 2 * shape.layer_matrices * half.compute if sharing == "zero3" else 0
    for rank in range(PROCESSES):
        measured = json.loads((tmp_path / f"rank-{rank}.json").read_text())
        assert measured["parameters"] == shape.parameters
        assert state.optimizer == pytest.approx(measured["after"]["float32"], rel=0.15)
        kept = state.weights - gathered + state.gradients
        assert kept == pytest.approx(measured["before"]["bfloat16"], rel=0.15)
