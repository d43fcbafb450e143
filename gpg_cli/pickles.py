"""Pickles that libraries read whole: nothing in them may refer to more than a checkpoint needs.

DeepSpeed reads the files of a ZeRO checkpoint, and PyTorch the index of a sharded one, as pickles that can run
anything. They are looked at first, by names alone; what refers to something unknown is never read. All other pickles of
a checkpoint (optimizer.pt, scheduler.pt, rng_state.pth) are read by PyTorch's reader of tensors, and
training_args.bin by nobody.
"""

import io
import pickle
from pathlib import Path
from typing import Any

from gpg_cli.errors import GpgError

INDEX = ".metadata"
# What pickles of DeepSpeed 0.19 and of PyTorch's distributed checkpoints refer to; others can run anything.
_KNOWN_MODULES = (
    "deepspeed.runtime.fp16.loss_scaler.",
    "deepspeed.runtime.zero.",
    "deepspeed.utils.tensor_fragment.",
    "torch.distributed.checkpoint.metadata.",
    "torch.distributed.checkpoint.filesystem._StorageInfo",
)
_KNOWN_NAMES = {
    *("torch.float32", "torch.float16", "torch.bfloat16", "torch.int64", "torch.int32", "torch.bool", "torch.strided"),
    *("torch.Size", "torch.serialization._get_layout", "collections.OrderedDict"),
    *("torch.contiguous_format", "torch.preserve_format", "pathlib.PosixPath", "pathlib.WindowsPath"),
}
_COPY = "Copy the checkpoint again, whole."


def check_checkpoint(folder: Path) -> None:
    """Look at every pickle that going on from a checkpoint would read whole.

    Raises:
        GpgError: one refers to code that no checkpoint needs, or cannot be read; `latest` names no folder of it.
    """
    if (folder / "latest").is_file() or any(folder.glob("global_step*")):
        check_zero(zero_folder(folder))
    for index in sorted(folder.glob(f"*/{INDEX}")):
        check_index(index)


def zero_folder(folder: Path) -> Path:
    """The folder that `latest` names, as DeepSpeed looks for it.

    Raises:
        GpgError: it names none, or one elsewhere.
    """
    latest = folder / "latest"
    name = latest.read_text(encoding="utf-8").strip() if latest.is_file() else ""
    found = folder / name
    # A name only: the file may come from elsewhere.
    if not name or Path(name).name != name or not found.is_dir():
        raise GpgError(f"{latest} does not name the folder of the shards", _COPY)
    return found


def check_zero(shards: Path) -> None:
    """Look at the files of a ZeRO checkpoint.

    Raises:
        GpgError: one refers to code that no checkpoint needs, or cannot be read.
    """
    from torch.serialization import get_unsafe_globals_in_checkpoint

    for file in sorted(shards.glob("*.pt")):
        try:
            found = get_unsafe_globals_in_checkpoint(file)
        except Exception as error:  # a file cut short: zipfile's, pickle's and torch's own
            raise GpgError(f"{file} cannot be read: {error}", _COPY) from error
        unknown = [name for name in found if not _is_known(name)]
        if unknown:
            raise _unknown(unknown[0], file)


def check_index(index: Path) -> None:
    """Look at the index of a checkpoint that PyTorch wrote in shards.

    Raises:
        GpgError: it refers to code that no checkpoint needs, or cannot be read.
    """
    try:
        _KnownOnly(io.BytesIO(index.read_bytes())).load()
    except pickle.UnpicklingError as error:
        raise _unknown(str(error), index) from error
    except Exception as error:  # EOFError, AttributeError, ...: what a broken pickle makes of itself
        raise GpgError(f"{index} cannot be read: {error}", _COPY) from error


def _is_known(name: str) -> bool:
    return name in _KNOWN_NAMES or name.startswith(_KNOWN_MODULES)


def _unknown(name: str, file: Path) -> GpgError:
    return GpgError(
        f"{file} refers to {name}, which a checkpoint has no need of: reading it could run anything",
        "Take checkpoints of your own trainings only.",
    )


class _KnownOnly(pickle.Unpickler):
    """Reads a pickle whose references are all known; finds the first that is not."""

    def find_class(self, module: str, name: str) -> Any:
        if not _is_known(f"{module}.{name}"):
            raise pickle.UnpicklingError(f"{module}.{name}")
        return super().find_class(module, name)
