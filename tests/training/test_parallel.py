"""Two processes on the CPU (gloo) against one: the same losses, weights, checkpoints and samples."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from gpg_cli.training.launch import Machines, launch
from tests.faults import LONG
from tests.training.parallel_worker import DEAD_STEP, NAN_STEP, STEPS, sampled_by, settings_for
from tests.training.rollouts import lines_of, make_trainer

pytestmark = pytest.mark.slow

needs_deepspeed = pytest.mark.skipif(importlib.util.find_spec("deepspeed") is None, reason="needs deepspeed")
KINDS = [
    "ddp",
    pytest.param("zero2", marks=needs_deepspeed),
    pytest.param("zero3", marks=needs_deepspeed),
    "fsdp",
]
CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def two(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[dict[str, Any], Path]]:
    """`two("zero2")`: the report of two processes, which run once for all tests, and their folder."""
    done: dict[str, tuple[dict[str, Any], Path]] = {}

    def run(kind: str) -> tuple[dict[str, Any], Path]:
        if kind not in done:
            out = tmp_path_factory.mktemp(kind)
            program = [sys.executable, "-m", "tests.training.parallel_worker"]
            os.environ["PYTHONPATH"] = str(CHECKOUT)
            assert launch(Machines(2), [kind, str(tiny_model), str(out)], program) == 0
            done[kind] = json.loads((out / "report.json").read_text()), out
        return done[kind]

    return run


@pytest.fixture(scope="module")
def one(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The same run in this process."""
    trainer = make_trainer(tiny_model, tmp_path_factory.mktemp("one"), **settings_for(1))
    trainer.train()
    return trainer


def compare(model: torch.nn.Module, folder: Path) -> float:
    """Largest relative difference of a tensor: the norm of the difference over the norm.

    The key's bias is left out: softmax takes no notice of it, so its gradient is rounding, which Adam enlarges.
    """
    loaded = AutoModelForCausalLM.from_pretrained(folder).state_dict()
    differences = [
        ((loaded[name] - value).norm() / value.norm()).item()
        for name, value in model.state_dict().items()
        if not name.endswith("k_proj.bias")
    ]
    return max(differences)


@pytest.mark.parametrize("kind", KINDS)
def test_two_processes_train_as_one(kind: str, one: Any, two: Callable) -> None:
    """Traps T3 and T4 as well: a group spans both processes, and alpha is of what both train on together."""
    report, out = two(kind)
    expected = lines_of(one)
    assert len(report["lines"]) == STEPS
    for name in ("loss", "reward", "alpha", "groups/valid", "resampling/prompts", "learning_rate", "skipped/dead"):
        assert [line[name] for line in report["lines"]] == pytest.approx(
            [line[name] for line in expected], rel=1e-4, abs=1e-7
        ), name
    norms = [[line["grad_norm"] for line in lines] for lines in (report["lines"], expected)]
    assert norms[0] == pytest.approx(norms[1], rel=1e-3)
    assert any(line["resampling/rounds"] for line in expected)
    assert any(line["groups/rows_trained"] % 2 for line in expected), "rows that do not go round"
    assert compare(one.model, out / "model") < 1e-4


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_the_kind_that_was_asked_for(kind: str, two: Callable) -> None:
    expected = {"ddp": "MULTI_CPU", "zero2": "DEEPSPEED", "zero3": "DEEPSPEED", "fsdp": "FSDP"}
    assert two(kind)[0]["kind"].endswith(expected[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_a_dead_step_and_a_step_with_a_nan_in_one_process_are_skipped_by_both(kind: str, two: Callable) -> None:
    lines = two(kind)[0]["lines"]
    skipped = {"dead": [0.0] * STEPS, "nonfinite": [0.0] * STEPS}
    skipped["dead"][DEAD_STEP] = skipped["nonfinite"][NAN_STEP] = 1.0
    for reason, steps in skipped.items():
        assert [line[f"skipped/{reason}"] for line in lines] == steps
    rates = [line["learning_rate"] for line in lines]
    assert rates[DEAD_STEP] == rates[DEAD_STEP + 1]
    assert rates[NAN_STEP] == rates[NAN_STEP + 1]
    assert (two(kind)[1] / "run" / "nonfinite" / f"step-{NAN_STEP + 1}.jsonl").is_file()


@pytest.mark.parametrize("kind", KINDS)
def test_a_checkpoint_loads_in_transformers(kind: str, two: Callable) -> None:
    _, out = two(kind)
    model = AutoModelForCausalLM.from_pretrained(out / "run" / "checkpoint-4")
    assert 0 < compare(model, out / "model") < 1


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "fsdp"])
def test_a_resumed_run_ends_the_same(kind: str, two: Callable) -> None:
    report, out = two(kind)
    resumed = AutoModelForCausalLM.from_pretrained(out / "resumed")
    assert compare(resumed, out / "model") <= (0 if kind == "ddp" else 1e-6)
    assert [line["loss"] for line in report["resumed"]] == pytest.approx([line["loss"] for line in report["lines"]])


def test_only_the_first_process_writes(two: Callable) -> None:
    _, out = two("ddp")
    steps = [json.loads(line)["step"] for line in (out / "run" / "metrics.jsonl").read_text().splitlines()]
    assert steps == list(range(1, STEPS + 1))
    manifest = json.loads((out / "run" / "checkpoint-4" / "manifest.json").read_text())
    assert manifest["facts"]["processes"] == 2
    assert {"rng_state_0.pth", "rng_state_1.pth"} <= set(manifest["files"])


def test_a_signal_to_one_process_stops_both_after_the_same_step(two: Callable) -> None:
    report, out = two("ddp")
    assert report["stopped"] == [2, True]
    assert (out / "stopped" / "checkpoint-2" / "manifest.json").is_file()


def test_what_is_sampled_does_not_depend_on_the_number_of_processes(
    two: Callable, tiny_model: Path, tmp_path: Path
) -> None:
    assert two("ddp")[0]["sampled"] == sampled_by(tiny_model, tmp_path, 1)


def test_trls_objectives_run_on_two_processes_too(two: Callable) -> None:
    assert two("ddp")[0]["baseline"] == 2


@pytest.fixture
def recipe(tiny_model: Path, json_lines: Callable) -> Path:
    rows = json_lines(*({"problem": f"1{n}+1{n}=", "answer": str(20 + 2 * n)} for n in range(12)))
    path = Path("recipe.yaml")
    path.write_text(
        f"model_name_or_path: {tiny_model}\ndataset_name: {rows}\nuse_chat_template: false\nreward_funcs: [cosine]\n"
        "cosine_max_len: 20\nnum_generations: 4\nper_device_train_batch_size: 4\nmax_completion_length: 8\n"
        "learning_rate: 0.001\nmax_steps: 2\nsave_strategy: steps\nsave_steps: 1000\ngradient_checkpointing: false\n"
        "bf16: false\n"
    )
    return path


def gpg_train(*arguments: str | Path, program: tuple[str, ...] = ("-m", "gpg_cli")) -> subprocess.Popen[str]:
    command = [sys.executable, *program, "train", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("kind", ["ddp", pytest.param("zero2", marks=(*LONG, needs_deepspeed))])
def test_gpg_starts_the_processes_itself(recipe: Path, kind: str) -> None:
    running = gpg_train(
        "--config", recipe, "--num-processes", "2", "--set", f"accelerate={kind}", "--output-dir", "run"
    )
    out, err = running.communicate(timeout=240)
    assert running.returncode == 0, err
    assert out.count("Done. 2 steps") == 1
    assert json.loads(Path("run/run.json").read_text())["processes"] == 2
    assert len(Path("run/metrics.jsonl").read_text().splitlines()) == 2
    AutoModelForCausalLM.from_pretrained("run/model")


def test_torchrun_may_start_them(recipe: Path) -> None:
    torchrun = ("-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "gpg_cli")
    running = gpg_train("--config", recipe, "--output-dir", "run", program=torchrun)
    out, err = running.communicate(timeout=240)
    assert running.returncode == 0, err
    assert out.count("Done. 2 steps") == 1
    AutoModelForCausalLM.from_pretrained("run/model")


def test_ctrl_c_stops_all_of_them_and_the_run_goes_on(recipe: Path) -> None:
    more = ("--num-processes", "2", "--output-dir", "run", "--set", "max_steps=300")
    running = gpg_train("--config", recipe, *more)
    metrics = Path("run/metrics.jsonl")
    while not metrics.is_file() or len(metrics.read_text().splitlines()) < 2:
        time.sleep(0.1)
        assert running.poll() is None, running.communicate()[1]
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=120)
    assert running.returncode == 0, err
    assert "gpg train --resume run" in out
    steps = len(metrics.read_text().splitlines())
    assert (Path("run") / f"checkpoint-{steps}").is_dir()

    again = gpg_train("--resume", "run", "--num-processes", "2", "--set", f"max_steps={steps + 2}")
    out, err = again.communicate(timeout=240)
    assert again.returncode == 0, err
    assert f"Done. {steps + 2} steps" in out
