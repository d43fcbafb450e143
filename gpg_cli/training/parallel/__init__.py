"""The kinds of parallel training: what each asks of the Trainer, and whether it was given.

ddp: every process holds the whole model. zero2, zero3: DeepSpeed shares out gradients and optimiser state, zero3 the
weights as well. fsdp: PyTorch's own way to share out everything (FSDP2). The files beside this one are their settings.
"""

import functools
import importlib
import importlib.util
import json
import os
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal, get_args

from gpg_cli.errors import GpgError

if TYPE_CHECKING:
    from accelerate import Accelerator

Kind = Literal["ddp", "zero2", "zero3", "fsdp"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@functools.cache
def chosen_by_launcher() -> bool:
    """Whether `accelerate launch` came with a DeepSpeed or FSDP configuration, which then is the one that counts.

    Asked once: accelerate's Accelerator sets the same variables for its own process.
    """
    names = ("ACCELERATE_USE_DEEPSPEED", "ACCELERATE_USE_FSDP")
    return any(os.environ.get(name, "false").lower() in ("true", "1") for name in names)


def training_arguments(kind: Kind) -> dict[str, Any]:
    """What to give TrainingArguments, which fills in every "auto"."""
    if kind == "ddp" or chosen_by_launcher():
        return {}
    config = json.loads((files(__package__) / f"{kind}.json").read_text(encoding="utf-8"))
    if kind == "fsdp":
        return {"fsdp": True, "fsdp_config": config}
    return {"deepspeed": config}


def require_installed(kind: Kind) -> None:
    """Refuse ZeRO where DeepSpeed is missing.

    Raises:
        GpgError: it is.
    """
    if kind in ("zero2", "zero3") and importlib.util.find_spec("deepspeed") is None:
        raise GpgError(f"accelerate: {kind} needs DeepSpeed", 'Install it: pip install "gpg-cli[deepspeed]"')


def adopt_process_group(kind: Kind) -> None:
    """Between the TrainingArguments and the model: tell DeepSpeed of the processes.

    On GPUs transformers does so. On a CPU it starts torch.distributed alone (5.17), and DeepSpeed takes the world for
    one process when a model is loaded for ZeRO-3 ("train_batch_size is not equal to micro_batch_per_gpu * ...").
    """
    import torch

    if kind not in ("zero2", "zero3") or not torch.distributed.is_initialized():
        return
    deepspeed: Any = importlib.import_module("deepspeed")
    if not torch.cuda.is_available():
        # Compiled on first use, which fails without a compiler; training has no use for it (an all-reduce for
        # inference).
        getattr(deepspeed.ops, "__compatible_ops__", {})["deepspeed_shm_comm"] = False
    deepspeed.init_distributed()


def check_not_fallen_back(accelerator: "Accelerator", kind: Kind, world_size: int) -> None:
    """Refuse to train otherwise than was asked: libraries fall back in silence (FSDP on a CPU becomes DDP).

    Raises:
        GpgError: the Trainer's accelerator has other processes, or another kind.
    """
    if accelerator.num_processes != world_size:
        raise GpgError(
            f"{world_size} processes were started, and accelerate trains with {accelerator.num_processes}",
            "Unset ACCELERATE_* variables that an earlier launch left behind, and see gpg env.",
        )
    given = _kind_of(accelerator)
    if given != kind and not chosen_by_launcher():
        raise GpgError(
            f"accelerate: {kind} was asked for, and accelerate made it {given}",
            "FSDP needs GPUs: elsewhere use ddp, zero2 or zero3."
            if kind == "fsdp"
            else "Unset ACCELERATE_* variables that an earlier launch left behind.",
        )


def _kind_of(accelerator: "Accelerator") -> str:
    # The values of accelerate's DistributedType; NO and MULTI_* are plain processes.
    name = str(getattr(accelerator.distributed_type, "value", accelerator.distributed_type))
    if name == "DEEPSPEED":
        return f"zero{accelerator.state.deepspeed_plugin.zero_stage}"
    if name == "FSDP":
        return "fsdp" if accelerator.is_fsdp2 else "fsdp of version 1"
    return "ddp" if name == "NO" or name.startswith("MULTI_") else name


def leave_process_group() -> None:
    """At the end of a process: its threads end before the interpreter does, which they may abort otherwise (gloo)."""
    import torch

    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
