"""What a run left on record, as it is published."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gpg_cli.publishing.facts import read_facts, step_of_checkpoint
from gpg_cli.publishing.records import write_records
from gpg_cli.publishing.scores import read_scores
from gpg_cli.run_folder import find_model

from .conftest import RESULTS, RUN

LINES = [
    {"step": 25, "loss": 0.1, "eval/math500/score": 0.4},
    {"step": 50, "loss": 0.2, "rewards//home/me/my rewards.py:short/mean": 0.5, "eval/math500/score": 0.5},
    {"step": 75, "loss": 0.3, "eval/math500/score": 0.6},
]
SECRET = "hf_abcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def recorded(run: Path) -> Path:
    """A run with a secret in every place that takes text, and a last line that a kill cut short."""
    facts = {
        **RUN,
        "command": [*RUN["command"], "--set", f"hub_token={SECRET}", "--main-process-ip", "10.1.2.3"],  # type: ignore[misc]
        "settings": {**RUN["settings"], "reward_funcs": ["/home/me/my rewards.py:short"], "hub_token": SECRET},  # type: ignore[dict-item]
        "resumed": [{"checkpoint": "/home/me/runs/x/checkpoint-50", "command": ["gpg", f"--x={SECRET}"]}],
        "notes": ["/home/me/data/my rows.jsonl: 3 rows were left out"],
    }
    (run / "run.json").write_text(json.dumps(facts))
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in LINES) + '{"step": 76, "lo')
    return run


def export(source: Path, folder: Path) -> dict[str, Any]:
    found = find_model(str(source))
    folder.mkdir()
    write_records(folder, found, read_scores(found), step=step_of_checkpoint(found))
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_nothing_on_record_names_a_place_or_a_secret(
    recorded: Path, tmp_path: Path, add_results: Callable[..., None]
) -> None:
    data = {"source": "/home/me/data/math500.jsonl", "sha256": "0"}
    entry = RESULTS["benches"]["math500"] | {"data": data}  # type: ignore[index]
    add_results(recorded, "first", RESULTS | {"model": str(recorded), "benches": {"math500": entry}})
    files = export(recorded, tmp_path / "out")
    assert sorted(files) == ["metrics.jsonl", "results.json", "run.json"]
    for name, text in files.items():
        for private in ("/home/me", str(tmp_path), SECRET, "10.1.2.3"):
            assert private not in text, f"{private} in {name}"
    shown = json.loads(files["run.json"])
    assert shown["settings"]["reward_funcs"] == ["my rewards.py:short"]
    assert shown["summary"] == RUN["summary"]
    lines = [json.loads(line) for line in files["metrics.jsonl"].splitlines()]
    assert [line["step"] for line in lines] == [25, 50, 75]
    assert lines[1]["rewards/my rewards.py:short/mean"] == 0.5


def test_all_results_are_one_file(run: Path, tmp_path: Path, add_results: Callable[..., None]) -> None:
    add_results(run, "first", RESULTS | {"model": "runs/open-rs1", "seed": 3, "versions": {"vllm": "0.31.0"}})
    other = {"title": "AIME24", "score": 30.0, "problems": 30}
    add_results(run, "second", {"engine": "vllm", "model": "Qwen/x", "benches": {"aime24": other}})
    results = json.loads(export(run, tmp_path / "out")["results.json"])
    assert results["schema"] == 1
    assert list(results["benches"]) == ["aime24", "math500"]
    assert results["benches"]["aime24"] == other | {"engine": "vllm", "model": "x"}
    first = results["benches"]["math500"]
    assert (first["score"], first["engine"], first["seed"], first["model"]) == (87.6, "transformers", 3, "open-rs1")


def test_a_checkpoint_has_the_record_up_to_its_step(
    recorded: Path, tmp_path: Path, add_results: Callable[..., None]
) -> None:
    add_results(recorded, "first")
    files = export(recorded / "checkpoint-50", tmp_path / "out")
    assert sorted(files) == ["metrics.jsonl", "run.json"]
    assert [json.loads(line)["step"] for line in files["metrics.jsonl"].splitlines()] == [25, 50]
    shown = json.loads(files["run.json"])
    assert (shown["summary"], shown["exported_step"]) == (None, 50)
    facts = read_facts(find_model(str(recorded / "checkpoint-50")))
    assert facts is not None
    assert (facts.curve, facts.steps, facts.all_steps) == ({"math500": 0.5}, 50, 100)


def test_a_model_that_is_no_runs_has_no_record(model: Path, tmp_path: Path) -> None:
    assert export(model, tmp_path / "out") == {}
