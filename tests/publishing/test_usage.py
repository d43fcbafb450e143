"""The lines of a model card that a reader copies."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from gpg_cli.publishing.facts import RunFacts
from gpg_cli.publishing.metadata import metadata
from gpg_cli.publishing.usage import shows_pictures, usage


def test_the_lines_for_a_model_that_sees_run_as_they_stand(
    tiny_qwen2_vl: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shows_pictures(tiny_qwen2_vl)
    assert metadata("tiny", None, [], pictures=True).pipeline_tag == "image-text-to-text"
    text = usage(str(tiny_qwen2_vl), None, tiny_qwen2_vl, None, [])
    transformers, vllm = re.findall(r"```python\n(.*?)\n```", text, re.DOTALL)
    assert '{"type": "image_pil", "image_pil": picture}' in vllm
    Image.new("RGB", (56, 56), "red").save(tmp_path / "picture.png")
    lines = transformers.replace("max_new_tokens=512", "max_new_tokens=4")
    done = subprocess.run([sys.executable, "-c", lines], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_text_model_sees_nothing(tiny_model: Path) -> None:
    assert not shows_pictures(tiny_model)
    text = usage(str(tiny_model), None, tiny_model, None, [])
    assert "picture" not in text


def lora_of(model: Path, folder: Path) -> Path:
    """A LoRA adapter of a model, as peft writes it, with the tokenizer beside it."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    base = AutoModelForCausalLM.from_pretrained(model)
    get_peft_model(base, LoraConfig(r=4, target_modules=["q_proj"])).save_pretrained(folder)
    AutoTokenizer.from_pretrained(model).save_pretrained(folder)
    return folder


def test_the_lines_for_an_adapter_run_and_name_its_base(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = lora_of(model, tmp_path / "adapter")
    monkeypatch.chdir(tmp_path)
    text = usage("adapter", None, folder, RunFacts(settings={"max_completion_length": 4}), [], adapter_of=str(model))
    transformers, vllm = re.findall(r"```python\n(.*?)\n```", text, re.DOTALL)
    printed: list[str] = []
    exec(transformers, {"print": printed.append})
    assert isinstance(printed[0], str)
    assert 'LLM(model="some-model", enable_lora=True, max_lora_rank=4)' in vllm
    assert 'LoRARequest("adapter", 1, "adapter")' in vllm
    # gpg eval takes whole models.
    assert "gpg eval" not in text


def test_an_adapter_on_the_hub_is_downloaded_for_vllm(tmp_path: Path) -> None:
    text = usage("x", "me/x", tmp_path, None, [], adapter_of="Qwen/Qwen2.5-1.5B")
    assert "from huggingface_hub import snapshot_download\nfrom vllm import LLM" in text
    assert 'LoRARequest("adapter", 1, snapshot_download("me/x"))' in text
    data = metadata("x", None, [], adapter_of="Qwen/Qwen2.5-1.5B").to_dict()
    assert (data["library_name"], data["base_model_relation"]) == ("peft", "adapter")
    assert data["base_model"] == "Qwen/Qwen2.5-1.5B"


def test_the_lines_for_an_adapter_that_sees_are_python(tmp_path: Path) -> None:
    for name in ("adapter_config.json", "preprocessor_config.json"):
        (tmp_path / name).write_text("{}")
    text = usage("x", None, tmp_path, None, [], adapter_of="Qwen/Qwen2-VL-2B")
    for program in re.findall(r"```python\n(.*?)\n```", text, re.DOTALL):
        compile(program, "card", "exec")
        assert 'picture = Image.open("picture.png")' in program
    assert "AutoModelForImageTextToText" in text


def test_files_for_llama_cpp_have_their_lines_and_a_tag(tmp_path: Path) -> None:
    text = usage("x", "me/x", tmp_path, None, [], gguf=["x-Q8_0.gguf"])
    assert "hf download me/x x-Q8_0.gguf --local-dir .\nllama-cli -m x-Q8_0.gguf\nllama-server -m x-Q8_0.gguf" in text
    assert "gguf" in metadata("x", None, [], gguf=["x-Q8_0.gguf"]).tags
