"""What this machine can do, and what of a preset's wishes it cannot."""

import dataclasses
import importlib.util
import platform
from typing import Any

import torch

from gpg_cli.errors import GpgError
from gpg_cli.training.config import TrainerConfig
from gpg_cli.training.settings import RunSettings, Settings

_INSTALL_VLLM = 'Install it with `pip install "gpg-cli[vllm]"`, or sample without it: --vllm off'

# Those that trackers.py knows; transformers has callbacks for others.
TRACKERS = ("tensorboard", "trackio", "wandb")


def fit_to_hardware(settings: Settings) -> tuple[Settings, list[str]]:
    """Settings this machine can run, and one sentence for each wish that was given up.

    A preset is written for GPUs; on a laptop the same line should train, slowly, instead of failing in a library.

    Raises:
        GpgError: the settings sample with vLLM, which is not installed.
    """
    notes: list[str] = []
    trainer: dict[str, Any] = dict(settings.trainer)
    run: RunSettings = settings.run
    gpu = torch.cuda.is_available()
    has_flash_attention = gpu and importlib.util.find_spec("flash_attn") is not None
    if (run.attn_implementation or "").startswith("flash_attention") and not has_flash_attention:
        notes.append(f"No {run.attn_implementation} here: using PyTorch's own attention (sdpa).")
        run = run.model_copy(update={"attn_implementation": "sdpa"})
    if not gpu:
        trainer["use_cpu"] = True
    if trainer.get("use_vllm"):
        if not gpu and trainer.get("vllm_mode", "colocate") == "colocate":
            # vLLM's CPU build starts, but TRL cannot hand new weights to it.
            notes.append("No GPU here: sampling with transformers instead of vLLM.")
            trainer["use_vllm"] = False
        elif importlib.util.find_spec("vllm") is None:
            raise GpgError("these settings sample with vLLM, which is not installed", _INSTALL_VLLM)
    bf16_works = gpu and torch.cuda.is_bf16_supported()
    if not bf16_works and trainer.get("bf16", not trainer.get("fp16", False)):
        # TRL switches bf16 on where nothing is said; autocast on a CPU is slower than float32.
        if trainer.get("bf16"):
            notes.append("No bfloat16 arithmetic here: training in float32.")
        trainer["bf16"] = False
    _leave_out_trackers(trainer, notes)
    return dataclasses.replace(settings, run=run, trainer=trainer), notes


def _leave_out_trackers(trainer: dict[str, Any], notes: list[str]) -> None:
    """transformers would refuse to start without one that a recipe names."""
    from transformers.integrations import get_available_reporting_integrations

    wanted = trainer.get("report_to") or []
    wanted = [wanted] if isinstance(wanted, str) else list(wanted)
    here = {"none", "all", *get_available_reporting_integrations()}
    missing = [name for name in wanted if name not in here]
    if missing:
        packages = " ".join('"gpg-cli[trackers]"' if name in TRACKERS else name for name in missing)
        notes.append(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed: the run's metrics.jsonl "
            f"has every step. To report to {'it' if len(missing) == 1 else 'them'} too: pip install {packages}"
        )
        trainer["report_to"] = [name for name in wanted if name in here] or "none"


def take_trackers(config: TrainerConfig) -> tuple[str, ...]:
    """Of the trackers in `report_to`, those that trackers.py tells are taken out of it and returned."""
    ours = tuple(name for name in config.report_to if name in TRACKERS)
    config.report_to = [name for name in config.report_to if name not in TRACKERS]
    return ours


def describe_hardware() -> str:
    """One line for run.json and the model card."""
    if torch.cuda.is_available():
        count = torch.cuda.device_count()
        return f"{count} x {torch.cuda.get_device_name(0)}"
    return f"CPU ({platform.machine()}, {torch.get_num_threads()} threads)"
