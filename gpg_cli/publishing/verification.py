"""Is the exported model the model? Both are loaded, one after the other, and asked the same."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpg_cli.console import say
from gpg_cli.errors import GpgError
from gpg_cli.model_files import rendering
from gpg_cli.publishing.checkpoint import GENERATION_CONFIG
from gpg_cli.publishing.loading import load_model, load_tokenizer
from gpg_cli.run_folder import read_json

if TYPE_CHECKING:
    from torch import Tensor

PROMPTS = (
    "What is 12 + 34? <think>\nNäive café: 46 ≠ 64\n</think> \\boxed{46}",
    "Let x be the largest root of x^2 - 5x + 6 = 0. Reason step by step, and put the answer within \\boxed{}.",
    "def f(n):\n    return n if n < 2 else f(n - 1) + f(n - 2)\n\n# 数学: f(10) = 55\n",
)
# Reaching over the whole vocabulary, its last token included, which texts do not.
_SEQUENCE_LENGTHS = (7, 16)
# Norm of the difference of all logits over the norm of the logits: what rounding to a dtype may make of it, the coarser
# of two. Measured on SmolLM2-135M and the quickstart's model: bfloat16 0.3 to 1.4 %, float16 0.05 %.
TOLERANCE = {"float32": 1e-4, "float16": 5e-3, "bfloat16": 5e-2}


def verify_copy(source: Path, copy: Path, dtype: str | None = None, *, nan_allowed: bool = False) -> float:
    """Check that a copy of a model gives the logits of its source.

    To the bit: those of the source in the copy's dtype. Within the dtype's tolerance: those of the source as it is.

    Args:
        source: a model folder.
        copy: what is exported of it.
        dtype: what its weights were converted to, if they were.
        nan_allowed: whether logits may be NaN or infinite.

    Returns:
        The relative difference to the source as it is; 0 where the dtype is the same.

    Raises:
        GpgError: one of the two does not load or lacks weights, the source's logits are not finite, or they differ.
    """
    tokens = _prompt_tokens(copy)
    model = load_model(source)
    room = model.get_input_embeddings().num_embeddings
    if (highest := max(map(max, tokens))) >= room:
        raise GpgError(
            f"the tokenizer of {source} has token {highest}, and the model has room for {room}",
            "Save the tokenizer that the model was trained with.",
        )
    expected = logits_of(model, tokens)
    dtypes = {str(model.dtype).removeprefix("torch."), dtype or "float32"}
    del model  # one model at a time
    if not nan_allowed and not all(logits.isfinite().all() for logits in expected):
        raise GpgError(f"the model in {source} gives NaN or infinite logits", "Export an earlier checkpoint.")
    exact = expected if dtype is None else logits_of(load_model(source, dtype), tokens)
    found = logits_of(load_model(copy), tokens)
    if not all(_same(one, other) for one, other in zip(exact, found, strict=True)):
        raise GpgError(
            f"the copy of {source} gives other logits",
            "Report this, with the folder's config.json. Nothing was published.",
        )
    return _within_tolerance(expected, found, dtypes, f"{source} as {dtype}")


def verify_merged(base: Path, adapter: Path, merged: Path) -> float:
    """Check that a merged model, float32, gives the logits of its base with the adapter on it.

    Returns:
        The relative difference.

    Raises:
        GpgError: it is larger than rounding makes it.
    """
    tokens = _prompt_tokens(adapter)
    expected = logits_of(load_model(base, "float32", adapter), tokens)
    return _within_tolerance(expected, logits_of(load_model(merged), tokens), {"float32"}, f"{adapter}, merged,")


def verify_adapter(base: Path, adapter: Path, copy: Path, dtype: str | None = None) -> float:
    """Check that a copied adapter does to its base what the original does.

    Returns:
        The relative difference.

    Raises:
        GpgError: it does not.
    """
    tokens = _prompt_tokens(copy)
    expected = logits_of(load_model(base, "auto", adapter), tokens)
    found = logits_of(load_model(base, "auto", copy), tokens)
    return _within_tolerance(expected, found, {dtype or "float32"}, f"the copy of {adapter}")


def verify_tokenizer(source: Path, copy: Path) -> None:
    """Check that a copied tokenizer gives the same tokens, the same texts of them, and the same chats.

    Raises:
        GpgError: it does not; the file that is to blame is named.
    """
    before, after = load_tokenizer(source), load_tokenizer(copy)
    for prompt in PROMPTS:
        tokens = before(prompt)["input_ids"]
        texts = {one.decode(tokens, clean_up_tokenization_spaces=False) for one in (before, after)}
        if after(prompt)["input_ids"] != tokens or len(texts) > 1:
            raise GpgError(
                f"{copy.name}/tokenizer.json splits text into other tokens than that of {source}",
                "Report this, with the folder's files. Nothing was published.",
            )
    for name in ("eos_token_id", "pad_token_id", "bos_token_id"):
        if getattr(before, name) != getattr(after, name):
            raise GpgError(
                f"{copy.name}/tokenizer_config.json has another {name} than that of {source}",
                "Report this, with the folder's files. Nothing was published.",
            )
    if _chat(before) != _chat(after):
        raise GpgError(
            f"the chat template of {copy.name} renders other texts than that of {source}",
            "Report this, with chat_template.jinja and tokenizer_config.json. Nothing was published.",
        )


def verify_stops(copy: Path) -> None:
    """Check that a model stops: its generation config names the tokens that end a completion, the tokenizer's included.

    A chat template that ends a turn with another token is told of: its chats may run on.

    Raises:
        GpgError: it names none, or not the tokenizer's, or tokens that the tokenizer does not have.
    """
    tokenizer = load_tokenizer(copy)
    named = read_json(copy / GENERATION_CONFIG).get("eos_token_id")
    stops = set(named if isinstance(named, list) else [named]) - {None}
    if not stops:
        raise GpgError(
            f"{GENERATION_CONFIG} names no token that ends a completion, nor does the tokenizer: it would never stop",
            "Set eos_token in the model's tokenizer_config.json.",
        )
    unknown = [stop for stop in stops if not isinstance(stop, int) or not 0 <= stop < len(tokenizer)]
    if unknown or (tokenizer.eos_token_id is not None and tokenizer.eos_token_id not in stops):
        wrong = "which the tokenizer does not have" if unknown else f"not at the tokenizer's {tokenizer.eos_token}"
        raise GpgError(
            f"{GENERATION_CONFIG} stops at {', '.join(sorted(map(str, stops)))}, {wrong}",
            "Mend eos_token_id in the model's generation_config.json.",
        )
    turn_end = _turn_end(tokenizer)
    if turn_end is not None and turn_end not in stops:
        shown = tokenizer.convert_ids_to_tokens(turn_end)
        say(
            f"[yellow]The chat template ends a turn with {shown}, at which this model was not trained to stop: "
            "a chat may run on. Training with that as the tokenizer's eos_token would mend it.[/]"
        )


def logits_of(model: Any, sequences: list[list[int]]) -> list[Tensor]:
    """The logits of each sequence, (1, tokens, vocabulary)."""
    import torch

    found = []
    for sequence in sequences:
        with torch.no_grad():
            found.append(model(input_ids=torch.tensor([sequence])).logits)
    return found


def _prompt_tokens(folder: Path) -> list[list[int]]:
    """The prompts' tokens, and sequences that reach over the whole vocabulary."""
    tokenizer = load_tokenizer(folder)
    size = len(tokenizer)
    # A placeholder of a picture stands for one, which is not there.
    special = {token for token in tokenizer.all_special_ids if token != tokenizer.eos_token_id}
    spread = [[(place * (size - 1)) // (length - 1) for place in range(length)] for length in _SEQUENCE_LENGTHS]
    sequences = [tokenizer(prompt)["input_ids"] for prompt in PROMPTS]
    return [kept for tokens in [*sequences, *spread] if (kept := [token for token in tokens if token not in special])]


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and bool(one.nan_to_num().equal(other.nan_to_num()))


def _within_tolerance(expected: list[Tensor], found: list[Tensor], dtypes: set[str], what: str) -> float:
    difference = size = 0.0
    for one, other in zip(expected, found, strict=True):
        wanted = one.double().nan_to_num()
        difference += (wanted - other.double().nan_to_num()).square().sum().item()
        size += wanted.square().sum().item()
    relative = (difference / size if size else difference) ** 0.5
    tolerance = max(TOLERANCE.get(dtype, TOLERANCE["float32"]) for dtype in dtypes)
    if relative > tolerance:
        raise GpgError(
            f"{what} gives other logits: they differ by {relative:.2%}, and rounding explains {tolerance:.2%}",
            "Leave --dtype out, or report this. Nothing was published.",
        )
    return relative


def _chat(tokenizer: Any) -> str | None:
    if not tokenizer.chat_template:
        return None
    try:
        with rendering(""):
            return str(tokenizer.apply_chat_template([{"role": "user", "content": PROMPTS[0]}], tokenize=False))
    except GpgError as error:  # whatever a template raises: it must raise the same from the copy
        return error.message


def _turn_end(tokenizer: Any) -> int | None:
    """The special token that the chat template puts after an answer; None where it has no such thing."""
    marker = "46"
    turns = [{"role": "user", "content": "12 + 34?"}, {"role": "assistant", "content": marker}]
    try:
        with rendering(""):
            text = str(tokenizer.apply_chat_template(turns, tokenize=False))
    except GpgError:  # no template, or one for other messages
        return None
    tokens = tokenizer(text.rpartition(marker)[2], add_special_tokens=False)["input_ids"]
    special = set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)
    return next((token for token in tokens if token in special), None)
