"""What surrounds vLLM inside this program: its environment variables, its import, and where its output goes."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.engine import first_line

# GiB for keys and values on a machine without a GPU; vLLM's own default takes half of the memory.
_CPU_CACHE_GIB = "2"


def import_vllm() -> Any:
    """The package vllm, imported (ten seconds) without a word on stdout or stderr.

    Raises:
        GpgError: it does not import.
    """
    log = VllmLog()
    try:
        with log.takes_output(), default_environment():
            import vllm

            # The package loads its parts when they are first asked for.
            _ = vllm.EngineArgs
    except Exception as error:  # one of many, of several libraries
        raise GpgError(
            f"vLLM does not import: {first_line(error)}", f"--engine transformers does without it. {log.keep()}".strip()
        ) from error
    log.remove()
    return vllm


@contextmanager
def default_environment(*, several_machines: bool = False) -> Iterator[None]:
    """Environment variables that vLLM reads when it starts; what the user has set stands.

    On one machine its processes meet on 127.0.0.1, wherever the machine's own name leads to.
    """
    import torch

    # A forked copy of a process in which torch has computed on several threads hangs at its next computation.
    wanted = {"VLLM_WORKER_MULTIPROC_METHOD": "spawn", "VLLM_LOGGING_LEVEL": "ERROR"}
    if not several_machines:
        interface = "lo" if sys.platform == "linux" else "lo0"
        wanted |= {"VLLM_HOST_IP": "127.0.0.1", "GLOO_SOCKET_IFNAME": interface, "NCCL_SOCKET_IFNAME": interface}
    if not torch.cuda.is_available():
        wanted["VLLM_CPU_KVCACHE_SPACE"] = _CPU_CACHE_GIB
    ours = {key: value for key, value in wanted.items() if key not in os.environ}
    os.environ.update(ours)
    try:
        yield
    finally:
        for key in ours:
            del os.environ[key]


class VllmLog:
    """Where vLLM's output goes: below Python, because its processes and its C++ write to the file descriptors."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._kept = False
        # ERROR is nobody's wish: importing TRL sets it.
        if os.environ.get("VLLM_LOGGING_LEVEL", "ERROR") == "ERROR":
            descriptor, name = tempfile.mkstemp(prefix="gpg-vllm-", suffix=".log")
            os.close(descriptor)
            self._path = Path(name)

    @contextmanager
    def takes_output(self) -> Iterator[None]:
        """While a process starts or ends: stdout and stderr. Processes started meanwhile keep to it all their life."""
        with self._redirected(1, 2):
            yield

    @contextmanager
    def takes_stdout(self) -> Iterator[None]:
        """While the progress bar is on stderr: stdout."""
        with self._redirected(1):
            yield

    def last_error(self) -> str:
        """The last line that tells of an error; empty where there is none."""
        lines = self._path.read_text(errors="replace").splitlines() if self._path else []
        errors = [line for line in lines if "Error: " in line]
        return errors[-1][errors[-1].rindex("Error: ") + len("Error: ") :] if errors else ""

    def keep(self) -> str:
        """A sentence that says where the log can be read, from now on also when the engine is closed."""
        if self._path is None or not self._path.read_text(errors="replace").strip():
            return ""
        self._kept = True
        return f"vLLM's own words: {self._path}"

    def remove(self) -> None:
        if self._path and not self._kept:
            self._path.unlink(missing_ok=True)

    @contextmanager
    def _redirected(self, *descriptors: int) -> Iterator[None]:
        sys.stdout.flush()
        sys.stderr.flush()
        saved = [os.dup(descriptor) for descriptor in descriptors]
        target = os.open(self._path, os.O_WRONLY | os.O_APPEND) if self._path else os.dup(2)
        try:
            for descriptor in descriptors:
                os.dup2(target, descriptor)
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for descriptor, copy in zip(descriptors, saved, strict=True):
                os.dup2(copy, descriptor)
                os.close(copy)
            os.close(target)
