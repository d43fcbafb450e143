"""Engines: what turns prompts into completions, behind the protocol of engine.py. A new engine is one file here."""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.engine import Engine
from gpg_cli.evaluation.model_text import ModelText
from gpg_cli.yaml_file import did_you_mean

ENGINES = ("transformers", "vllm")
AUTO = "auto"

# Below about 100 million parameters (2 bytes each) vLLM's start costs more than it saves.
_VLLM_PAYS_FROM_BYTES = 200_000_000


def check_engine(name: str) -> None:
    """Check that an engine exists and is installed.

    Raises:
        GpgError: it does not, or it is not.
    """
    known = (AUTO, *ENGINES)
    if name not in known:
        raise GpgError(f"unknown engine {name!r}", f"{did_you_mean(name, known)}There are: {', '.join(known)}.")
    if name == "vllm" and not vllm_is_installed():
        raise GpgError(
            "the engine vllm needs vLLM, which is not installed",
            'pip install "gpg-cli[vllm]", or "gpg-cli[cpu]" on a machine without a GPU; or --engine transformers.',
        )


def choose_engine(name: str, model_location: str) -> str:
    """The engine that `auto` stands for: vLLM where it is installed, a GPU is visible and the model is not tiny."""
    import torch

    if name != AUTO:
        return name
    pays = vllm_is_installed() and torch.cuda.is_available() and not _is_tiny(Path(model_location))
    return "vllm" if pays else "transformers"


@contextmanager
def open_engine(name: str, model_location: str, text: ModelText, max_model_length: int) -> Iterator[Engine]:
    """Load a model into an engine; closed at the end whatever happens.

    Args:
        name: one of `ENGINES`.
        model_location: a model folder, or a Hub id.
        text: the model's tokenizer, end tokens and context length.
        max_model_length: longest prompt and completion together that will be asked for, in tokens.

    Raises:
        GpgError: the model does not load.
    """
    engine: Engine
    if name == "vllm":
        from gpg_cli.evaluation.engines.vllm import VllmEngine

        engine = VllmEngine(model_location, text, max_model_length)
    else:
        from gpg_cli.evaluation.engines.transformers import TransformersEngine

        engine = TransformersEngine(model_location, text)
    try:
        yield engine
    finally:
        engine.close()


def vllm_is_installed() -> bool:
    return importlib.util.find_spec("vllm") is not None


def _is_tiny(folder: Path) -> bool:
    """Whether a local model's weights are too few for vLLM to pay; a Hub model counts as large."""
    size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    return 0 < size < _VLLM_PAYS_FROM_BYTES
