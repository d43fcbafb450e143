"""LoRA by the keys of TRL's recipes: the adapter is kept, and the final model has it merged in."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM


@pytest.fixture
def run(gpg: Callable, tiny_model: Path, json_lines: Callable) -> Path:
    """A run of two steps with LoRA on the query projections."""
    data = json_lines(*[{"problem": f"{number}+1=", "answer": str(number + 1)} for number in range(8)])
    recipe = Path("recipe.yaml")
    recipe.write_text(
        f"model_name_or_path: {tiny_model}\ndataset_name: {data}\nuse_chat_template: false\nreward_funcs: [cosine]\n"
        "cosine_max_len: 20\nuse_peft: true\nlora_r: 4\n"
        "lora_alpha: 8\nlora_dropout: 0.0\nlora_target_modules: [q_proj]\n"
        "num_generations: 4\nper_device_train_batch_size: 8\nmax_completion_length: 8\nlearning_rate: 0.1\n"
        "max_steps: 2\nsave_strategy: steps\nsave_steps: 1\ngradient_checkpointing: false\nbf16: false\n"
    )
    outcome = gpg("train", "--config", recipe, "--output-dir", "run")
    assert outcome.code == 0, outcome.err
    return Path("run")


def test_the_adapter_is_kept_and_is_what_the_recipe_says(run: Path) -> None:
    config = json.loads((run / "adapter" / "adapter_config.json").read_text())
    assert (config["r"], config["lora_alpha"], config["target_modules"]) == (4, 8, ["q_proj"])
    weights = load_file(run / "adapter" / "adapter_model.safetensors")
    assert all("q_proj" in name for name in weights)
    assert any(weight.abs().max() > 1e-3 for name, weight in weights.items() if "lora_B" in name), "it was trained"


def test_the_final_model_is_the_base_with_the_adapter_merged_in(run: Path, tiny_model: Path) -> None:
    weights = load_file(run / "adapter" / "adapter_model.safetensors")
    base = AutoModelForCausalLM.from_pretrained(tiny_model).state_dict()
    merged = AutoModelForCausalLM.from_pretrained(run / "model").state_dict()
    for name, before in base.items():
        prefix = f"base_model.model.{name.removesuffix('.weight')}"
        expected = before
        if f"{prefix}.lora_A.weight" in weights:
            expected = before + 8 / 4 * weights[f"{prefix}.lora_B.weight"] @ weights[f"{prefix}.lora_A.weight"]
        torch.testing.assert_close(merged[name], expected)


def test_checkpoints_hold_the_adapter_and_the_run_goes_on_from_them(run: Path, gpg: Callable) -> None:
    assert (run / "checkpoint-1" / "adapter_model.safetensors").is_file()
    outcome = gpg("train", "--resume", run / "checkpoint-1", "--json")
    assert outcome.json["steps"] == 2
