"""What is loaded of a model's folder or repository: no code of its own, no pickles, no file from elsewhere.

Every `from_pretrained` of the program that could do one of these goes through here. The options that allow more are in
gpg_cli/trust.py.
"""

import json
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gpg_cli import trust
from gpg_cli.errors import GpgError

_INDEX = "*.safetensors.index.json"
_SAFETENSORS = "*.safetensors"
# Weights as PyTorch, and long ago TensorFlow and Flax, pickled them.
_PICKLED = ("pytorch_model*.bin", "adapter_model.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack")
_READABLE = ("pytorch_model*.bin", "adapter_model.bin")
# Weights of a large model have an index of a few MB.
_MOST_INDEX_BYTES = 100_000_000
# What refers to code in a configuration, and the files that may do so.
_CODE_KEY = "auto_map"


def load(kind: Any, location: str | Path, **options: Any) -> Any:
    """`kind.from_pretrained(location, ...)`, which runs code of the model's own only where that was allowed.

    Args:
        kind: a class of transformers, `AutoConfig` for instance.

    Raises:
        GpgError: it needs such code, and nobody allowed it. Else what the class raises.
    """
    with explained(location):
        return kind.from_pretrained(location, trust_remote_code=trust.granted().remote_code, **options)


def load_weights(kind: Any, location: str | Path, **options: Any) -> Any:
    """The same for a class of models: with weights from safetensors, or where that was allowed from tensors in pickles.

    Raises:
        GpgError: see `load` and `check_weights`. Else what the class raises.
    """
    check_weights(location)
    return load(kind, location, **weights_options(), **options)


def weights_options() -> dict[str, Any]:
    """For `from_pretrained` of a model: which weights are read, and how."""
    return {"use_safetensors": None if trust.granted().pickle else True, "weights_only": True}


@contextmanager
def explained(location: str | Path) -> Iterator[None]:
    """Say in words that libraries refused to run what a model, or a checkpoint, brings; both advise to let it run.

    Raises:
        GpgError: they did.
    """
    try:
        yield
    except ValueError as error:
        if "trust_remote_code" not in str(error):
            raise
        raise GpgError(
            f"{location} brings Python code of its own, which would have to run here to load it",
            f"Read that code; if you trust it: {trust.REMOTE_CODE}. Nothing but this option allows it.",
        ) from error
    except pickle.UnpicklingError as error:
        raise GpgError(
            f"a pickle in {location} holds more than tensors: reading it could run anything",
            "Do not trust it: take another copy, from its author, in safetensors.",
        ) from error


def check_weights(location: str | Path) -> None:
    """Refuse a folder whose weights are pickles, or lie elsewhere; a Hub id, and a folder without any, pass.

    Raises:
        GpgError: the first thing that is wrong.
    """
    folder = Path(location)
    if not folder.is_dir():
        return
    for index in sorted(folder.glob(_INDEX)):
        _check_index(index)
    if any(folder.glob(_SAFETENSORS)) or any(folder.glob(_INDEX)):
        return
    found = sorted(path.name for pattern in _PICKLED for path in folder.glob(pattern))
    if not found:
        return
    readable = any(Path(name).match(pattern) for name in found for pattern in _READABLE)
    if not readable:
        raise GpgError(f"{folder} holds no weights in safetensors, but {found[0]}", _convert_hint())
    if not trust.granted().pickle:
        raise GpgError(
            f"{folder} holds its weights as a pickle ({found[0]}), which can run code when it is read",
            f"Take a version in safetensors, or allow it: {trust.PICKLE} reads tensors from it and refuses all else.",
        )


def check_adapter(folder: Path) -> None:
    """Refuse an adapter whose configuration names a module of Python that PEFT would import (read in PEFT 0.21).

    Raises:
        GpgError: it does.
    """
    try:
        config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return  # missing or broken: its reader says so
    if isinstance(config, dict) and config.get("megatron_config"):
        raise GpgError(
            f"{folder / 'adapter_config.json'} has PEFT import the module {str(config.get('megatron_core'))[:80]!r}",
            "Adapters of Megatron are not read here; do not trust this one if you expected another.",
        )


def brings_code(folder: Path) -> bool:
    """Whether the configuration in a folder refers to code."""
    for name in ("config.json", "tokenizer_config.json", "processor_config.json", "preprocessor_config.json"):
        try:
            value = json.loads((folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(value, dict) and value.get(_CODE_KEY):
            return True
    return False


def _convert_hint() -> str:
    return "Convert them where you trust them: load the model with transformers and save_pretrained it elsewhere."


def _check_index(index: Path) -> None:
    """An index comes with a downloaded model: it may name its neighbours, and nothing else on this machine."""
    try:
        if index.stat().st_size > _MOST_INDEX_BYTES:
            raise GpgError(f"{index} is too large to be an index of weights", "Copy the model again, whole.")
        weights = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        names = {str(name) for name in weights.values()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise GpgError(f"{index} names no weights", "Restore the file, or save the model again.") from error
    for name in sorted(names):
        if Path(name).name != name or not name.endswith(".safetensors"):
            raise GpgError(
                f"{index} names {name!r}, which is no safetensors file beside it",
                "Weights lie in the model's own folder: do not trust this one.",
            )
