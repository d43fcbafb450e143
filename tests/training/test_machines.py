"""Two machines, each a network namespace of its own with one cable between them, train as one machine does."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).parents[2]
# Of a block that RFC 5737 keeps for examples: no machine has one of them.
ADDRESSES = ("192.0.2.1", "192.0.2.2")
# All else of a line must be the same.
MEASURED = ("speed/", "time/", "memory/")


@contextmanager
def two_machines() -> Iterator[list[str]]:
    """Names of two network namespaces that reach each other at ADDRESSES, and nothing else."""
    names = [f"gpg-{os.getpid()}-{number}" for number in (0, 1)]
    cables = [f"gpg{os.getpid()}.{number}" for number in (0, 1)]

    def ip(*arguments: str) -> None:
        subprocess.run(["ip", *arguments], check=True, capture_output=True)

    with ExitStack() as stack:
        try:
            for name in names:
                ip("netns", "add", name)
                stack.callback(ip, "netns", "del", name)
            ip("link", "add", cables[0], "type", "veth", "peer", "name", cables[1])
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"needs root and network namespaces (ip netns, veth): {getattr(error, 'stderr', error)!r}")
        for name, cable, address in zip(names, cables, ADDRESSES, strict=True):
            ip("link", "set", cable, "netns", name, "name", "eth0")
            ip("-n", name, "address", "add", f"{address}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield names


@pytest.fixture
def recipe(tiny_model: Path, json_lines: Callable) -> Path:
    rows = json_lines(*({"problem": f"1{n}+1{n}=", "answer": str(20 + 2 * n)} for n in range(12)))
    path = Path("recipe.yaml")
    path.write_text(
        f"model_name_or_path: {tiny_model}\ndataset_name: {rows}\nuse_chat_template: false\nreward_funcs: [cosine]\n"
        "cosine_max_len: 20\nnum_generations: 4\nper_device_train_batch_size: 4\nmax_completion_length: 8\n"
        "learning_rate: 0.001\nmax_steps: 2\nsave_strategy: steps\nsave_steps: 2\ngradient_checkpointing: false\n"
        "bf16: false\n"
    )
    return path


def gpg_train(recipe: Path, run: str, *arguments: str, on: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    command = [*on, sys.executable, "-m", "gpg_cli", "train", "--config", str(recipe), "--output-dir", run, *arguments]
    # Gloo asks where the machine's own name leads, which is nowhere in a namespace.
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT)} | ({"GLOO_SOCKET_IFNAME": "eth0"} if on else {})
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def outcomes(*running: subprocess.Popen[str]) -> list[str]:
    """What each said on stdout, of which none may fail."""
    try:
        ended = [process.communicate(timeout=600) for process in running]
    finally:
        for process in running:
            process.kill()
    for process, (_, errors) in zip(running, ended, strict=True):
        assert process.returncode == 0, errors
    return [out for out, _ in ended]


def lines_of(run: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (Path(run) / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if not name.startswith(MEASURED)} for line in lines]


@pytest.mark.skipif(shutil.which("ip") is None, reason="needs iproute2")
def test_two_machines_end_with_the_weights_of_one(recipe: Path) -> None:
    several = ("--num-machines", "2", "--main-process-ip", ADDRESSES[0], "--num-processes", "1")
    with two_machines() as names:
        first, second = outcomes(
            *(
                gpg_train(recipe, "two", *several, "--machine-rank", str(rank), on=("ip", "netns", "exec", names[rank]))
                for rank in (0, 1)
            )
        )
    outcomes(gpg_train(recipe, "one", "--num-processes", "2"))

    assert first.count("Done. 2 steps") == 1
    assert second == "", "the first machine tells how it went"
    assert json.loads(Path("two/run.json").read_text())["processes"] == 2
    assert len(lines_of("two")) == 2
    assert lines_of("two") == lines_of("one")
    assert any(line["grad_norm"] > 0 for line in lines_of("two"))
    expected, found = (load_file(f"{run}/model/model.safetensors") for run in ("one", "two"))
    assert expected.keys() == found.keys()
    assert all(found[name].equal(value) for name, value in expected.items())
    assert Path("two/checkpoint-2").is_dir()
