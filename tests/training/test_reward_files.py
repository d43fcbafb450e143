"""Which files of Python a run may start for a reward."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Outcome

Gpg = Callable[..., Outcome]
REWARD = """
from pathlib import Path
Path({canary!r}).touch()
def fair(completions, **kwargs):
    return [1.0] * len(completions)
"""


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """There if the reward's file was run."""
    return tmp_path / "canary"


@pytest.fixture
def write(tmp_path: Path, canary: Path) -> Callable[[str], Path]:
    def make(name: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(REWARD.format(canary=str(canary)))
        return path

    return make


def recipe(path: Path, reward: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'base: quickstart\nreward_funcs: ["python:{reward}:fair"]\n')
    return path


def test_a_recipe_may_run_what_lies_beside_it(write: Callable[[str], Path], tmp_path: Path, gpg: Gpg) -> None:
    reward = write("theirs/rewards.py")
    outcome = gpg("train", "--config", recipe(tmp_path / "theirs" / "recipe.yaml", reward), "--dry-run")
    assert outcome.code == 0, outcome.err
    assert f"Runs the code in {reward}" in outcome.err.replace("\n", "")


def test_a_recipe_may_not_run_what_lies_elsewhere(
    write: Callable[[str], Path], canary: Path, tmp_path: Path, gpg: Gpg
) -> None:
    reward = write("mine/tool.py")
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "link.py").symlink_to(reward)
    for named in (reward, Path(os.path.relpath(reward)), tmp_path / "theirs" / "link.py"):
        config = recipe(tmp_path / "theirs" / "recipe.yaml", named)
        for command in ("train", "check"):
            outcome = gpg(command, "--config", config, *(["--dry-run"] if command == "train" else []))
            assert outcome.code == 2
            assert f"--reward-file {named}" in outcome.error_lines[-1]
        assert not canary.exists()
    assert gpg("train", "--config", config, "--dry-run", "--reward-file", reward).code == 0
    assert canary.exists()


def test_a_run_that_goes_on_names_its_files_again(
    write: Callable[[str], Path], canary: Path, tmp_path: Path, gpg: Gpg
) -> None:
    from gpg_cli.sealed_folder import seal

    reward = write("run/rewards.py")
    settings = {"model_name_or_path": "quickstart", "dataset_name": "quickstart"}
    settings |= {"reward_funcs": [f"python:{reward}:fair"]}  # type: ignore[dict-item]
    (tmp_path / "run" / "run.json").write_text(json.dumps({"settings": settings, "preset": "quickstart"}))
    (tmp_path / "run" / "checkpoint-1").mkdir()
    seal(tmp_path / "run" / "checkpoint-1", {"settings": settings, "completions_per_step": 1, "state": {}})
    outcome = gpg("train", "--resume", "run")
    assert outcome.code == 2
    assert "asks to run the code in" in outcome.err
    assert f"--reward-file {reward}" in outcome.error_lines[-1]
    assert not canary.exists()


def test_a_file_that_is_named_must_be_there(gpg: Gpg) -> None:
    outcome = gpg("train", "--preset", "quickstart", "--dry-run", "--reward-file", "none.py")
    assert outcome.error_lines == ["Error: --reward-file: there is no file none.py", "Check the path."]
