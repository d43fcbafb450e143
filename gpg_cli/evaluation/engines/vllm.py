"""The fast engine: vLLM inside this program, its core in a process of its own that ends with it."""

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gpg_cli.console import say
from gpg_cli.errors import GpgError
from gpg_cli.evaluation.engine import OnFinished, Request, first_line
from gpg_cli.evaluation.model_text import ModelText

# GiB for keys and values on a machine without a GPU; vLLM's own default takes half of the memory.
_CPU_CACHE_GIB = "2"
# As in the protocol of open-rs.
_GPU_MEMORY_SHARE = 0.8


class VllmEngine:
    """Completes prompts with vLLM, float32 on the CPU, bfloat16 on a GPU; every request has a seed of its own.

    What vLLM prints goes into a file, which is named when it does not start; with VLLM_LOGGING_LEVEL set to more than
    errors it goes to stderr. Nothing of it reaches stdout.

    Raises:
        GpgError: vLLM does not start with this model.
    """

    def __init__(self, model_location: str, text: ModelText, max_model_length: int) -> None:
        self._text = text
        self._log = _Log()
        say("Starting vLLM (half a minute) ...")
        failure = f"vLLM does not start with {model_location}"
        with self._explained(failure), self._log.takes_output(), _default_environment():
            self._engine = _start(model_location, max_model_length)

    def generate(self, requests: Sequence[Request], on_finished: OnFinished) -> None:
        """See `Engine`. All requests are given to vLLM at once; it fills its batches from them."""
        waiting = {str(number): request for number, request in enumerate(requests)}
        with self._log.takes_stdout():
            for number, request in waiting.items():
                prompt = {"prompt_token_ids": list(request.token_ids)}
                self._engine.add_request(number, prompt, _sampling_params(request, self._text.stop_ids))
            while waiting:
                with self._explained(f"vLLM died with {len(waiting)} of {len(requests)} completions unfinished"):
                    outputs = self._engine.step()
                for output in outputs:
                    request = waiting.pop(output.request_id)
                    on_finished(request, self._text.completion(output.outputs[0].token_ids))

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        """Whatever vLLM raises, because the model, the memory or the device does not suit it, as a GpgError."""
        try:
            yield
        except Exception as error:
            raise GpgError(
                f"{what}: {self._log.last_error() or first_line(error)}",
                f"--engine transformers does without it. {self._log.keep()}".strip(),
            ) from error

    def close(self) -> None:
        with self._log.takes_output():
            # All results are in: one second to leave in good order, then it is killed.
            self._engine.engine_core.shutdown(timeout=1.0)
        del self._engine
        self._log.remove()


def _start(model_location: str, max_model_length: int) -> Any:
    import torch
    from vllm import EngineArgs, LLMEngine

    return LLMEngine.from_engine_args(
        EngineArgs(
            model=model_location,
            # As the transformers engine has it; the protocol of open-rs says bfloat16.
            dtype="bfloat16" if torch.cuda.is_available() else "float32",
            max_model_len=max_model_length,
            gpu_memory_utilization=_GPU_MEMORY_SHARE,
            # Compiling for a CPU takes longer than most evaluations.
            enforce_eager=not torch.cuda.is_available(),
            enable_prefix_caching=True,
            # Prompts arrive as tokens and leave as tokens: `ModelText` is the one place that knows the tokenizer.
            skip_tokenizer_init=True,
            # A model's own defaults (top_k, repetition_penalty) are not part of a benchmark's sampling.
            generation_config="vllm",
            disable_log_stats=True,
        )
    )


def _sampling_params(request: Request, stop_ids: tuple[int, ...]) -> Any:
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    return SamplingParams(
        temperature=request.sampling.temperature,
        top_p=request.sampling.top_p,
        max_tokens=request.sampling.max_tokens,
        seed=request.sampling.seed,
        stop_token_ids=list(stop_ids),
        detokenize=False,
        output_kind=RequestOutputKind.FINAL_ONLY,
    )


@contextmanager
def _default_environment() -> Iterator[None]:
    """Environment variables that vLLM reads when it starts; what the user has set stands."""
    import torch

    # A forked copy of a process in which torch has computed on several threads hangs at its next computation.
    wanted = {"VLLM_WORKER_MULTIPROC_METHOD": "spawn", "VLLM_LOGGING_LEVEL": "ERROR"}
    if not torch.cuda.is_available():
        wanted["VLLM_CPU_KVCACHE_SPACE"] = _CPU_CACHE_GIB
    ours = {key: value for key, value in wanted.items() if key not in os.environ}
    os.environ.update(ours)
    try:
        yield
    finally:
        for key in ours:
            del os.environ[key]


class _Log:
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
