"""LoRA adapters: as they are, and merged into their base."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.publishing.request import ExportRequest
from gpg_cli.publishing.run import export_model

from .fake_hub import FakeHub


@pytest.fixture
def adapter(model: Path, tmp_path: Path) -> Path:
    """An adapter of the tiny model, with all weights away from zero, and the tokenizer beside it."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    base = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    peft = get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", r=4, lora_alpha=8, target_modules=["q_proj"]))
    torch.manual_seed(0)
    for name, weight in peft.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(weight, std=0.2)
    folder = tmp_path / "adapter"
    peft.save_pretrained(folder)
    AutoTokenizer.from_pretrained(model).save_pretrained(folder)
    return folder


def state(folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype="auto").state_dict()


def test_merged_is_the_base_plus_the_product_of_the_adapters_matrices(
    adapter: Path, model: Path, tmp_path: Path
) -> None:
    import torch
    from safetensors.torch import load_file

    result = export_model(ExportRequest(str(adapter), to=tmp_path / "merged", merge=True))
    assert result.checks[0].startswith("The merged model gives the logits of its base with the adapter")
    lora, merged = load_file(adapter / "adapter_model.safetensors"), state(tmp_path / "merged")
    for name, before in state(model).items():
        prefix = f"base_model.model.{name.removesuffix('.weight')}"
        expected = before.float()
        if f"{prefix}.lora_A.weight" in lora:
            expected = expected + 8 / 4 * lora[f"{prefix}.lora_B.weight"] @ lora[f"{prefix}.lora_A.weight"]
        torch.testing.assert_close(merged[name], expected)
    assert not (tmp_path / "merged" / "adapter_config.json").exists()


def test_an_adapter_stays_one_and_names_its_base_as_the_hub_does(
    adapter: Path, model: Path, tmp_path: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Both are made when huggingface_hub is imported.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    address = f"{hub.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", address)
    # As a training in a folder leaves it: the base is a place on this machine.
    assert json.loads((adapter / "adapter_config.json").read_text())["base_model_name_or_path"] == str(model)
    with pytest.raises(GpgError, match=r"which others do not have[\s\S]*--base org/model"):
        export_model(ExportRequest(str(adapter), repo_id="me/adapter"))
    assert "me/adapter" not in hub.repositories
    export_model(ExportRequest(str(model), repo_id="me/base"))
    export_model(ExportRequest(str(adapter), repo_id="me/adapter", base="me/base"))
    files = hub.repositories["me/adapter"].files
    assert json.loads(files["adapter_config.json"])["base_model_name_or_path"] == "me/base"
    assert b"base_model: me/base" in files["README.md"]
    assert not any(str(tmp_path).encode() in content for content in files.values())


def test_a_place_that_an_adapter_needs_on_this_machine_is_said_to_be_in_it(
    adapter: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export_model(ExportRequest(str(adapter), to=tmp_path / "copied"))
    assert "adapter_config.json names a place on this machine" in " ".join(capsys.readouterr().err.split())


def test_a_copied_adapter_does_to_its_base_what_the_original_does(adapter: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    result = export_model(ExportRequest(str(adapter), to=tmp_path / "copied", dtype="bfloat16"))
    assert result.checks[0].startswith("The exported adapter gives its base the same logits, but for")
    weights = load_file(tmp_path / "copied" / "adapter_model.safetensors")
    assert {str(weight.dtype) for weight in weights.values()} == {"torch.bfloat16"}
    assert not (tmp_path / "copied" / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        ("adapter_model.safetensors", r"holds no adapter_model\.safetensors"),
        ("tokenizer", "holds no tokenizer"),
        ("base", "the base model"),
    ],
)
def test_what_an_adapter_lacks_is_said(adapter: Path, model: Path, tmp_path: Path, spoil: str, message: str) -> None:
    if spoil == "base":
        (model / "config.json").unlink()
        model.rename(tmp_path / "moved")
    elif spoil == "tokenizer":
        for folder in (adapter, model):
            for path in folder.glob("*token*"):
                path.unlink()
    else:
        (adapter / spoil).unlink()
    with pytest.raises(GpgError, match=message):
        export_model(ExportRequest(str(adapter), to=tmp_path / "out", merge=True))
    assert not (tmp_path / "out").exists()


def test_a_tokenizer_is_taken_from_the_base_where_a_checkpoint_has_none(
    model: Path, tiny_model: Path, tmp_path: Path
) -> None:
    for path in (*model.glob("*token*"), model / "chat_template.jinja"):
        path.unlink()
    export_model(ExportRequest(str(model), to=tmp_path / "out", base=str(tiny_model)))
    assert (tmp_path / "out" / "tokenizer.json").read_bytes() == (tiny_model / "tokenizer.json").read_bytes()
    assert (tmp_path / "out" / "chat_template.jinja").is_file()


def test_an_adapter_alone_is_no_model_for_vllm(adapter: Path, tmp_path: Path) -> None:
    with pytest.raises(GpgError, match=r"an adapter alone[\s\S]*--merge"):
        export_model(ExportRequest(str(adapter), to=tmp_path / "out", check="vllm"))


def test_the_adapter_of_a_run_has_the_runs_results(
    adapter: Path, run: Path, tmp_path: Path, add_results: Callable[..., None]
) -> None:
    add_results(run, "first")
    adapter.rename(run / "adapter")
    export_model(ExportRequest(str(run / "adapter"), to=tmp_path / "out", merge=True))
    card = (tmp_path / "out" / "README.md").read_text()
    assert "MATH-500" in card
    assert "- Optimiser steps: 100" in card
