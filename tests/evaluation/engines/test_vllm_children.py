import importlib.util
import os
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import pytest

from gpg_cli.evaluation.engines import vllm_children

_PARENT = """
import multiprocessing, time
from gpg_cli.evaluation.engines import vllm_children
from tests.evaluation.engines.test_vllm_children import Core

if __name__ == "__main__":
    vllm_children._MAINS = ((Core.__module__, "Core", "run"),)
    with vllm_children.ending_with_us():
        child = multiprocessing.get_context("{method}").Process(target=Core.run, args=(60,))
        child.start()
    assert not hasattr(Core.run, "func")
    time.sleep(60)
"""


class Core:
    """What stands for vLLM's core: it waits, whatever becomes of its parent."""

    @staticmethod
    def run(seconds: float) -> None:
        os.write(1, f"{os.getpid()}\n".encode())
        time.sleep(seconds)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux does it")
@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_a_core_ends_with_the_process_that_started_it(tmp_path: Path, method: str) -> None:
    script = tmp_path / "parent.py"
    script.write_text(_PARENT.format(method=method))
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen([sys.executable, script], env=environment, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        until = time.monotonic() + 10
        while runs(child) and time.monotonic() < until:
            time.sleep(0.02)
        assert not runs(child)


def runs(process_id: int) -> bool:
    try:
        return (Path("/proc") / str(process_id) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed")
def test_vllm_starts_its_processes_where_we_look_for_that() -> None:
    starting = {"run_engine_core": "vllm.v1.engine.utils", "run_coordinator": "vllm.v1.engine.coordinator"}
    for module, owner, name in vllm_children._MAINS:
        assert callable(getattr(getattr(import_module(module), owner), name))
        source = Path(str(import_module(starting[name]).__file__)).read_text()
        assert f"target={owner}.{name}" in source
