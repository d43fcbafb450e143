"""Is the exported model the model? Both are loaded, one after the other, and asked the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpg_cli.errors import GpgError

if TYPE_CHECKING:
    from torch import Tensor

_SAMPLE_TEXT = "What is 12 + 34? <think>\nNäive café: 46 ≠ 64\n</think> \\boxed{46}"
_SEQUENCE_LENGTHS = (1, 7, 16)


def verify_copy(source: Path, copy: Path) -> None:
    """Check that a copy of a model gives the same tokens and, to the bit, the same logits.

    Raises:
        GpgError: one of the two does not load or lacks weights, the source's logits are not finite, or they differ.
    """
    if _tokens(source) != _tokens(copy):
        raise GpgError(f"the copy of {source} splits text into other tokens", "Report this, with the folder's files.")
    expected = _logits(source)
    if not all(logits.isfinite().all() for logits in expected):
        raise GpgError(f"the model in {source} gives NaN or infinite logits", "Export an earlier checkpoint.")
    # The weights keep their dtype, so there is nothing to tolerate.
    if not all(one.equal(other) for one, other in zip(expected, _logits(copy), strict=True)):
        raise GpgError(f"the copy of {source} gives other logits", "Report this, with the folder's config.json.")


def _tokens(folder: Path) -> tuple[list[int], Any]:
    from transformers import AutoTokenizer

    with _loading(folder):
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        return tokenizer(_SAMPLE_TEXT)["input_ids"], tokenizer.chat_template


def _logits(folder: Path) -> list[Tensor]:
    """The logits, (1, tokens, vocabulary), of a few sequences that reach over the whole vocabulary."""
    import torch

    model = _load(folder)
    vocabulary = model.config.get_text_config().vocab_size
    logits = []
    for length in _SEQUENCE_LENGTHS:
        tokens = torch.tensor([[(place * vocabulary) // length for place in range(length)]])  # (1, length)
        with torch.no_grad():
            logits.append(model(input_ids=tokens).logits)
    return logits


def _load(folder: Path) -> Any:
    import transformers

    with _loading(folder):
        config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
        # The class that wrote it: an Auto class would have to be told text and vision-language models apart.
        named = (config.architectures or [""])[0]
        architecture = getattr(transformers, named, transformers.AutoModelForCausalLM)
        model, loaded = architecture.from_pretrained(
            folder, dtype="auto", local_files_only=True, output_loading_info=True
        )
    if loaded["missing_keys"]:
        missing = sorted(loaded["missing_keys"])
        raise GpgError(
            f"the weights in {folder} lack {len(missing)} tensors of the model, for example {missing[0]}",
            "Export a folder that was saved whole.",
        )
    # On CPU the tensors lie in the mapped file, aligned as its header's length has it, and kernels may add in another
    # order for another alignment. In memory of torch's own all are aligned alike.
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()
    return model.eval()


@contextmanager
def _loading(folder: Path) -> Iterator[None]:
    """Loading without a progress bar of its own; whatever a broken folder makes transformers raise is told in words."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    except Exception as error:  # OSError, ValueError, KeyError, SafetensorError, ...: it depends on the file
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise GpgError(
            f"transformers cannot load {folder}: {reason}", "Mend the folder, or save the model again."
        ) from error
    finally:
        if shown:
            logging.enable_progress_bar()
