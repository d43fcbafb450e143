"""Whole weights of a checkpoint that ZeRO or FSDP left in shards, one for each process.

DeepSpeed's and PyTorch's own readers put the shards together, on the CPU. The memory holds one copy of the model, in
float32: each tensor is read into its place in an empty model.
"""

import importlib
import importlib.util
import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpg_cli.errors import GpgError
from gpg_cli.model_files import loading
from gpg_cli.pickles import INDEX, check_index, check_zero, zero_folder
from gpg_cli.pretrained import load
from gpg_cli.publishing.loading import model_class
from gpg_cli.publishing.source import FSDP_SHARDS, Kind

if TYPE_CHECKING:
    from torch import Tensor


def shard_files(folder: Path, kind: Kind) -> list[Path]:
    """The files of a checkpoint that hold its weights in shards.

    Args:
        kind: `zero` or `fsdp`.
    """
    if kind == "fsdp":
        return sorted(path for path in (folder / FSDP_SHARDS).iterdir() if path.is_file())
    return sorted(zero_folder(folder).glob("*.pt"))


def consolidated_bytes(folder: Path, kind: Kind) -> int:
    """At most so many bytes the weights take in float32."""
    total = sum(file.stat().st_size for file in shard_files(folder, kind))
    # ZeRO keeps Adam's two moments with the float32 weights.
    return total // 3 if kind == "zero" else total


def consolidate(folder: Path, kind: Kind, model_files: Path, target: Path) -> None:
    """Write a model folder, float32, of a checkpoint in shards.

    Args:
        folder: the checkpoint.
        kind: `zero` or `fsdp`.
        model_files: holds the model's config.json (the checkpoint itself, or its base model).
        target: an empty folder.

    Raises:
        GpgError: DeepSpeed is missing; shards are missing or do not fit the model; or a file refers to code that no
            checkpoint needs.
    """
    from transformers import AutoConfig

    check_shards(folder, kind)
    config = load(AutoConfig, model_files, local_files_only=True)
    model = _empty_model(model_class(config), config)
    weights = model.state_dict()
    (_fill_from_zero if kind == "zero" else _fill_from_fsdp)(folder, weights)
    # By the model itself, so that tensors have the names and ties that its loader expects.
    with loading(target):
        model.save_pretrained(target, max_shard_size="5GB")


def check_shards(folder: Path, kind: Kind) -> None:
    """Refuse shards that cannot be put together, before anything is written.

    Raises:
        GpgError: see `consolidate`.
    """
    if kind == "zero":
        if importlib.util.find_spec("deepspeed") is None:
            raise GpgError(
                f"{folder} is a ZeRO checkpoint, which DeepSpeed reads", 'Install it: pip install "gpg-cli[deepspeed]"'
            )
        _check_zero_shards(zero_folder(folder))
    else:
        check_index(folder / FSDP_SHARDS / INDEX)


def _check_zero_shards(shards: Path) -> None:
    if not any(shards.glob("*_model_states.pt")):
        raise GpgError(f"{shards} holds no model states", "Copy the checkpoint again, whole.")
    check_zero(shards)


def _empty_model(kind: type, config: Any) -> Any:
    """A model whose weights are memory that nothing was written to, in float32."""
    import torch

    with torch.device("meta"):
        model = kind(config)
    model = model.to(torch.float32).to_empty(device="cpu")
    model.tie_weights()
    return model


def _fill_from_zero(folder: Path, weights: Mapping[str, "Tensor"]) -> None:
    os.environ.setdefault("DS_ACCELERATOR", "cpu")
    with _quietly():
        reader = importlib.import_module("deepspeed.utils.zero_to_fp32")
        try:
            found = reader.get_fp32_state_dict_from_zero_checkpoint(str(folder), lazy_mode=True)
        except Exception as error:  # FileNotFoundError, ValueError, KeyError, ...: whatever is wrong with the shards
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise GpgError(f"DeepSpeed cannot read {folder}: {reason}", "Copy the checkpoint again, whole.") from error
        _check_fits(folder, weights, {name: tuple(tensor.shape) for name, tensor in found.items()})
        for name, tensor in weights.items():
            if name in found:
                # A gathered one reads its parts only now.
                tensor.copy_(found[name].contiguous())


def _fill_from_fsdp(folder: Path, weights: Mapping[str, "Tensor"]) -> None:
    from torch.distributed import checkpoint

    reader = checkpoint.FileSystemReader(folder / FSDP_SHARDS)
    prefix = "model."
    try:
        metadata = reader.read_metadata().state_dict_metadata
        shapes = {name.removeprefix(prefix): tuple(entry.size) for name, entry in metadata.items()}
        _check_fits(folder, weights, shapes)
        # In place; without a process group this process reads every shard. It says so in a warning.
        with _quietly():
            present = {f"{prefix}{name}": tensor for name, tensor in weights.items() if name in shapes}
            checkpoint.load(present, storage_reader=reader, no_dist=True)
    except GpgError:
        raise
    except Exception as error:  # CheckpointException, OSError, ...: whatever is wrong with the shards
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise GpgError(f"PyTorch cannot read {folder}: {reason}", "Copy the checkpoint again, whole.") from error


def _check_fits(folder: Path, weights: Mapping[str, "Tensor"], found: Mapping[str, tuple[int, ...]]) -> None:
    if any(name.startswith("base_model.model.") for name in found):
        raise GpgError(
            f"{folder} holds the shards of a LoRA training",
            "Export the adapter: a checkpoint with adapter_model.safetensors, or RUN/adapter.",
        )
    places = {tensor.data_ptr() for name, tensor in weights.items() if name in found}
    # Of tensors that are tied one is enough.
    missing = [name for name, tensor in weights.items() if name not in found and tensor.data_ptr() not in places]
    other = [name for name, shape in found.items() if name not in weights or tuple(weights[name].shape) != shape]
    if missing or other:
        raise GpgError(
            f"the shards in {folder} do not fit the model: {(missing or other)[0]} "
            + ("is missing" if missing else "is not in it, or has another shape"),
            "Copy the checkpoint again, whole; --base MODEL names another configuration.",
        )


@contextmanager
def _quietly() -> Iterator[None]:
    """Without what libraries print: their files, their progress bars, their doubts."""
    import warnings

    with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
