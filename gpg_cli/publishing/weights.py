"""Safetensors weights: which files they are, and how they are copied."""

import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpg_cli.errors import GpgError
from gpg_cli.run_folder import read_json, write_json
from gpg_cli.trust import PICKLE

SINGLE_FILE = "model.safetensors"
INDEX = "model.safetensors.index.json"
# The Hub and slow connections like files of this size; transformers 5 itself writes shards of up to 50 GB.
MAX_SHARD_BYTES = 5 * 10**9
# The format's own limit, and the entry of a header that is no tensor.
MAX_HEADER_BYTES = 100_000_000
METADATA = "__metadata__"
# Dtypes by PyTorch's names, as the format calls them, and the bytes of one number.
HEADER_NAMES = {"float32": "F32", "float16": "F16", "bfloat16": "BF16"}
_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}
_CONVERTIBLE = _BYTES.keys()
_INTEGERS = {"I64", "I32", "I16", "BOOL"}


def find_weights(folder: Path) -> list[str]:
    """The names of the files that hold the weights of a model folder, in the order transformers looks for them.

    Raises:
        GpgError: there are none, only pickled ones, or some of those that the index names are missing.
    """
    if (folder / SINGLE_FILE).is_file():
        return [SINGLE_FILE]
    if (folder / INDEX).is_file():
        return _files_of_index(folder)
    pickled = sorted(path.name for path in folder.glob("pytorch_model*.bin"))
    if pickled:
        raise GpgError(
            f"{folder} holds its weights as a pickle ({pickled[0]}), which can run code when it is read",
            f"Take a version in safetensors, or allow it: {PICKLE} reads tensors from it and writes safetensors.",
        )
    raise GpgError(
        f"{folder} holds no safetensors weights",
        "Name a folder with model.safetensors, for example RUN/model; sharded optimizer checkpoints are not enough.",
    )


def has_weights(folder: Path) -> bool:
    """Whether a folder holds weights of any kind that `find_weights` has something to say about."""
    return any(folder.glob("model*.safetensors*")) or any(folder.glob("pytorch_model*.bin"))


def copy_weights(source: Path, target: Path, dtype: str | None = None, max_shard_bytes: int = MAX_SHARD_BYTES) -> None:
    """Copy the weights, splitting them anew where a file would be larger than `max_shard_bytes`.

    Holds at most one shard in memory, and that only where files are split or the dtype changes.

    Args:
        dtype: what floating-point weights are written as (`bfloat16`); None leaves them as they are.

    Raises:
        GpgError: see `find_weights`; or a file is no safetensors file, or holds quantised weights to be converted.
    """
    files = [source / name for name in find_weights(source)]
    if any(file.stat().st_size > max_shard_bytes for file in files) or _changes(files, dtype):
        _rewrite(files, target, dtype, max_shard_bytes)
        return
    for file in files:
        shutil.copyfile(file, target / file.name)
    if files[0].name != SINGLE_FILE:
        shutil.copyfile(source / INDEX, target / INDEX)


def convert_file(source: Path, target: Path, dtype: str) -> None:
    """Write one small file of weights, an adapter's, as another dtype."""
    import torch
    from safetensors.torch import load_file

    wanted = getattr(torch, dtype)
    tensors = {
        name: value.to(wanted) if value.is_floating_point() else value for name, value in load_file(source).items()
    }
    _save(tensors, target)


def weights_bytes(files: Iterable[Path], dtype: str | None = None) -> int:
    """How many bytes weights take, or would take as another dtype; read from the files' headers."""
    return sum(_size_as(tensor, dtype) for file in files for tensor in read_header(file).values())


def not_finite(files: Iterable[Path]) -> str | None:
    """The first tensor with NaN or infinity in it, with its file; None where all numbers are finite.

    One tensor is in memory at a time.

    Raises:
        GpgError: a file is cut short, or no safetensors file.
    """
    from safetensors import SafetensorError, safe_open

    for file in files:
        try:
            opening = safe_open(file, framework="pt")
        except SafetensorError as error:
            raise GpgError(f"{file} is no whole safetensors file: {error}", "Copy or save the model again.") from error
        with opening as opened:
            for name in opened.keys():  # noqa: SIM118 (no dictionary)
                tensor = opened.get_tensor(name)
                # float8 types know no isfinite.
                if (
                    tensor.is_floating_point()
                    and not (tensor if tensor.element_size() > 1 else tensor.float()).isfinite().all()
                ):
                    return f"{name} in {file.name}"
    return None


def _files_of_index(folder: Path) -> list[str]:
    shards = read_json(folder / INDEX).get("weight_map")
    if not isinstance(shards, dict) or not shards:
        raise GpgError(f"{folder / INDEX} names no weights", "Restore the file, or save the model again.")
    names = sorted({str(name) for name in shards.values()})
    for name in names:
        # An index comes with a downloaded model too: it may only name its neighbours.
        if Path(name).name != name or not name.endswith(".safetensors") or not (folder / name).is_file():
            raise GpgError(f"{folder / INDEX} names {name}, which is not there", "Copy the folder again, whole.")
    return names


def _changes(files: list[Path], dtype: str | None) -> bool:
    wanted = dtype and HEADER_NAMES[dtype]
    found = {tensor.dtype for file in files for tensor in read_header(file).values()}
    if dtype and not found <= _CONVERTIBLE | _INTEGERS:
        raise GpgError(
            f"the weights in {files[0].parent} are quantised ({', '.join(sorted(found))}): they have no other dtype",
            "Leave --dtype out.",
        )
    return bool(wanted) and bool(found & _CONVERTIBLE - {wanted})


def _size_as(tensor: "StoredTensor", dtype: str | None) -> int:
    if dtype is None or tensor.dtype not in _CONVERTIBLE:
        return tensor.bytes
    return tensor.bytes * _BYTES[HEADER_NAMES[dtype]] // _BYTES[tensor.dtype]


def _rewrite(files: list[Path], target: Path, dtype: str | None, max_shard_bytes: int) -> None:
    import torch
    from safetensors import safe_open

    places = {name: file for file in files for name in read_header(file)}
    sizes = {name: _size_as(tensor, dtype) for file in files for name, tensor in read_header(file).items()}
    shards = plan_shards(sizes, max_shard_bytes)
    weight_map: dict[str, str] = {}
    for number, names in enumerate(shards, start=1):
        shard = f"model-{number:05}-of-{len(shards):05}.safetensors" if len(shards) > 1 else SINGLE_FILE
        tensors = {}
        for file in {places[name] for name in names}:
            with safe_open(file, framework="pt") as opened:
                for name in names:
                    if places[name] == file:
                        tensor = opened.get_tensor(name)
                        converts = dtype is not None and tensor.is_floating_point()
                        tensors[name] = tensor.to(getattr(torch, str(dtype))) if converts else tensor
        _save(tensors, target / shard)
        weight_map.update(dict.fromkeys(names, shard))
    if len(shards) > 1:
        index = {"metadata": {"total_size": sum(sizes.values())}, "weight_map": dict(sorted(weight_map.items()))}
        write_json(target / INDEX, index)


def _save(tensors: dict[str, Any], path: Path) -> None:
    from safetensors.torch import save_file

    # transformers refuses safetensors files that do not say which framework's layout they have.
    save_file(tensors, path, metadata={"format": "pt"})
    # Written for its owner alone (safetensors 0.8); others on the machine may read the rest of the folder.
    path.chmod(path.stat().st_mode | (path.parent.stat().st_mode & 0o044))


def plan_shards(sizes: dict[str, int], max_shard_bytes: int) -> list[list[str]]:
    """Cut tensors, in order, into shards of at most so many bytes; a larger tensor has one of its own."""
    shards: list[list[str]] = []
    room = 0
    for name, size in sizes.items():
        if not shards or size > room:
            shards.append([])
            room = max_shard_bytes
        shards[-1].append(name)
        room -= size
    return shards


@dataclass(frozen=True)
class StoredTensor:
    """What a safetensors header says of a tensor: its dtype by the format's name (`BF16`), and its size in bytes."""

    dtype: str
    bytes: int


def read_header(file: Path) -> dict[str, StoredTensor]:
    """The tensors of a safetensors file in its order, without reading any of them.

    Raises:
        GpgError: it is no safetensors file.
    """
    try:
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            header = json.loads(opened.read(min(length, MAX_HEADER_BYTES)))
        entries = [(name, entry["dtype"], *entry["data_offsets"]) for name, entry in header.items() if name != METADATA]
        return {
            name: StoredTensor(dtype, end - start)
            for name, dtype, start, end in sorted(entries, key=lambda entry: entry[2])
        }
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise GpgError(f"{file} is no safetensors file", "Copy or save the model again.") from error
