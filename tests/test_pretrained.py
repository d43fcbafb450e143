"""What is refused of a model's folder before anything loads it."""

import json
import os
from pathlib import Path

import pytest

from gpg_cli import trust
from gpg_cli.errors import GpgError
from gpg_cli.pretrained import check_adapter, check_weights
from gpg_cli.trust import Trust, granted, granting


def test_nothing_is_trusted_but_while_a_command_says_so() -> None:
    assert granted() == Trust()
    with granting(Trust(remote_code=True)):
        assert granted().options() == [trust.REMOTE_CODE]
        with granting(Trust(pickle=True)):
            assert granted().options() == [trust.PICKLE]
    assert granted() == Trust()


def test_a_folder_of_safetensors_passes_whatever_else_lies_there(tmp_path: Path) -> None:
    check_weights(tmp_path)
    check_weights("org/model")
    for name in ("model.safetensors", "pytorch_model.bin", "training_args.bin"):
        (tmp_path / name).touch()
    check_weights(tmp_path)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "adapter_model.bin"])
def test_pickles_of_pytorch_need_a_word(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(GpgError, match="as a pickle") as refused:
        check_weights(tmp_path)
    assert trust.PICKLE in refused.value.hint
    with granting(Trust(pickle=True)):
        check_weights(tmp_path)


def test_an_index_is_read_with_care(tmp_path: Path) -> None:
    index = tmp_path / "model.safetensors.index.json"
    for content in ("[]", "{}", '{"weight_map": 1}', "[" * 100_000, "{"):
        index.write_text(content)
        with pytest.raises(GpgError, match="names no weights"):
            check_weights(tmp_path)
    for name in ("../model.safetensors", "/model.safetensors", "pytorch_model.bin", "a/b.safetensors", ""):
        index.write_text(json.dumps({"weight_map": {"a": name}}))
        with pytest.raises(GpgError, match="no safetensors file beside it"):
            check_weights(tmp_path)
    os.truncate(index, 200_000_000)
    with pytest.raises(GpgError, match="too large"):
        check_weights(tmp_path)


def test_an_adapter_names_no_module_to_import(tmp_path: Path) -> None:
    config = tmp_path / "adapter_config.json"
    config.write_text('{"peft_type": "LORA", "megatron_config": null, "megatron_core": "megatron.core"}')
    check_adapter(tmp_path)
    config.write_text('{"peft_type": "LORA", "megatron_config": {"a": 1}, "megatron_core": "strange"}')
    with pytest.raises(GpgError, match="import the module 'strange'"):
        check_adapter(tmp_path)
