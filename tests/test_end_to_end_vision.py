"""The main road with pictures, as a user walks it: train, measure, export, and both engines on what was exported."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from .test_end_to_end import SCRIPTS, run_gpg

pytestmark = pytest.mark.slow

BENCH = "quickstart-vision"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, needs_torchvision: None) -> dict:
    """`gpg train --preset quickstart-vision` from a cold start: nothing is cached."""
    folder = tmp_path_factory.mktemp("quickstart_vision")
    environment = os.environ | {"XDG_CACHE_HOME": str(folder / "cache")}
    command = [str(SCRIPTS / "gpg"), "train", "--preset", "quickstart-vision", "--json"]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=1200, check=False
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    return summary | {"output_dir": str(folder / summary["output_dir"])}


def test_it_learns_to_look_at_every_row(trained: dict) -> None:
    """At least 20 points on held-out pictures."""
    assert trained["accuracy_before"] <= 0.5
    assert trained["accuracy_after"] >= trained["accuracy_before"] + 0.2


def test_what_is_exported_loads_with_its_processor_in_transformers_and_vllm(trained: dict, tmp_path: Path) -> None:
    pytest.importorskip("vllm", reason="needs vLLM (on a machine without a GPU: the extra `cpu`)")
    exported = tmp_path / "exported"
    run_gpg("export", trained["output_dir"], "--to", exported)
    card = (exported / "README.md").read_text()
    assert "pipeline_tag: image-text-to-text" in card
    answers = []
    for engine in ("transformers", "vllm"):
        out = tmp_path / engine
        measured = run_gpg("eval", "--model", exported, "--bench", BENCH, "--engine", engine, "--output-dir", out)
        samples = [json.loads(line) for line in (out / "samples.jsonl").read_text().splitlines()]
        answers.append([sample["completion"] for sample in samples])
        if engine == "transformers":
            assert measured["benches"][BENCH]["score"] == pytest.approx(100 * trained["accuracy_after"], abs=0.01)
    equal = sum(one == other for one, other in zip(*answers, strict=True))
    assert len(set(answers[0])) > 20, "answers that depend on the picture"
    assert equal >= 0.95 * len(answers[0])
