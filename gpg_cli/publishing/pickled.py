"""Weights that are pickles, made into safetensors on their way out; only where the user allowed it."""

from pathlib import Path

from gpg_cli import trust
from gpg_cli.publishing.loading import load_model, loading

_PICKLED = "pytorch_model*.bin"


def is_pickled(folder: Path) -> bool:
    """Whether the weights of a model folder are a pickle alone, and may be read."""
    has_others = any(folder.glob("model*.safetensors*"))
    return trust.granted().pickle and not has_others and any(folder.glob(_PICKLED))


def pickled_bytes(folder: Path) -> int:
    """How much they take on disk."""
    return sum(path.stat().st_size for path in folder.glob(_PICKLED))


def convert(folder: Path, target: Path) -> None:
    """Write a model folder with the same weights in safetensors, in the dtype they have.

    Raises:
        GpgError: the pickle holds more than tensors, or not those of the model.
    """
    model = load_model(folder)
    with loading(target):
        model.save_pretrained(target, max_shard_size="5GB")
