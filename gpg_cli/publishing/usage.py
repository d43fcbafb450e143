"""The card's section on how to use a model: a few lines for transformers, for vLLM, and for measuring it again."""

import json
import shlex
from pathlib import Path
from typing import Any

from gpg_cli.publishing.checkpoint import PROCESSOR_FILES
from gpg_cli.publishing.facts import RunFacts
from gpg_cli.publishing.markdown import code_block, plain
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
    """Whether an exported model sees: it has a vision tower, and the files of an image processor."""
    config = folder / "config.json"
    sees = config.is_file() and "vision_config" in read_json(config)
    return sees and any((folder / name).is_file() for name in PROCESSOR_FILES)


def usage(model: str, folder: Path, facts: RunFacts | None, scores: list[BenchScore]) -> list[str]:
    """The parts of the section.

    Args:
        model: how a reader names it: its id on the Hub, or its own name.
        folder: holds the model.
        facts: of the run that made it.
        scores: what was measured of it.
    """
    settings = facts.settings if facts else {}
    tokens = settings.get("max_completion_length")
    system = settings.get("system_prompt")
    # JSON text is Python too for strings, lists and objects of them, and keeps every quote and newline in its place.
    values = {
        "model": json.dumps(model, ensure_ascii=False),
        "tokens": tokens if isinstance(tokens, int) else 512,
    }
    turns: list[dict[str, Any]] = [{"role": "system", "content": system}] if isinstance(system, str) and system else []
    if shows_pictures(folder):
        question = QUESTION if facts and facts.model == QUICKSTART_VISION else "What is in this picture?"
        turns = [{**turn, "content": [{"type": "text", "text": turn["content"]}]} for turn in turns]
        snippets = (
            _TRANSFORMERS_VISION.format(prompt=_asked(turns, question, "image"), **values),
            _VLLM_VISION.format(prompt=_asked(turns, question, "image_pil"), **values),
        )
    else:
        question = "47+85=" if facts and facts.model == QUICKSTART else "What is 12 + 34?"
        chat = _has_chat_template(folder)
        prompt = json.dumps([*turns, {"role": "user", "content": question}] if chat else question, ensure_ascii=False)
        snippets = (
            _TRANSFORMERS.format(prompt=prompt, **values),
            _VLLM.format(prompt=prompt, method="chat" if chat else "generate", **values),
        )
    measured = ",".join(score.bench for score in scores)
    bench = plain(measured or settings.get("eval_bench") or (facts and facts.measured_by) or "math500")
    return [
        "## How to use",
        code_block(snippets[0], "python"),
        "With vLLM:",
        code_block(snippets[1], "python"),
        "Measure it again (gpg-cli):" if scores else "Measure it (gpg-cli):",
        code_block(shlex.join(["gpg", "eval", "--model", model, "--bench", bench]), "bash"),
    ]


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
