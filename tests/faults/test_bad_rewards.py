"""Training with the reward functions of bad_rewards.py: in this process, in one of its own, and in two."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from transformers import TrainerCallback

from gpg_cli.errors import GpgError
from tests.faults import LONG, bad_rewards
from tests.training.rollouts import lines_of, make_trainer, weights_of

FUNCTIONS = Path(bad_rewards.__file__)
CHECKOUT = Path(__file__).parents[2]


def surroundings() -> list[Any]:
    streams = [os.fstat(number)[:3] for number in (0, 1, 2)]
    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)]
    modes = [torch.is_grad_enabled(), torch.get_default_dtype(), torch.get_default_device(), sys.getrecursionlimit()]
    return [os.getcwd(), sys.stdin, sys.stdout, sys.stderr, *streams, *handlers, signal.alarm(0), *modes]


class Surroundings(TrainerCallback):
    """What there is after each step."""

    def __init__(self) -> None:
        self.seen: list[list[Any]] = []

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.seen.append(surroundings())


def train_with(model: Path, folder: Path, functions: Sequence[Callable]) -> tuple[Any, Surroundings]:
    """A step with each function, on what the model itself samples, with dropout, so that everything random shows."""

    def reward(trainer_state: Any, **columns: Any) -> Any:
        return functions[trainer_state.global_step](trainer_state=trainer_state, **columns)

    after = Surroundings()
    trainer = make_trainer(
        model, folder, rewards=[reward], max_steps=len(functions), max_completion_length=8, callbacks=[after],
        model_init_kwargs={"attention_dropout": 0.3},
    )  # fmt: skip
    trainer.rollout_func = None
    rows = [{"prompt": f"{number}+1=", "facts": {"deep": ["as it was"]}} for number in range(10, 16)]
    trainer.train_dataset = Dataset.from_list(rows)
    trainer.train()
    return trainer, after


@pytest.mark.filterwarnings("ignore")
def test_what_a_reward_does_to_the_process_changes_nothing(
    tiny_model: Path, tmp_path: Path, tally: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the process nor, to the bit, what is sampled and learned."""
    for name in ("PATH", "HOME", "HF_HUB_OFFLINE"):
        monkeypatch.setenv(name, os.environ[name])  # put back after the test
    functions = bad_rewards.HARMLESS + bad_rewards.LEGAL
    expected, _ = train_with(tiny_model, tmp_path / "fair", [bad_rewards.fair] * len(functions))
    before = surroundings()
    found, after = train_with(tiny_model, tmp_path / "bad", functions)
    for function, seen, line, fair in zip(functions, after.seen, lines_of(found), lines_of(expected), strict=True):
        assert seen == before, function.__name__
        assert line["rewards/reward/failed"] == 0, function.__name__
        assert (line["loss"], line["grad_norm"]) == (fair["loss"], fair["grad_norm"]), function.__name__
    assert torch.equal(weights_of(found.model), weights_of(expected.model))
    tally("reward functions that disturb the process, or return odd kinds of numbers", len(functions))


def test_a_reward_that_fails_costs_the_completions_it_fails_for(
    tiny_model: Path, tmp_path: Path, tally: Callable, capfd: pytest.CaptureFixture[str]
) -> None:
    """A step with each, failing for one prompt of two, which is as much as `max_failed_rewards` allows."""
    cases = list(bad_rewards.FAILING.values())

    def reward(prompts: list[str], trainer_state: Any, **columns: Any) -> Any:
        if "10+10=" not in prompts:
            return [float(row % 2) for row in range(len(prompts))]
        if len(set(prompts)) > 1:
            raise ValueError("both prompts at once")
        return cases[trainer_state.global_step][0](prompts=prompts, **columns)

    trainer = make_trainer(tiny_model, tmp_path, rewards=[reward], max_steps=len(cases), prompts=2, reward_timeout=0.3)
    trainer.train()
    said = [line for line in capfd.readouterr().err.splitlines() if "failed for 4 of 8" in line]
    for name, line, text in zip(bad_rewards.FAILING, lines_of(trainer), said, strict=True):
        found = [line[key] for key in ("rewards/reward/failed", "rewards/none", "groups/valid")]
        assert found == [4, 4, 1], name
        assert bad_rewards.FAILING[name][1] in text, name
    tally("reward functions that fail", len(cases))


def test_one_that_fails_for_more_ends_the_run_in_words(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(GpgError, match="failed for 8 of 8 completions of step 1: SystemExit: 0"):
        make_trainer(tiny_model, tmp_path, rewards=[bad_rewards.raises(SystemExit(0))]).train()


def test_an_accuracy_that_is_no_number_is_not_counted(tiny_model: Path, tmp_path: Path) -> None:
    def reward(completions: list[str], log_extra: Callable, **columns: Any) -> list[float]:
        log_extra("accuracy", ["yes", None, float("nan"), [1.0], True, 0, object(), "1"])
        return bad_rewards.fair(completions)

    trainer = make_trainer(tiny_model, tmp_path, rewards=[reward], max_steps=1)
    trainer.train()
    (line,) = lines_of(trainer)
    assert (line["accuracy"], line["ungraded"]) == (0.5, 0.75)


# In processes of their own


def gpg_train(tiny_model: Path, folder: Path, rewards: list[str], *options: str, **environment: str) -> Any:
    """(exit code, stdout, stderr, seconds) of `gpg train` in the folder."""
    rows = [{"problem": f"{number}+1=", "facts": {"deep": ["as it was"]}} for number in range(10, 18)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe = {
        "model_name_or_path": str(tiny_model), "dataset_name": "rows.jsonl", "use_chat_template": False,
        "max_steps": 4, "num_generations": 4, "per_device_train_batch_size": 8, "max_completion_length": 8,
        "use_vllm": False, "bf16": False, "save_strategy": "steps", "save_steps": 1, "reward_timeout": 1,
        "learning_rate": 1e-3, "reward_funcs": [f"python:{FUNCTIONS}:{reward}" for reward in rewards],
    }  # fmt: skip
    if "--num-processes" in options:
        recipe["per_device_train_batch_size"] = 4
    (folder / "recipe.yaml").write_text(json.dumps(recipe))
    start = ["--resume", "run"] if "--resume" in options else ["--config", "recipe.yaml", "--output-dir", "run"]
    others = [option for option in options if option != "--resume"]
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "gpg_cli", "train", *start, "--reward-file", str(FUNCTIONS), "--json", *others],
        cwd=folder, timeout=900,
        env=os.environ | {"PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1"} | environment,
        capture_output=True, text=True, check=False, errors="replace", stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr, time.monotonic() - started


def steps_of(folder: Path) -> list[int]:
    return [json.loads(line)["step"] for line in (folder / "run" / "metrics.jsonl").read_text().splitlines()]


def test_stdout_stays_one_json_object_and_the_run_is_whole(tiny_model: Path, tmp_path: Path, tally: Callable) -> None:
    """With all that disturb the process at once."""
    names = [reward.__name__ for reward in bad_rewards.HARMLESS]
    code, out, err, _ = gpg_train(tiny_model, tmp_path, names)
    assert code == 0, err[-2000:]
    assert json.loads(out)["steps"] == 4
    assert steps_of(tmp_path) == [1, 2, 3, 4]
    assert (tmp_path / "run" / "model" / "model.safetensors").is_file()
    assert "step 4/4" in err
    tally("reward functions that disturb the process, through gpg train", len(names))


@pytest.mark.parametrize("_", [pytest.param(1, marks=LONG)])
def test_threads_that_stay_do_not_keep_the_process(tiny_model: Path, tmp_path: Path, _: int, tally: Callable) -> None:
    code, out, err, _seconds = gpg_train(tiny_model, tmp_path, ["leaves_threads"])
    assert (code, json.loads(out)["steps"]) == (0, 4)
    assert "Threads were left running" in err
    tally("reward functions that disturb the process, through gpg train", 1)


@pytest.mark.parametrize("_", [pytest.param(1, marks=LONG)])
def test_control_c_in_a_reward_is_that_of_a_user(tiny_model: Path, tmp_path: Path, _: int, tally: Callable) -> None:
    code, out, err, _seconds = gpg_train(tiny_model, tmp_path, ["presses_control_c"])
    assert (code, out) == (130, "")
    assert "stopped at once" in err
    assert "gpg train --resume run" in err
    assert "Traceback" not in err
    tally("reward functions that end the process", 1)


@pytest.mark.parametrize(
    ("reward", "code"),
    [pytest.param("exits_at_step_3", 7, marks=LONG), pytest.param("crashes_at_step_3", -signal.SIGSEGV, marks=LONG)],
)
def test_a_reward_that_ends_the_process_costs_no_finished_step(
    tiny_model: Path, tmp_path: Path, reward: str, code: int, tally: Callable
) -> None:
    assert gpg_train(tiny_model, tmp_path, [reward])[0] == code
    assert steps_of(tmp_path) == [1, 2]
    found, out, err, _ = gpg_train(tiny_model, tmp_path, [reward], "--resume", GO_ON="1")
    assert (found, json.loads(out)["steps"]) == (0, 4), err[-2000:]
    assert steps_of(tmp_path) == [1, 2, 3, 4]
    tally("reward functions that end the process", 1)


@pytest.mark.parametrize(
    ("reward", "code", "said"),
    [
        pytest.param("raises_in_rank_1", 0, "only here", marks=LONG),
        pytest.param("exits_in_rank_1", 0, "SystemExit", marks=LONG),
        pytest.param("hangs_in_rank_1", 0, "took longer", marks=LONG),
        pytest.param("fails_at_random", 0, "at random", marks=LONG),
        pytest.param("forks", 0, "", marks=LONG),
        pytest.param("dies_in_rank_1", 2, "rank 1 of 2 failed with exit code 9", marks=LONG),
    ],
)
def test_a_reward_that_fails_in_one_of_two_processes_hangs_no_one(
    tiny_model: Path, tmp_path: Path, reward: str, code: int, said: str, tally: Callable
) -> None:
    """Half of the completions fail, which is as much as `max_failed_rewards` allows."""
    found, out, err, seconds = gpg_train(tiny_model, tmp_path, [reward], "--num-processes", "2")
    assert found == code, err[-3000:]
    assert seconds < 600
    if code == 0:
        assert json.loads(out)["steps"] == 4
        assert steps_of(tmp_path) == [1, 2, 3, 4]
    else:
        assert said in err
        assert "Traceback" not in err
    tally("reward functions that fail in one of two processes", 1)
