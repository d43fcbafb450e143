import json
from pathlib import Path

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.publishing.verification import verify_copy
from gpg_cli.publishing.weights import copy_weights, find_weights, plan_shards


@pytest.fixture
def sharded(tiny_model: Path, tmp_path: Path) -> Path:
    """The tiny model's weights in shards of at most 8 kB, its other files beside them."""
    folder = tmp_path / "sharded"
    folder.mkdir()
    copy_weights(tiny_model, folder, max_shard_bytes=8_000)
    for path in tiny_model.iterdir():
        if path.suffix != ".safetensors":
            (folder / path.name).write_bytes(path.read_bytes())
    return folder


def test_large_files_are_split_into_shards_that_give_the_same_logits(tiny_model: Path, sharded: Path) -> None:
    shards = find_weights(sharded)
    assert len(shards) > 2
    assert shards[0] == f"model-00001-of-{len(shards):05}.safetensors"
    # Header included.
    assert max((sharded / name).stat().st_size for name in shards) < 10_000
    verify_copy(tiny_model, sharded)


def test_shards_that_are_small_enough_are_copied_with_their_index(sharded: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    again.mkdir()
    copy_weights(sharded, again)
    assert {path.name: path.read_bytes() for path in again.iterdir()} == {
        path.name: path.read_bytes() for path in sharded.iterdir() if "model-" in path.name or "index" in path.name
    }


def test_shards_are_filled_in_order_and_a_large_tensor_stands_alone() -> None:
    assert plan_shards({"a": 4, "b": 4, "c": 4, "large": 30, "d": 1}, 10) == [["a", "b"], ["c"], ["large"], ["d"]]


def test_an_index_may_only_name_files_beside_it(sharded: Path) -> None:
    index = sharded / "model.safetensors.index.json"
    for name in ("../secret.safetensors", "model-00099-of-00099.safetensors", "optimizer.pt"):
        index.write_text(json.dumps({"weight_map": {"a": name}}))
        with pytest.raises(GpgError, match="which is not there"):
            find_weights(sharded)


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GpgError, match="holds no safetensors weights"):
        find_weights(tmp_path)


def test_a_file_that_only_looks_like_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"\x10" + bytes(7) + b"no header at all")
    with pytest.raises(GpgError, match="is no safetensors file"):
        copy_weights(tmp_path, tmp_path, max_shard_bytes=10)
