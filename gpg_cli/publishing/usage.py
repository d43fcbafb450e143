"""The card's section on how to use a model: a few lines for each library, and for measuring it again."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gpg_cli.publishing.checkpoint import PROCESSOR_FILES
from gpg_cli.publishing.facts import RunFacts
from gpg_cli.publishing.markdown import code_block, plain
from gpg_cli.publishing.measuring import eval_commands
from gpg_cli.publishing.names import public_name
from gpg_cli.publishing.scores import BenchScore
from gpg_cli.quickstart_pictures import QUESTION, QUICKSTART_VISION
from gpg_cli.quickstart_task import QUICKSTART
from gpg_cli.run_folder import read_json

_TRANSFORMERS = """\
from transformers import pipeline

prompt = {prompt}
generator = pipeline("text-generation", model={model})
print(generator(prompt, max_new_tokens={tokens}, return_full_text=False)[0]["generated_text"])"""
_VLLM = """\
from vllm import LLM, SamplingParams

prompt = {prompt}
llm = LLM(model={model})
outputs = llm.{method}(prompt, SamplingParams(max_tokens={tokens}))
print(outputs[0].outputs[0].text)"""
_ADAPTER = """\
from peft import PeftModel
from transformers import {auto_model}, {auto_processor}, pipeline

prompt = {prompt}
{processor} = {auto_processor}.from_pretrained({model})
base = {auto_model}.from_pretrained({base}, dtype="auto")
model = PeftModel.from_pretrained(base, {model}).merge_and_unload()
generator = pipeline("{task}", model=model, {processor}={processor})
print(generator({argument}prompt, max_new_tokens={tokens}, return_full_text=False)[0]["generated_text"])"""
_VLLM_ADAPTER = """\
{imports}from vllm import LLM, SamplingParams
from vllm.lora.request import LoRARequest

prompt = {prompt}
llm = LLM(model={base}, enable_lora=True, max_lora_rank={rank})
adapter = LoRARequest("adapter", 1, {folder})
outputs = llm.{method}(prompt, SamplingParams(max_tokens={tokens}), lora_request=adapter)
print(outputs[0].outputs[0].text)"""
_TRANSFORMERS_VISION = """\
from PIL import Image
from transformers import pipeline

picture = Image.open("picture.png")
prompt = {prompt}
generator = pipeline("image-text-to-text", model={model})
print(generator(text=prompt, max_new_tokens={tokens}, return_full_text=False)[0]["generated_text"])"""
_VLLM_VISION = """\
from PIL import Image
from vllm import LLM, SamplingParams

picture = Image.open("picture.png")
prompt = {prompt}
llm = LLM(model={model})
outputs = llm.chat(prompt, SamplingParams(max_tokens={tokens}))
print(outputs[0].outputs[0].text)"""


def shows_pictures(folder: Path) -> bool:
    """Whether an exported model sees: it has a vision tower, and the files of an image processor.

    An adapter has its base model's processor beside it, and no config.json to ask.
    """
    config = folder / "config.json"
    sees = "vision_config" in read_json(config) if config.is_file() else (folder / "adapter_config.json").is_file()
    return sees and any((folder / name).is_file() for name in PROCESSOR_FILES)


def usage(
    name: str,
    repo_id: str | None,
    folder: Path,
    facts: RunFacts | None,
    scores: list[BenchScore],
    *,
    adapter_of: str | None = None,
    gguf: Sequence[str] = (),
    revision: str | None = None,
) -> str:
    """The section's text.

    Args:
        name: the model's own; how a reader names it where it is not on the Hub.
        folder: holds the model.
        facts: of the run that made it.
        scores: what was measured of it.
        adapter_of: for a LoRA adapter, its base model.
        gguf: names of files for llama.cpp in it.
        revision: the branch of the repository that it is on; None is the main one.
    """
    settings = facts.settings if facts else {}
    tokens = settings.get("max_completion_length")
    model = repo_id or name
    # JSON text is Python too for strings, lists and objects of them, and keeps every quote and newline in its place.
    chosen = f", revision={json.dumps(revision)}" if repo_id and revision else ""
    values = {
        "model": json.dumps(model, ensure_ascii=False) + chosen,
        "tokens": tokens if isinstance(tokens, int) else 512,
    }
    prompt, prompt_vllm, method, sees = _prompts(folder, facts)
    if adapter_of is not None:
        base = json.dumps(public_name(adapter_of), ensure_ascii=False)
        snippets = _of_adapter(values | {"base": base}, prompt, prompt_vllm, method, folder, sees, bool(repo_id))
    else:
        snippets = (
            (_TRANSFORMERS_VISION if sees else _TRANSFORMERS).format(prompt=prompt, **values),
            (_VLLM_VISION if sees else _VLLM).format(prompt=prompt_vllm, method=method, **values),
        )
    parts = [code_block(snippets[0], "python"), "With vLLM:", code_block(snippets[1], "python")]
    if gguf:
        parts += ["With llama.cpp:", code_block(_llama_cpp(repo_id, plain(gguf[0]), revision), "bash")]
    if adapter_of is None:
        parts += [
            "Measure it again (gpg-cli):" if scores else "Measure it (gpg-cli):",
            code_block("\n".join(_eval_lines(model, repo_id, revision, facts, scores)), "bash"),
        ]
    return "\n\n".join(parts)


def _prompts(folder: Path, facts: RunFacts | None) -> tuple[str, str, str, bool]:
    """A question as Python for transformers and for vLLM, vLLM's method for it, and whether it shows a picture."""
    system = facts.settings.get("system_prompt") if facts else None
    turns: list[dict[str, Any]] = [{"role": "system", "content": system}] if isinstance(system, str) and system else []
    if shows_pictures(folder):
        question = QUESTION if facts and facts.model == QUICKSTART_VISION else "What is in this picture?"
        turns = [{**turn, "content": [{"type": "text", "text": turn["content"]}]} for turn in turns]
        return _asked(turns, question, "image"), _asked(turns, question, "image_pil"), "chat", True
    question = "47+85=" if facts and facts.model == QUICKSTART else "What is 12 + 34?"
    chat = _has_chat_template(folder)
    prompt = json.dumps([*turns, {"role": "user", "content": question}] if chat else question, ensure_ascii=False)
    return prompt, prompt, "chat" if chat else "generate", False


def _of_adapter(
    values: dict[str, Any], prompt: str, prompt_vllm: str, method: str, folder: Path, sees: bool, on_hub: bool
) -> tuple[str, str]:
    config = folder / "adapter_config.json"
    rank = read_json(config).get("r") if config.is_file() else None
    kinds = {
        "auto_model": "AutoModelForImageTextToText" if sees else "AutoModelForCausalLM",
        "auto_processor": "AutoProcessor" if sees else "AutoTokenizer",
        "processor": "processor" if sees else "tokenizer",
        "task": "image-text-to-text" if sees else "text-generation",
        "argument": "text=" if sees else "",
    }
    picture = "from PIL import Image\n", 'picture = Image.open("picture.png")\nprompt = '
    imports = "from huggingface_hub import snapshot_download\n" if on_hub else ""
    texts = (
        _ADAPTER.format(prompt=prompt, **kinds, **values),
        _VLLM_ADAPTER.format(
            prompt=prompt_vllm,
            method=method,
            imports=imports,
            rank=rank if isinstance(rank, int) else 64,
            folder=f"snapshot_download({values['model']})" if on_hub else values["model"],
            **values,
        ),
    )
    shown = [picture[0] + text.replace("prompt = ", picture[1], 1) for text in texts] if sees else texts
    return shown[0], shown[1]


def _eval_lines(
    model: str, repo_id: str | None, revision: str | None, facts: RunFacts | None, scores: list[BenchScore]
) -> list[str]:
    if not repo_id or not revision:
        return eval_commands(model, facts, scores)
    # `gpg eval` takes a model of the Hub from its main branch.
    folder = f"{repo_id.rpartition('/')[2]}-{revision.replace('/', '-')}"
    download = shlex.join(["hf", "download", repo_id, "--revision", revision, "--local-dir", folder])
    return [download, *eval_commands(folder, facts, scores)]


def _llama_cpp(repo_id: str | None, file: str, revision: str | None) -> str:
    branch = ["--revision", revision] if revision else []
    download = [shlex.join(["hf", "download", repo_id, file, *branch, "--local-dir", "."])] if repo_id else []
    return "\n".join([*download, shlex.join(["llama-cli", "-m", file]), shlex.join(["llama-server", "-m", file])])


def _asked(turns: list[dict[str, Any]], question: str, kind: str) -> str:
    """Messages as Python, in which the name `picture` stands for the picture."""
    parts = [{"type": kind, kind: "PICTURE"}, {"type": "text", "text": question}]
    text = json.dumps([*turns, {"role": "user", "content": parts}], ensure_ascii=False)
    return text.replace('"PICTURE"', "picture", 1)


def _has_chat_template(folder: Path) -> bool:
    if (folder / "chat_template.jinja").is_file() or (folder / "chat_template.json").is_file():
        return True
    config = folder / "tokenizer_config.json"
    return config.is_file() and bool(read_json(config).get("chat_template"))
