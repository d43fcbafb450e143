"""Model folders of a stranger, each of which leaves a file behind if it is let to run code."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

_CODE = """
from pathlib import Path
Path({canary!r}).touch()
from transformers import Qwen2Config, Qwen2ForCausalLM

class StrangeConfig(Qwen2Config):
    model_type = "strange"

class StrangeModel(Qwen2ForCausalLM):
    config_class = StrangeConfig
"""


class Pickled:
    """Pickles to a call that makes a file."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch '{self.canary}'",)


def with_code(model: Path, folder: Path, canary: Path) -> Path:
    """A copy of a Qwen2 model whose configuration refers to a file of Python beside it."""
    shutil.copytree(model, folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {
        "model_type": "strange",
        "architectures": ["StrangeModel"],
        "auto_map": {"AutoConfig": "strange.StrangeConfig", "AutoModelForCausalLM": "strange.StrangeModel"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "strange.py").write_text(_CODE.format(canary=str(canary)))
    return folder


def with_pickle(model: Path, folder: Path, canary: Path | None = None) -> Path:
    """A copy of a model whose weights are a pickle: honest, or one that runs a command."""
    shutil.copytree(model, folder)
    weights: dict[str, Any] = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(weights if canary is None else weights | {"canary": Pickled(canary)}, folder / "pytorch_model.bin")
    return folder
