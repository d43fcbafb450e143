"""examples/ray, with a stand-in for vLLM's server; its options are those of the real one."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.evaluation.engines.fault_server import FaultServer, serving

SCRIPTS = Path(__file__).parents[2] / "examples" / "ray"


@pytest.fixture
def script(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run one with `gpg`, and with a `vllm` and a `ray` that write down how they are called."""
    commands = tmp_path / "bin"
    commands.mkdir()

    def run(name: str, *arguments: str, ends: int | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
        stays = "exec sleep 120" if ends is None else f"exit {ends}"
        for command, text in (
            ("vllm", f'echo "$@" > vllm.txt; echo $$ > vllm.pid; {stays}'),
            ("ray", 'echo "$@"'),
            ("gpg", f'exec {sys.executable} -m gpg_cli "$@"'),
        ):
            (commands / command).write_text(f"#!/bin/sh\n{text}\n")
            (commands / command).chmod(0o755)
        environment = os.environ | {"PATH": f"{commands}:{os.environ['PATH']}", "PYTHONPATH": str(SCRIPTS.parents[1])}
        return subprocess.run(
            [SCRIPTS / name, *arguments], env=environment | variables, capture_output=True, text=True, timeout=120
        )

    return run


def test_a_served_model_is_measured_and_its_server_ended(script: Callable, tiny_model: Path) -> None:
    question = ("--bench", "quickstart", "--limit", "3", "--max-tokens", "4", "--output-dir", "measured")
    with serving(FaultServer(models=(str(tiny_model),), max_model_len=64)) as server:
        port = str(urlsplit(server.url).port)
        outcome = script("evaluate.sh", str(tiny_model), *question, PORT=port, MACHINES="2", GPUS="4")
    assert outcome.returncode == 0, outcome.stderr
    assert Path("measured/results.json").is_file()
    assert len({tuple(body["prompt"]) for body in server.bodies}) >= 3
    with pytest.raises(ProcessLookupError):
        os.kill(int(Path("vllm.pid").read_text()), 0)


def test_a_server_that_does_not_start_is_not_waited_for(script: Callable) -> None:
    outcome = script("evaluate.sh", "model", "--bench", "math", ends=1, PORT="1")
    assert outcome.returncode == 1
    assert "the server is not there" in outcome.stderr


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="needs vLLM")
@pytest.mark.parametrize(
    ("spread", "parallel"), [("copies", {"data_parallel_size": 8}), ("layers", {"pipeline_parallel_size": 2})]
)
def test_vllm_has_the_options_that_it_is_given(script: Callable, spread: str, parallel: dict[str, int]) -> None:
    script("evaluate.sh", "model", "--bench", "math", ends=1, SPREAD=spread, GPUS="8", TENSOR_PARALLEL="2", PORT="1")
    command, *arguments = Path("vllm.txt").read_text().split()
    assert command == "serve"
    from vllm.entrypoints.launchers.cli_args import make_arg_parser
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    read = vars(make_arg_parser(FlexibleArgumentParser()).parse_args(arguments))
    assert read.items() >= {"tensor_parallel_size": 2, **parallel}.items()
    assert "ray" in (read["data_parallel_backend"], read["distributed_executor_backend"])


def test_machines_join_the_first(script: Callable) -> None:
    head = script("cluster.sh", "head", "10.0.0.1")
    assert head.stdout.split()[:3] == ["start", "--block", "--head"]
    assert "--address 10.0.0.1:6379" in script("cluster.sh", "worker", "10.0.0.1").stdout
    assert script("cluster.sh", "boss", "10.0.0.1").returncode == 2
    assert "usage: cluster.sh" in script("cluster.sh").stderr
