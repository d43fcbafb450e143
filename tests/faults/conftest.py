"""What the fault runs share."""

import json
from pathlib import Path

import pytest

from tests.evaluation.conftest import chat_model
from tests.faults.training_runs import SETTINGS, Training
from tests.publishing.conftest import exported, hub, run

__all__ = ["chat_model", "exported", "hub", "run"]

_REWARD = """
def digits(completions, **columns):
    return [sum(text.count(digit) for digit in "123") / 8 for text in completions]
"""


@pytest.fixture(scope="session")
def training_command(untrained_quickstart: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What starts a run in the folder `run`."""
    folder = tmp_path_factory.mktemp("given")
    rows = [{"problem": f"1{n}+1{n}=", "answer": str(20 + 2 * n)} for n in range(8)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "reward.py").write_text(_REWARD)
    given = ("--model", str(untrained_quickstart), "--dataset", str(folder / "rows.jsonl"))
    reward = ("--set", f"reward_funcs=[python:{folder / 'reward.py'}:digits]")
    return ["train", *SETTINGS, *given, *reward, "--output-dir", "run"]


@pytest.fixture(scope="session")
def whole_training(training_command: list[str], tmp_path_factory: pytest.TempPathFactory) -> Training:
    """A run that nothing happened to."""
    training = Training(tmp_path_factory.mktemp("whole") / "whole", training_command)
    ended = training.fork(training_command)
    assert ended.code == 0, ended.said
    training.assert_equals(training)
    return training
