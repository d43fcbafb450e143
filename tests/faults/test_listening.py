"""No port is open to the network: not while training, in one process or several, nor while measuring."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults import LONG
from tests.faults.listening import Watch, is_loopback, listening_addresses

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
TRAIN = ("train", "--preset", "quickstart", "--max-steps", "1", "--set", "eval_bench=null", "--output-dir", "run")


def watched(*arguments: str | Path) -> set[str]:
    """What a command and its processes listened on."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "gpg_cli", *map(str, arguments)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    with Watch(process.pid) as watch:
        said, _ = process.communicate()
    assert process.returncode == 0, said
    return watch.seen


def test_the_watch_sees_who_listens_where() -> None:
    program = "import socket; s = socket.socket(); s.bind(('{}', 0)); s.listen(); print(flush=True); input()"
    for host, local in (("127.0.0.1", True), ("0.0.0.0", False)):
        command = [sys.executable, "-c", program.format(host)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            process.stdout.readline()
            [address] = listening_addresses(process.pid)
            assert address.startswith(host)
            assert is_loopback(address) is local
            process.communicate("\n")
    assert [is_loopback(address) for address in ("::1:5", ":::5", "::ffff:127.0.0.1:5")] == [True, False, True]


@pytest.mark.slow
def test_training_alone_listens_nowhere() -> None:
    assert watched(*TRAIN) == set()


@pytest.mark.slow
def test_processes_meet_out_of_the_networks_reach(tally: Callable[[str, int], None]) -> None:
    seen = watched(*TRAIN, "--num-processes", "2")
    assert seen
    assert all(map(is_loopback, seen)), seen
    tally("sockets that listened, all on this machine", len(seen))


@pytest.mark.parametrize(
    "engine", [pytest.param("transformers", marks=pytest.mark.slow), pytest.param("vllm", marks=LONG)]
)
def test_an_evaluation_listens_on_this_machine_alone(
    untrained_quickstart: Path, engine: str, tally: Callable[[str, int], None]
) -> None:
    options = ("--bench", "quickstart", "--limit", "1", "--max-tokens", "4", "--engine", engine)
    seen = watched("eval", "--model", untrained_quickstart, *options)
    assert all(map(is_loopback, seen)), seen
    tally("sockets that listened, all on this machine", len(seen))
