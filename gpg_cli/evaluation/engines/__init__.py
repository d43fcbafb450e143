"""Engines: what turns prompts into completions, behind the protocol of engine.py. A new engine is one file here."""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.engine import Engine, EngineOptions
from gpg_cli.evaluation.engines.arguments import check_arguments
from gpg_cli.evaluation.engines.server_address import api_key, check_base_url
from gpg_cli.evaluation.model_text import ModelText
from gpg_cli.yaml_file import did_you_mean

ENGINES = ("transformers", "vllm", "openai")
AUTO = "auto"

# Below about 100 million parameters (2 bytes each) vLLM's start costs more than it saves.
_VLLM_PAYS_FROM_BYTES = 200_000_000


def check_engine(options: EngineOptions) -> None:
    """Check that an engine exists, is installed, and takes what the user said about it; no model is loaded.

    Raises:
        GpgError: the first thing that is wrong.
    """
    known = (AUTO, *ENGINES)
    if options.name not in known:
        raise GpgError(
            f"unknown engine {options.name!r}", f"{did_you_mean(options.name, known)}There are: {', '.join(known)}."
        )
    if options.name == "vllm" and not vllm_is_installed():
        raise GpgError(
            "the engine vllm needs vLLM, which is not installed",
            'pip install "gpg-cli[vllm]", or "gpg-cli[cpu]" on a machine without a GPU; or --engine transformers.',
        )
    _check_server_options(options)
    if options.arguments:
        if options.name == AUTO and options.base_url is None:
            raise GpgError("--engine-arg needs an engine that is named", f"--engine with one of: {', '.join(ENGINES)}.")
        check_arguments("openai" if options.base_url else options.name, options.arguments)


def choose_engine(options: EngineOptions, model_location: str) -> EngineOptions:
    """The same options with the engine that `auto` stands for.

    openai where a server is named, else vLLM where it is installed, a GPU is visible and the model is not tiny.
    """
    import torch

    if options.name != AUTO:
        return options
    if options.base_url is not None:
        return replace(options, name="openai")
    pays = vllm_is_installed() and torch.cuda.is_available() and not _is_tiny(Path(model_location))
    return replace(options, name="vllm" if pays else "transformers")


@contextmanager
def open_engine(
    options: EngineOptions, model_location: str, text: ModelText, max_model_length: int
) -> Iterator[Engine]:
    """Load a model into an engine, or reach the server that has it; closed at the end whatever happens.

    Args:
        options: checked, and with one of `ENGINES` as name.
        model_location: a model folder, or a Hub id.
        text: the model's tokenizer, end tokens and context length.
        max_model_length: longest prompt and completion together that will be asked for, in tokens.

    Raises:
        GpgError: the model does not load, or the server cannot be used.
    """
    engine: Engine
    if options.name == "vllm":
        from gpg_cli.evaluation.engines.vllm import VllmEngine

        engine = VllmEngine(model_location, text, max_model_length, options.arguments)
    elif options.name == "openai":
        from gpg_cli.evaluation.engines.openai import OpenAIEngine

        engine = OpenAIEngine(options, text, max_model_length)
    else:
        from gpg_cli.evaluation.engines.transformers import TransformersEngine

        engine = TransformersEngine(model_location, text, **options.arguments)
    try:
        yield engine
    finally:
        engine.close()


def vllm_is_installed() -> bool:
    return importlib.util.find_spec("vllm") is not None


def _check_server_options(options: EngineOptions) -> None:
    if options.name == "openai" and options.base_url is None:
        raise GpgError("the engine openai needs a server", "For example: --base-url http://localhost:8000/v1")
    given = {
        "--base-url": options.base_url,
        "--served-model": options.served_model,
        "--concurrency": options.concurrency,
    }
    if options.name == "openai" or (options.name == AUTO and options.base_url is not None):
        check_base_url(str(options.base_url))
        api_key()
        if options.concurrency is not None and options.concurrency < 1:
            raise GpgError(f"--concurrency {options.concurrency} is too small", "Give a whole number of at least 1.")
        return
    for option, value in given.items():
        if value is not None:
            raise GpgError(
                f"{option} says something about a server, which the engine {options.name} does not use",
                f"Leave {option} out, or: --engine openai --base-url http://localhost:8000/v1",
            )


def _is_tiny(folder: Path) -> bool:
    """Whether a local model's weights are too few for vLLM to pay; a Hub model counts as large."""
    size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    return 0 < size < _VLLM_PAYS_FROM_BYTES
