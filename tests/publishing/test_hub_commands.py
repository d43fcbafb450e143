"""The commands that speak to the Hub, as a person runs them: HF_ENDPOINT and HF_TOKEN, or a stored login."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .fake_hub import FakeHub

Gpg = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def gpg(hub: FakeHub, tmp_path: Path) -> Gpg:
    """Run `gpg` in an empty folder, logged in by the token file that `hf auth login` writes."""
    home = tmp_path / "hf-home"
    home.mkdir()
    (home / "token").write_text(hub.token)
    (tmp_path / "here").mkdir()
    unset = {"HF_TOKEN", "HF_HUB_OFFLINE", "HF_HOME", "HF_HUB_CACHE", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH"}
    environment = {name: value for name, value in os.environ.items() if name not in unset} | {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(home),
        # The Hub of the tests has no Xet storage.
        "HF_HUB_DISABLE_XET": "1",
        "TMPDIR": str(tmp_path / "here"),
    }

    def call(*arguments: str | Path, **more: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "gpg_cli", *map(str, arguments)],
            cwd=tmp_path / "here",
            env=environment | more,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return call


def files_with(text: str, *folders: Path) -> list[str]:
    """Files below folders that hold a text."""
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert files
    return [str(path) for path in files if text.encode() in path.read_bytes()]


@pytest.mark.slow
def test_a_run_goes_to_the_hub_and_is_measured_from_there(hub: FakeHub, gpg: Gpg, run: Path, tmp_path: Path) -> None:
    sent = gpg("export", run, "--repo-id", "me/model", "--json")
    assert sent.returncode == 0, sent.stderr
    assert json.loads(sent.stdout)["repo_url"] == f"{hub.url}/me/model"

    problems = [{"problem": f"What is 1 + {n}?", "solution": rf"It is $\boxed{{{1 + n}}}$."} for n in (1, 2)]
    data = tmp_path / "math500.jsonl"
    data.write_text("".join(json.dumps(problem) + "\n" for problem in problems))
    command = ["eval", "--model", "me/model", "--bench", "math500", "--data", f"math500={data}", "--max-tokens", "8"]
    measured = gpg(*command, "--engine", "transformers", "--output-dir", tmp_path / "measured", "--json")
    assert measured.returncode == 0, measured.stderr
    assert json.loads(measured.stdout)["benches"]["math500"]["problems"] == 2
    assert any("/me/model/resolve/main/model.safetensors" in request for request in hub.requests)
    written = [run, tmp_path / "here", tmp_path / "measured", tmp_path / "hf-home"]
    assert files_with(hub.token, *written) == [str(tmp_path / "hf-home" / "token")]
    assert hub.token not in sent.stdout + sent.stderr + measured.stdout + measured.stderr


def test_the_token_is_in_nothing_that_a_failing_export_writes(
    hub: FakeHub, gpg: Gpg, run: Path, tmp_path: Path
) -> None:
    hub.fail("POST .*/commit/", status=403)
    refused = gpg("export", run, "--repo-id", "me/model", "--to", "exported", "--debug", HF_DEBUG="1")
    assert refused.returncode == 2
    assert "the token may not write to me/model (403)" in " ".join(refused.stderr.split())
    assert "Traceback" in refused.stderr
    assert hub.token not in refused.stdout + refused.stderr
    written = [run, tmp_path / "here", tmp_path / "hf-home"]
    assert files_with(hub.token, *written) == [str(tmp_path / "hf-home" / "token")]
