import json
from pathlib import Path

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.publishing.verification import verify_copy, verify_stops, verify_tokenizer


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
    with pytest.raises(GpgError, match=r"the chat template of .* renders other texts"):
        verify_tokenizer(tiny_model, model)


def test_another_vocabulary_is_noticed(tiny_model: Path, model: Path) -> None:
    tokenizer = json.loads((model / "tokenizer.json").read_text())
    words = tokenizer["model"]["vocab"]
    words["a"], words["b"] = words["b"], words["a"]
    (model / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(GpgError, match=r"tokenizer\.json splits text into other tokens"):
        verify_tokenizer(tiny_model, model)


def test_a_tokenizer_larger_than_the_model_is_noticed(model: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    tokenizer.add_tokens(["<new>"])
    tokenizer.save_pretrained(model)
    with pytest.raises(GpgError, match=r"the tokenizer of .* has token"):
        verify_copy(model, model)


def test_a_model_stops_where_its_tokenizer_ends(tiny_model: Path, model: Path) -> None:
    verify_stops(tiny_model)
    for stops, message in (
        (None, "names no token"),
        ([5], "not at the tokenizer's <eos>"),
        ([1, 9999], "does not have"),
    ):
        (model / "generation_config.json").write_text(json.dumps({"eos_token_id": stops}))
        with pytest.raises(GpgError, match=message):
            verify_stops(model)


def test_a_chat_that_may_run_on_is_told_of(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (model / "chat_template.jinja").write_text(
        "{% for message in messages %}{{ message['content'] + '<pad>' }}{% endfor %}"
    )
    verify_stops(model)
    assert "The chat template ends a turn with <pad>" in " ".join(capsys.readouterr().err.split())


def test_the_progress_bars_of_transformers_are_as_before(tiny_model: Path, model: Path) -> None:
    from transformers.utils import logging

    verify_copy(tiny_model, model)
    assert logging.is_progress_bar_enabled()
