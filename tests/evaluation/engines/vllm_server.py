"""The real `vllm serve` on loopback, in processes of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

KEY = "sk-of-the-test-server"
START_S = 300


@contextmanager
def serving_vllm(model: Path, log: Path, max_model_length: int, *options: str) -> Iterator[str]:
    """Start it, wait until it answers, and end it after the block; gives its base URL. It wants the key `KEY`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model), "--host", "127.0.0.1"]
    usual = ["--port", str(port), "--dtype", "float32", "--enforce-eager", "--max-model-len", str(max_model_length)]
    environment = os.environ | {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_API_KEY": KEY}
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, *usual, *options],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}/health", process, log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        with suppress(httpx.HTTPError):
            if httpx.get(url, trust_env=False).is_success:
                return
        time.sleep(0.5)
    pytest.fail(f"vllm serve did not start:\n{log.read_text()[-4000:]}")
