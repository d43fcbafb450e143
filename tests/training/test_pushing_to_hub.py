"""`gpg train --push-to-hub`, whole: a process that trains, those that export, and a Hub on loopback."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.publishing.fake_hub import FakeHub


@pytest.mark.slow
def test_a_stranger_finds_each_checkpoint_under_its_revision_and_the_final_model_on_main(
    tiny_model: Path, json_lines: Callable
) -> None:
    rows = json_lines(*({"problem": f"1{n}+1{n}=", "answer": str(20 + 2 * n)} for n in range(8)))
    settings = ("per_device_train_batch_size=8", "max_completion_length=8", "learning_rate=0.01", "eval_bench=null")
    rewards = ("reward_funcs=[cosine]", "cosine_max_len=20")
    command = [
        *(sys.executable, "-m", "gpg_cli", "train", "--preset", "quickstart", "--model", str(tiny_model)),
        *("--dataset", str(rows), "--max-steps", "4", "--output-dir", "run", "--num-processes", "1"),
        *("--push-to-hub", "me/tiny", "--push-every", "2", "--set", "save_total_limit=1"),
        *(part for setting in (*settings, *rewards) for part in ("--set", setting)),
    ]
    with FakeHub() as hub:
        # The stand-in has no Xet storage.
        reachable = {"HF_ENDPOINT": hub.url, "HF_TOKEN": hub.token, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
        done = subprocess.run(command, env=os.environ | reachable, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert f"{hub.url}/me/tiny" in done.stdout
    repository = hub.repositories["me/tiny"]
    assert set(repository.branches) == {"main", "step-2", "step-4"}
    pushed = {branch: repository.at(branch).files for branch in repository.branches}
    for files in pushed.values():
        assert {"README.md", "config.json", "model.safetensors", "tokenizer.json"} <= set(files)
        assert not any(name.endswith((".pt", ".pth", ".bin")) for name in files)
    weights = {branch: files["model.safetensors"] for branch, files in pushed.items()}
    assert weights["step-2"] != weights["main"]
    # The card of a checkpoint knows its run.
    assert re.search(rb"(?i)steps\W+2\b", pushed["step-2"]["README.md"])
    assert Path("run/checkpoint-4").is_dir()
    assert not Path("run/checkpoint-2").exists()
    assert not Path("run/.push").exists()
    left = [path.read_bytes() for path in Path("run").rglob("*") if path.is_file()]
    published = [content for files in pushed.values() for content in files.values()]
    assert not any(hub.token.encode() in text for text in (*left, *published, (done.stdout + done.stderr).encode()))
