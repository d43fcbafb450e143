import json
from pathlib import Path

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.publishing.verification import verify_copy


def test_a_copy_of_the_same_weights_is_the_model(tiny_model: Path, model: Path) -> None:
    verify_copy(tiny_model, model)


def test_one_changed_weight_is_noticed(tiny_model: Path, model: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(model / "model.safetensors")
    tensors["lm_head.weight"][-1, -1] += 0.01
    save_file(tensors, model / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(GpgError, match="gives other logits"):
        verify_copy(tiny_model, model)


def test_a_changed_config_is_noticed(tiny_model: Path, model: Path) -> None:
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"rms_norm_eps": 0.1}))
    with pytest.raises(GpgError, match="gives other logits"):
        verify_copy(tiny_model, model)


def test_another_chat_template_is_noticed(tiny_model: Path, model: Path) -> None:
    (model / "chat_template.jinja").unlink()
    with pytest.raises(GpgError, match="other tokens"):
        verify_copy(tiny_model, model)


def test_the_progress_bars_of_transformers_are_as_before(tiny_model: Path, model: Path) -> None:
    from transformers.utils import logging

    verify_copy(tiny_model, model)
    assert logging.is_progress_bar_enabled()
