"""Safetensors weights: which files they are, and how they are copied."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

from gpg_cli.errors import GpgError
from gpg_cli.run_folder import read_json, write_json

SINGLE_FILE = "model.safetensors"
INDEX = "model.safetensors.index.json"
# The Hub and slow connections like files of this size; transformers 5 itself writes shards of up to 50 GB.
MAX_SHARD_BYTES = 5 * 10**9


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
            f"{folder} holds pickled weights only ({pickled[0]}), which gpg does not publish",
            "Convert them where you trust them: load the model with transformers and save_pretrained it elsewhere.",
        )
    raise GpgError(
        f"{folder} holds no safetensors weights",
        "Name a folder with model.safetensors, for example RUN/model; sharded optimizer checkpoints are not enough.",
    )


def copy_weights(source: Path, target: Path, max_shard_bytes: int = MAX_SHARD_BYTES) -> None:
    """Copy the weights, splitting them anew where a file is larger than `max_shard_bytes`.

    Holds at most one shard in memory, and that only where files are split.

    Raises:
        GpgError: see `find_weights`; or a file is no safetensors file.
    """
    files = [source / name for name in find_weights(source)]
    if any(file.stat().st_size > max_shard_bytes for file in files):
        _split(files, target, max_shard_bytes)
        return
    for file in files:
        shutil.copyfile(file, target / file.name)
    if files[0].name != SINGLE_FILE:
        shutil.copyfile(source / INDEX, target / INDEX)


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


def _split(files: list[Path], target: Path, max_shard_bytes: int) -> None:
    from safetensors import safe_open
    from safetensors.torch import save_file

    places = {name: file for file in files for name in _tensor_bytes(file)}
    sizes = {name: size for file in files for name, size in _tensor_bytes(file).items()}
    shards = plan_shards(sizes, max_shard_bytes)
    weight_map: dict[str, str] = {}
    for number, names in enumerate(shards, start=1):
        shard = f"model-{number:05}-of-{len(shards):05}.safetensors"
        tensors = {}
        for file in {places[name] for name in names}:
            with safe_open(file, framework="pt") as opened:
                tensors.update({name: opened.get_tensor(name) for name in names if places[name] == file})
        # transformers refuses safetensors files that do not say which framework's layout they have.
        save_file(tensors, target / shard, metadata={"format": "pt"})
        weight_map.update(dict.fromkeys(names, shard))
    index = {"metadata": {"total_size": sum(sizes.values())}, "weight_map": dict(sorted(weight_map.items()))}
    write_json(target / INDEX, index)


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


def _tensor_bytes(file: Path) -> dict[str, int]:
    """Size in bytes of every tensor, in the order of the file, from its header alone."""
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        try:
            header: dict[str, dict[str, list[int]]] = json.loads(opened.read(length))
        except (ValueError, OverflowError, MemoryError) as error:
            raise GpgError(f"{file} is no safetensors file", "Copy or save the model again.") from error
    tensors: Iterable[tuple[str, list[int]]] = (
        (name, entry["data_offsets"]) for name, entry in header.items() if name != "__metadata__"
    )
    return {name: end - start for name, (start, end) in sorted(tensors, key=lambda item: item[1])}
