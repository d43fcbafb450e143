"""metrics.jsonl has a line for each step, whatever happens to the disk and to the run."""

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import TrainerControl, TrainerState, TrainingArguments

from gpg_cli.training.record import MetricsFile


class Steps:
    """Calls a `MetricsFile` as a trainer does."""

    def __init__(self, folder: Path, log_history: list[dict[str, Any]] | None = None, step: int = 0) -> None:
        self._file = MetricsFile(folder)
        self._state = TrainerState(global_step=step, log_history=log_history or [])
        self._rest: Any = (TrainingArguments(output_dir=str(folder)), self._state, TrainerControl())
        self._file.on_train_begin(*self._rest)

    def log(self, loss: float) -> None:
        self._state.global_step += 1
        self._file.on_log(*self._rest, logs={"loss": loss})

    def end(self) -> None:
        self._file.on_train_end(*self._rest)


@pytest.fixture
def lines(tmp_path: Path):
    return lambda: [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]


def test_lines_wait_while_the_disk_is_full(lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = Steps(tmp_path)
    steps.log(0.1)
    opened = Path.open

    def full(path: Path, *how: Any, **more: Any) -> Any:
        file = opened(path, *how, **more)
        file.write('{"step": 2, "lo')
        file.close()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "open", full)
    steps.log(0.2)
    with pytest.raises(OSError, match="No space left"):
        steps.end()
    monkeypatch.undo()
    assert lines() == [{"step": 1, "loss": 0.1}]
    steps.log(0.3)
    assert lines() == [{"step": 1, "loss": 0.1}, {"step": 2, "loss": 0.2}, {"step": 3, "loss": 0.3}]


def test_going_on_drops_later_lines_and_restores_missing_ones_from_the_checkpoint(lines, tmp_path: Path) -> None:
    """Going on from an older checkpoint cuts the file short; killed then, the newest one is gone on from."""
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "loss": 0.1}\n{"step": 9, "loss": 0.9}\n{"step": 2, "l')
    history: list[dict[str, Any]] = [{"loss": 0.1, "step": 1}, {"loss": 0.2, "step": 2}, {"train_loss": 9, "step": 2}]
    Steps(tmp_path, history, step=2).log(0.3)
    assert lines() == [{"step": 1, "loss": 0.1}, {"step": 2, "loss": 0.2}, {"step": 3, "loss": 0.3}]
