"""`--engine-arg KEY=VALUE`: read, and checked against what each engine knows."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import yaml

from gpg_cli import trust
from gpg_cli.errors import GpgError
from gpg_cli.secrets import refuse_secret
from gpg_cli.yaml_file import did_you_mean

# Of vLLM 0.31: the first two fall back on pickles, the others are some.
_PICKLED_FORMATS = ("auto", "hf", "pt", "npcache")
DTYPES = ("float32", "bfloat16", "float16")


def read_arguments(texts: Iterable[str]) -> dict[str, Any]:
    """`KEY=VALUE` texts as a dictionary; values are YAML, and keys may be written with dashes as vLLM's options are.

    Raises:
        GpgError: a text of another form, a key that is named twice, a value that is not YAML.
    """
    arguments: dict[str, Any] = {}
    for text in texts:
        written, equals, value = text.partition("=")
        key = written.strip().removeprefix("--").replace("-", "_")
        if not equals or not key:
            raise GpgError(f"--engine-arg {text!r} is not of the form key=value", "For example: dtype=float16")
        if key in arguments:
            raise GpgError(f"--engine-arg {key} is given twice", "Keep one of the two.")
        try:
            arguments[key] = yaml.safe_load(value)
        except (yaml.YAMLError, ValueError) as error:
            raise GpgError(
                f"--engine-arg {key}: {value!r} is not valid YAML", f"Quote it: --engine-arg {key}='\"value\"'"
            ) from error
    return arguments


def check_arguments(engine: str, arguments: Mapping[str, Any]) -> None:
    """Check arguments that the user gave an engine; they are written down in evaluation.json.

    What a value of vLLM's may be is known to vLLM alone, which says so when it starts, before it loads the model.

    Raises:
        GpgError: a key that the engine does not know, or a value that is not as needed.
    """
    for key, value in arguments.items():
        refuse_secret("--engine-arg", key, value)
    if engine == "vllm":
        _check_trust(arguments)
        _check_keys(engine, arguments, vllm_keys())
        return
    known = _KNOWN[engine]
    _check_keys(engine, arguments, known)
    for key, value in arguments.items():
        fits, wanted = known[key]
        if not fits(value):
            raise GpgError(f"--engine-arg {key}={value} is not {wanted}", f"For example: {_EXAMPLES[key]}")


def _check_trust(arguments: Mapping[str, Any]) -> None:
    """What is trusted is said by options of ours alone, so that there is one place to look for it."""
    if "trust_remote_code" in arguments and not trust.granted().remote_code:
        raise GpgError("--engine-arg trust_remote_code is not taken", f"If you trust that code: {trust.REMOTE_CODE}")
    if arguments.get("load_format") in _PICKLED_FORMATS and not trust.granted().pickle:
        raise GpgError(
            f"--engine-arg load_format={arguments['load_format']} may read pickles",
            f"Leave it out, or allow that: {trust.PICKLE}",
        )


def vllm_keys() -> list[str]:
    """The engine arguments of the vLLM that is installed, less the model, which --model names. Imports vLLM."""
    from dataclasses import fields

    from gpg_cli.evaluation.engines.vllm_process import import_vllm

    return [field.name for field in fields(import_vllm().EngineArgs) if field.name != "model"]


def _check_keys(engine: str, arguments: Mapping[str, Any], known: Iterable[str]) -> None:
    names = list(known)
    for key in arguments:
        if key == "model":
            raise GpgError("--engine-arg model names the model a second time", "Keep --model alone.")
        if key not in names:
            takes = f"It takes: {', '.join(names)}." if len(names) < 10 else "`vllm serve --help=all` lists them."
            raise GpgError(f"the engine {engine} has no argument {key!r}", f"{did_you_mean(key, names)}{takes}")


def _is_count(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_duration(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf


_Check = tuple[Callable[[Any], bool], str]
_KNOWN: dict[str, dict[str, _Check]] = {
    "transformers": {
        "dtype": (lambda value: value in DTYPES, f"one of {', '.join(DTYPES)}"),
        "batch_size": (lambda value: _is_count(value, 1), "a whole number of at least 1"),
    },
    "openai": {
        "timeout": (_is_duration, "a positive number of seconds"),
        "retries": (lambda value: _is_count(value, 0), "a whole number of at least 0"),
    },
}
_EXAMPLES = {"dtype": "dtype=float32", "batch_size": "batch_size=16", "timeout": "timeout=600", "retries": "retries=3"}
