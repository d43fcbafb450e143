"""The main road, as a user walks it: train, measure, export, on the toy model and on a real one."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from .conftest import shared_data

SCRIPTS = Path(sys.executable).parent


def run_gpg(*arguments: str | Path, timeout_s: int = 600) -> dict:
    """`gpg ... --json` in a process of its own; its one JSON object."""
    command = [str(SCRIPTS / "gpg"), *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """`gpg train --preset quickstart` from a cold start: nothing is cached."""
    folder = tmp_path_factory.mktemp("quickstart")
    environment = os.environ | {"XDG_CACHE_HOME": str(folder / "cache")}
    command = [str(SCRIPTS / "gpg"), "train", "--preset", "quickstart", "--json"]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert re.search(r"step 80/80  reward \S+  accuracy \S+  valid \d+/\d+", done.stderr)  # not on stdout
    return summary | {"output_dir": str(folder / summary["output_dir"])}


@pytest.mark.slow
def test_the_quickstart_learns_to_carry(quickstart: dict) -> None:
    assert quickstart["accuracy_before"] <= 0.5
    assert quickstart["accuracy_after"] >= 0.9
    assert quickstart["steps"] == 80


@pytest.mark.slow
def test_the_run_folder_holds_what_a_reader_needs(quickstart: dict) -> None:
    run = Path(quickstart["output_dir"])
    assert {path.name for path in run.iterdir()} == {
        *("run.json", "metrics.jsonl", "completions.jsonl", "model", "eval", "reward.png")
    }
    steps = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in steps] == list(range(1, 81))
    assert {"reward", "accuracy", "groups/valid", "alpha", "grad_norm", "learning_rate", "time/step"} <= set(steps[0])
    facts = json.loads((run / "run.json").read_text())
    assert facts["settings"]["scale_rewards"] == "none"
    assert facts["summary"]["accuracy_after"] == quickstart["accuracy_after"]
    assert not list(run.rglob("*.bin"))


@pytest.mark.slow
def test_gpg_eval_gives_the_number_that_training_gave(quickstart: dict, tmp_path: Path) -> None:
    measured = run_gpg(
        "eval", "--model", quickstart["output_dir"], "--bench", "quickstart", "--output-dir", tmp_path / "e"
    )
    assert measured["benches"]["quickstart"]["score"] == pytest.approx(100 * quickstart["accuracy_after"])
    assert len((tmp_path / "e" / "samples.jsonl").read_text().splitlines()) == 500


@pytest.mark.slow
def test_the_exported_model_is_the_trained_one(quickstart: dict, tmp_path: Path) -> None:
    exported = tmp_path / "exported"
    run_gpg("export", quickstart["output_dir"], "--to", exported)
    assert_same_logits(Path(quickstart["output_dir"]) / "model", exported)
    card = (exported / "README.md").read_text()
    assert f"{100 * quickstart['accuracy_after']:.1f}" in card


@pytest.mark.slow
def test_the_quickstart_model_runs_in_vllm_too(quickstart: dict, tmp_path: Path) -> None:
    pytest.importorskip("vllm", reason="needs vLLM (on a machine without a GPU: the extra `cpu`)")
    arguments = ("--bench", "quickstart", "--limit", "64", "--engine", "vllm", "--output-dir", tmp_path / "e")
    measured = run_gpg("eval", "--model", quickstart["output_dir"], *arguments)
    assert measured["benches"]["quickstart"]["score"] >= 90


@pytest.fixture(scope="module")
def real_run(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two steps of open-rs1 on SmolLM2 with real problems, short enough for two cores."""
    output = tmp_path_factory.mktemp("real") / "run"
    short = ("max_completion_length=24", "per_device_train_batch_size=6", "gradient_accumulation_steps=1")
    assignments = [part for setting in short for part in ("--set", setting)]
    data = shared_data("math_lvl3to5_8k.jsonl")
    named = ("--model", smollm2, "--dataset", data, "--max-steps", "2", "--output-dir", output)
    summary = run_gpg("train", "--preset", "open-rs1", *named, *assignments)
    assert summary["steps"] == 2
    return output


@pytest.mark.slow
def test_open_rs1_trains_a_real_model_that_transformers_loads(real_run: Path, smollm2: Path) -> None:
    before, after = logits_of(smollm2), logits_of(real_run / "model")
    assert before.shape == after.shape
    assert after.isfinite().all()


@pytest.mark.slow
def test_the_export_of_a_real_run_has_equal_logits(real_run: Path, tmp_path: Path) -> None:
    run_gpg("export", real_run, "--to", tmp_path / "exported")
    assert_same_logits(real_run / "model", tmp_path / "exported")


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["transformers", "vllm"])
def test_both_engines_score_the_trained_real_model(real_run: Path, tmp_path: Path, engine: str) -> None:
    if engine == "vllm":
        pytest.importorskip("vllm", reason="needs vLLM (on a machine without a GPU: the extra `cpu`)")
    data = f"math500={shared_data('math500.jsonl')}"
    arguments = ("--bench", "math500", "--data", data, "--limit", "8", "--max-tokens", "32", "--engine", engine)
    measured = run_gpg("eval", "--model", real_run, *arguments, "--output-dir", tmp_path / "e")
    assert measured["engine"] == engine
    samples = [json.loads(line) for line in (tmp_path / "e" / "samples.jsonl").read_text().splitlines()]
    assert len(samples) == 8
    assert all(sample["completion"].strip() for sample in samples)


def logits_of(folder: Path) -> torch.Tensor:
    """Logits of a few fixed tokens, (1, tokens, vocabulary)."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    with torch.no_grad():
        return model(torch.arange(2, 14)[None]).logits


def assert_same_logits(source: Path, exported: Path) -> None:
    torch.testing.assert_close(logits_of(exported), logits_of(source), rtol=1e-5, atol=1e-5)
