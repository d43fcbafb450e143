"""Model folders come from strangers: whatever their files make a library do is told in words, and within limits."""

import contextlib
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gpg_cli.errors import GpgError
from gpg_cli.grading.time_limit import TimeLimitReached, time_limit

# For one conversation; real templates take a thousandth of a second, and write what was put into them.
_TEMPLATE_LIMIT_S = 5.0
_TEMPLATE_LIMIT_BYTES = 512 << 20
_NUMBER_BITS = 4096
# Sizes of which there is at least one weight for each, of the text and the vision models of transformers, and the ones
# that a weight matrix multiplies them with. In a configuration, and in its parts.
_WIDTHS = ("hidden_size", "n_embd", "d_model", "embed_dim")
_OTHER_SIZES = ("vocab_size", "intermediate_size", "n_inner", "d_ff", "ffn_dim", "n_positions")
_LAYERS = ("num_hidden_layers", "n_layer", "num_layers", "depth")
_PARTS = ("text_config", "vision_config")
# A weight of a quantised model may take four bits; and sizes that are set together, such as n_inner, need not be used.
_WEIGHTS_PER_BYTE = 8


@contextlib.contextmanager
def loading(what: str | Path, hint: str = "Mend the folder, or save the model again.") -> Iterator[None]:
    """Loading without a progress bar of its own; whatever a broken folder makes a library raise is told in words.

    Raises:
        GpgError: instead of any other exception.
    """
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    except GpgError:
        raise
    except Exception as error:  # OSError, ValueError, KeyError, SafetensorError, ...: it depends on the file
        raise GpgError(f"transformers cannot load {what}: {_reason(error)}", hint) from error
    finally:
        if shown:
            logging.enable_progress_bar()


def check_sizes(folder: Path) -> None:
    """Refuse a configuration that asks for a larger model than the weights beside it can fill.

    transformers makes the model before it looks at the weights: one wrong number, and the machine has no memory left.

    Raises:
        GpgError: it does, or the files cannot be read.
    """
    from safetensors import SafetensorError, safe_open

    files = sorted(folder.glob("model*.safetensors"))
    if not files or not (folder / "config.json").is_file():
        return
    with loading(folder):
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    room = sum(file.stat().st_size for file in files) * _WEIGHTS_PER_BYTE
    tensors = 0
    for file in files:
        try:
            with safe_open(file, framework="pt") as opened:
                tensors += len(opened.keys())
        except (SafetensorError, OSError) as error:
            raise GpgError(f"{file} is no whole safetensors file: {error}", "Copy or save the model again.") from error
    parts = [config, *(config.get(name) for name in _PARTS)] if isinstance(config, dict) else []
    for part in parts:
        sizes = {key: value for key, value in _numbers(part).items() if value > 0}
        width = max((sizes[key] for key in _WIDTHS if key in sizes), default=1)
        asked = [(key, sizes[key], room) for key in _WIDTHS if key in sizes]
        asked += [(key, sizes[key] * width, room) for key in _OTHER_SIZES if key in sizes]
        asked += [(key, sizes[key], tensors) for key in _LAYERS if key in sizes]
        for key, needed, most in asked:
            if needed > most:
                raise GpgError(
                    f"{folder / 'config.json'} has {key} {sizes[key]}; the weights beside it are of a smaller model",
                    "Restore the configuration that the weights were saved with.",
                )


@contextlib.contextmanager
def rendering(hint: str, *, limited: bool = True) -> Iterator[None]:
    """What a model's chat template raises is told in words; one conversation is written within limits.

    Jinja's sandbox keeps a template from the machine, but lets it run for ever and fill the memory.

    Args:
        hint: the second line of an error.
        limited: in the main thread of Linux; False for many conversations together, of which one was tried, and where
            tokens are made of them by threads, which a limit on memory ends.

    Raises:
        GpgError: whatever the template raises; it takes more than 5 seconds or half a GB.
    """
    _bound_numbers()
    try:
        with _limits() if limited else contextlib.nullcontext():
            yield
    except GpgError:
        raise
    except TimeLimitReached:
        raise GpgError(f"the chat template takes more than {_TEMPLATE_LIMIT_S:.0f} seconds", hint) from None
    except MemoryError:
        raise GpgError(f"the chat template writes more than {_TEMPLATE_LIMIT_BYTES >> 20} MB", hint) from None
    except Exception as error:  # a template may raise whatever it likes, for instance at a system message
        raise GpgError(f"the chat template fails: {_reason(error)}", hint) from error


def _bound_numbers() -> None:
    """Have Jinja's sandbox refuse huge numbers: one power of them is a call that nothing interrupts, for hours.

    By its documented hook, on the class: transformers makes the environment itself, where nobody else reaches it.
    """
    from jinja2.sandbox import ImmutableSandboxedEnvironment, SandboxedEnvironment

    if ImmutableSandboxedEnvironment.intercepted_binops:
        return

    def call_binop(self: Any, context: Any, operator: str, left: Any, right: Any) -> Any:
        if isinstance(left, int) and isinstance(right, int):
            bits = left.bit_length() * right if operator == "**" else left.bit_length() + right.bit_length()
            if bits > _NUMBER_BITS:
                raise OverflowError(f"a number of more than {_NUMBER_BITS} bits")
        return SandboxedEnvironment.call_binop(self, context, operator, left, right)

    ImmutableSandboxedEnvironment.call_binop = call_binop  # type: ignore[method-assign]
    ImmutableSandboxedEnvironment.intercepted_binops = frozenset({"*", "**"})


@contextlib.contextmanager
def _limits() -> Iterator[None]:
    with _limited_memory(), time_limit(_TEMPLATE_LIMIT_S):
        yield


@contextlib.contextmanager
def _limited_memory() -> Iterator[None]:
    """Memory that is asked for beyond what there is now, is refused by the system."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (ImportError, OSError):  # no Linux
        yield
        return
    before, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = pages * os.sysconf("SC_PAGE_SIZE") + _TEMPLATE_LIMIT_BYTES
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or (before != resource.RLIM_INFINITY and before <= most):
        yield
        return
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (before, hard))


def _numbers(value: Any) -> dict[str, int]:
    mapping = value if isinstance(value, dict) else {}
    return {key: item for key, item in mapping.items() if isinstance(item, int) and not isinstance(item, bool)}


def _reason(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), "") or type(error).__name__
