"""When memory runs out: what was being done, which setting decides about it, and the next smaller value to try."""

import torch

from gpg_cli.errors import GpgError
from gpg_cli.training.config import TrainerConfig

PHASES = ("generate", "reward", "train")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that there is no memory left, on a GPU or in RAM."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text)


def explain_out_of_memory(phase: str, config: TrainerConfig, microbatch_rows: int) -> GpgError:
    """The two lines for a user whose step did not fit.

    Args:
        phase: one of `PHASES`.
        config: of the run.
        microbatch_rows: completions of a micro-batch, as the user set them.
    """
    message = {
        "generate": f"out of memory while sampling completions of up to {config.max_completion_length} tokens",
        "reward": "out of memory while computing rewards",
        "train": f"out of memory in the forward and backward pass of a micro-batch of {microbatch_rows} completions",
    }[phase]
    if phase == "reward":
        return GpgError(message, "A reward function holds too much; use fewer completions a step.")
    if phase == "generate":
        if config.use_vllm and config.vllm_mode == "colocate":
            smaller = max(0.05, round(config.vllm_gpu_memory_utilization - 0.1, 2))
            hint = f"Give vLLM less of the GPU: --set vllm_gpu_memory_utilization={smaller}"
            return GpgError(message, f"{hint} (now {config.vllm_gpu_memory_utilization}).")
        return GpgError(message, f"Shorten them: --set max_completion_length={config.max_completion_length // 2}")
    tokens = getattr(config, "max_tokens_per_microbatch", None)
    if tokens is not None:
        return GpgError(message, f"Make it smaller: --set max_tokens_per_microbatch={max(1, tokens // 2)}")
    if microbatch_rows > 1:
        rows = microbatch_rows // 2
        return GpgError(
            message,
            f"Make it smaller: --set per_device_train_batch_size={rows} and gradient_accumulation_steps twice as many",
        )
    if not config.gradient_checkpointing:
        return GpgError(message, "Trade time for memory: --set gradient_checkpointing=true")
    return GpgError(message, f"Shorten them: --set max_completion_length={config.max_completion_length // 2}")
