"""`gpg train --resume`: which checkpoint, with which settings, and what a signal does."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

SETTINGS = (
    *("--max-steps", "4", "--output-dir", "run"),
    *("--set", "per_device_train_batch_size=8", "--set", "max_completion_length=8", "--set", "save_strategy=steps"),
    *("--set", "save_steps=1", "--set", "learning_rate=0.01", "--set", "eval_bench=null"),
    *("--set", "reward_funcs=[cosine]", "--set", "cosine_max_len=20"),
)


@pytest.fixture
def arguments(tiny_model: Path, json_lines: Callable) -> list[str]:
    rows = json_lines(*({"problem": f"1{n}+1{n}=", "answer": str(20 + 2 * n)} for n in range(8)))
    return ["train", "--preset", "quickstart", "--model", str(tiny_model), "--dataset", str(rows), *SETTINGS]


def test_a_run_goes_on_from_its_folder_alone_and_says_what_it_ignored(gpg: Callable, arguments: list[str]) -> None:
    assert gpg(*arguments).code == 0
    whole = load_file("run/model/model.safetensors")
    lines = Path("run/metrics.jsonl").read_text().splitlines()
    Path("run/checkpoint-4/optimizer.pt").write_bytes(b"half")
    outcome = gpg("train", "--resume", "run", "--json")
    assert outcome.json["steps"] == 4
    assert "Ignored run/checkpoint-4: optimizer.pt has 4 bytes" in outcome.err
    again = load_file("run/model/model.safetensors")
    assert all(torch.equal(whole[name], again[name]) for name in whole)
    assert [json.loads(line)["loss"] for line in lines] == [
        json.loads(line)["loss"] for line in Path("run/metrics.jsonl").read_text().splitlines()
    ]


@pytest.mark.parametrize(
    ("more", "complaint", "hint"),
    [
        (("--set", "learning_rate=0.02"), "learning_rate: 0.01 in the checkpoint, 0.02 now", "--model run/checkpoint"),
        (("--seed", "3"), "seed: 0 in the checkpoint, 3 now", "same ones"),
        (("--set", "per_device_train_batch_size=16"), "completions a step: 8 in the checkpoint, 16 now", "same ones"),
    ],
)
def test_other_settings_are_refused_and_named(
    gpg: Callable, arguments: list[str], more: tuple[str, ...], complaint: str, hint: str
) -> None:
    gpg(*arguments, "--max-steps", "1")
    outcome = gpg("train", "--resume", "run", *more)
    assert outcome.code == 2
    assert complaint in outcome.error_lines[-2]
    assert hint in outcome.error_lines[-1]


def test_a_run_that_has_come_to_its_end_makes_no_step_more(gpg: Callable, arguments: list[str]) -> None:
    """What a kill after the last checkpoint leaves to be done is the model, and nothing else."""
    gpg(*arguments, "--max-steps", "2", "--set", "log_completions=true")
    before = {path: path.read_bytes() for path in Path("run").rglob("*") if path.suffix in (".jsonl", ".parquet")}
    subprocess.run(["rm", "-r", "run/model"], check=True)
    assert gpg("train", "--resume", "run", "--json").json["steps"] == 2
    assert {path: path.read_bytes() for path in before} == before
    assert Path("run/model/model.safetensors").is_file()


def test_what_was_measured_is_kept(gpg: Callable, arguments: list[str]) -> None:
    """Before the first step; and after the last, as far as it came, where the model stays the same."""
    first = gpg(*arguments, "--max-steps", "1", "--set", "eval_bench=quickstart", "--set", "eval_limit=4", "--json")
    assert first.json["accuracy_before"] is not None
    names = {path.name for path in Path("run").iterdir()}
    second = gpg("train", "--resume", "run", "--json")
    assert second.json | {"seconds": 0} == first.json | {"seconds": 0}
    assert {path.name for path in Path("run").iterdir()} == names


def test_a_stop_without_room_for_a_checkpoint_is_told(
    gpg: Callable, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        raise RuntimeError("[enforce fail at inline_container.cc:664] . unexpected pos 64 vs 0")

    monkeypatch.setattr("gpg_cli.training.saving.seal", full)
    outcome = gpg(*arguments)
    assert outcome.code == 2
    assert "stopped after 2 steps, but could not write their checkpoint" in outcome.err


def test_a_second_ctrl_c_says_how_to_go_on(
    gpg: Callable, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def twice(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr("gpg_cli.training.saving.seal", twice)
    outcome = gpg(*arguments)
    assert outcome.code == 130
    assert outcome.error_lines[-2:] == [
        "Error: stopped at once",
        "Go on from the last checkpoint, if there is one: gpg train --resume run",
    ]


def test_a_final_model_without_room_is_told(
    gpg: Callable, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the words of safetensors, whose errors are no OSError."""

    def full(*_: object, **__: object) -> None:
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("gpg_cli.training.reliable.ReliableTrainer.save_model", full)
    outcome = gpg(*arguments, "--max-steps", "1", "--set", "save_strategy=no")
    assert outcome.code == 2
    assert "could not write the final model to run/model: No space left on device" in outcome.err


def test_the_cut_of_a_step_may_change(gpg: Callable, arguments: list[str]) -> None:
    gpg(*arguments, "--max-steps", "2")
    cut = ("--set", "per_device_train_batch_size=4", "--set", "gradient_accumulation_steps=2")
    assert gpg("train", "--resume", "run", "--max-steps", "3", *cut, "--json").json["steps"] == 3


def test_where_no_checkpoint_is_whole_each_is_named_with_what_is_wrong(gpg: Callable, arguments: list[str]) -> None:
    gpg(*arguments, "--max-steps", "1")
    Path("run/checkpoint-1/manifest.json").unlink()
    outcome = gpg("train", "--resume", "run")
    assert outcome.code == 2
    assert "checkpoint-1" in outcome.err
    assert "has no manifest.json" in outcome.err


@pytest.mark.slow
def test_a_kill_leaves_the_last_whole_checkpoint_and_nothing_differs_in_the_end(
    gpg: Callable, arguments: list[str]
) -> None:
    arguments += ["--max-steps", "30"]
    assert gpg(*arguments).code == 0
    whole = load_file("run/model/model.safetensors")
    steps = [json.loads(line)["loss"] for line in Path("run/metrics.jsonl").read_text().splitlines()]
    subprocess.run(["rm", "-r", "run"], check=True)

    running = subprocess.Popen([sys.executable, "-m", "gpg_cli", *arguments], stderr=subprocess.DEVNULL)
    while not Path("run/checkpoint-7").is_dir():
        time.sleep(0.01)
        assert running.poll() is None
    running.kill()
    running.wait()
    assert gpg("train", "--resume", "run", "--json").json["steps"] == 30
    again = load_file("run/model/model.safetensors")
    assert all(torch.equal(whole[name], again[name]) for name in whole)
    assert [json.loads(line)["loss"] for line in Path("run/metrics.jsonl").read_text().splitlines()] == steps


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_step_saves_and_says_how_to_go_on(
    gpg: Callable, arguments: list[str], number: signal.Signals
) -> None:
    arguments += ["--max-steps", "200", "--set", "save_steps=500"]
    assert gpg(*arguments).code == 0
    whole = load_file("run/model/model.safetensors")
    subprocess.run(["rm", "-r", "run"], check=True)

    command = [sys.executable, "-m", "gpg_cli", *arguments]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ})
    metrics = Path("run/metrics.jsonl")
    while not metrics.is_file() or len(metrics.read_text().splitlines()) < 3:
        time.sleep(0.05)
        assert running.poll() is None
    running.send_signal(number)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 0, err
    assert "gpg train --resume run" in out
    assert f"{number.name}: finishing the step" in err
    (checkpoint,) = Path("run").glob("checkpoint-*")
    assert not Path("run/model").exists()

    assert gpg("train", "--resume", "run", "--json").json["steps"] == 200, checkpoint
    again = load_file("run/model/model.safetensors")
    assert all(torch.equal(whole[name], again[name]) for name in whole)
