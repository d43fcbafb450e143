"""The fast engine: vLLM inside this program, its core in processes of its own that end with it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

from gpg_cli import trust
from gpg_cli.console import say
from gpg_cli.errors import GpgError
from gpg_cli.evaluation.engine import GO_ON_HINT, OnFinished, Request, first_line
from gpg_cli.evaluation.engines.pictures import PromptReader
from gpg_cli.evaluation.engines.vllm_children import ending_with_us
from gpg_cli.evaluation.engines.vllm_pictures import picture_arguments, vllm_prompt
from gpg_cli.evaluation.engines.vllm_process import VllmLog, default_environment
from gpg_cli.evaluation.engines.vllm_replicas import Asked, start_replicas
from gpg_cli.evaluation.model_text import ModelText
from gpg_cli.pretrained import check_weights

# As in the protocol of open-rs.
_GPU_MEMORY_SHARE = 0.8
# GPUs that one copy of the model uses: the product of these arguments.
_GPUS_PER_REPLICA = ("tensor_parallel_size", "pipeline_parallel_size", "prefill_context_parallel_size")
# Of a copy that is spread over machines, which must reach each other.
_SEVERAL_MACHINES = {"nnodes", "node_rank", "master_addr", "data_parallel_address", "distributed_executor_backend"}


class VllmEngine:
    """Completes prompts with vLLM, float32 on the CPU, bfloat16 on a GPU; every request has a seed of its own.

    One copy of the model runs on each visible GPU (or on each `tensor_parallel_size` of them), and the requests are
    spread over the copies. What vLLM prints goes into a file, which is named when it does not start; with
    VLLM_LOGGING_LEVEL set to more than errors it goes to stderr. Nothing of it reaches stdout.

    Args:
        model_location: a model folder, or a Hub id.
        text: the model's tokenizer and end tokens.
        max_model_length: longest prompt and completion together that will be asked for, in tokens.
        arguments: fields of vLLM's EngineArgs; they win over what is chosen here.

    Raises:
        GpgError: vLLM does not start with this model, or `max_model_len` is too short.
    """

    def __init__(
        self, model_location: str, text: ModelText, max_model_length: int, arguments: Mapping[str, Any] | None = None
    ) -> None:
        self._text = text
        check_weights(model_location)
        everything = _engine_arguments(model_location, text, max_model_length, arguments or {})
        self._log = VllmLog()
        copies = everything["data_parallel_size"]
        say(f"Starting vLLM{f' with {copies} copies of the model' if copies > 1 else ''} (half a minute) ...")
        failure, hint = f"vLLM does not start with {model_location}", "--engine transformers does without it."
        environment = default_environment(several_machines=_SEVERAL_MACHINES.intersection(arguments or {}) != set())
        with self._explained(failure, hint), self._log.takes_output(), environment, ending_with_us():
            self._replicas = start_replicas(everything)

    def generate(self, requests: Sequence[Request], on_finished: OnFinished) -> None:
        """See `Engine`. vLLM always has more requests than it can run at once; it fills its batches from them.

        Pictures are decoded when it takes their request.
        """
        reader = PromptReader(self._text)
        reader.check(requests)
        waiting = {str(number): request for number, request in enumerate(requests)}
        prompts = {
            number: Asked(partial(vllm_prompt, request), _sampling_params(request, self._text.stop_ids))
            for number, request in waiting.items()
        }
        with self._log.takes_stdout(), closing(self._replicas.complete(prompts)) as finished:
            while waiting:
                failure = f"vLLM died with {len(waiting)} of {len(requests)} completions unfinished"
                with self._explained(failure, GO_ON_HINT):
                    done = next(finished)
                request = waiting.pop(done.name)
                _check_prompt(done.prompt_length, len(reader.token_ids(request)))
                on_finished(request, self._text.completion(done.token_ids))

    @contextmanager
    def _explained(self, what: str, hint: str) -> Iterator[None]:
        """Whatever vLLM raises, because the model, the memory or the device does not suit it, as a GpgError."""
        try:
            yield
        except GpgError:  # a picture that has gone since it was looked at
            raise
        except Exception as error:
            raise GpgError(
                f"{what}: {self._log.last_error() or first_line(error)}",
                f"{hint} {self._log.keep()}".strip(),
            ) from error

    def close(self) -> None:
        with self._log.takes_output():
            # All results are in: one second to leave in good order, then it is killed.
            self._replicas.shutdown(timeout_s=1.0)
        del self._replicas
        self._log.remove()


def _engine_arguments(
    model_location: str, text: ModelText, max_model_length: int, given: Mapping[str, Any]
) -> dict[str, Any]:
    import torch

    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    on_cpu = {
        # Compiling for a CPU takes longer than most evaluations.
        "enforce_eager": True,
        # On a CPU vLLM 0.31 dies where the prompt of a request with a seed is read in several parts ("CPU Generator
        # does not use offset").
        "enable_chunked_prefill": False,
    }
    arguments = {
        "model": model_location,
        # As the transformers engine has it; the protocol of open-rs says bfloat16.
        "dtype": "bfloat16" if gpus else "float32",
        "max_model_len": max_model_length,
        "gpu_memory_utilization": _GPU_MEMORY_SHARE,
        "data_parallel_size": replicas_on(gpus, given),
        "enable_prefix_caching": True,
        # Prompts arrive as tokens and leave as tokens: `ModelText` is the one place that knows the tokenizer.
        "skip_tokenizer_init": True,
        # A model's own defaults (top_k, repetition_penalty) are not part of a benchmark's sampling.
        "generation_config": "vllm",
        "disable_log_stats": True,
        # Its own choice falls back on pickles.
        "load_format": "auto" if trust.granted().pickle else "safetensors",
        "trust_remote_code": trust.granted().remote_code,
        **picture_arguments(model_location, text),
        **({} if gpus else on_cpu),
        **given,
    }
    longest = arguments["max_model_len"]
    if isinstance(longest, int) and 0 < longest < max_model_length:  # -1 means what fits into the memory
        raise GpgError(
            f"--engine-arg max_model_len={longest} is shorter than the longest prompt and completion, which may have "
            f"{max_model_length} tokens together",
            "Lower --max-tokens, or leave max_model_len out.",
        )
    return arguments


def replicas_on(gpus: int, arguments: Mapping[str, Any]) -> int:
    """How many copies of the model that many GPUs have room for; one where there is no GPU."""
    sizes = [arguments.get(key) for key in _GPUS_PER_REPLICA]
    return max(1, gpus // math.prod(size for size in sizes if isinstance(size, int) and size > 0))


def _check_prompt(read: int, meant: int) -> None:
    if read != meant:
        raise GpgError(
            f"vLLM has read a prompt of {meant} tokens as one of {read}",
            "Its processor differs from the model's: leave mm_processor_kwargs out, or --engine transformers.",
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
