"""The engine that works everywhere: batches through transformers' `generate`, on one GPU or on the CPU."""

import contextlib
import gc
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    StoppingCriteria,
    StoppingCriteriaList,
)
from transformers.utils import logging

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.engine import OnFinished, Request, first_line
from gpg_cli.evaluation.engines.pictures import PromptReader
from gpg_cli.evaluation.engines.transformers_inputs import model_inputs
from gpg_cli.evaluation.model_text import ModelText
from gpg_cli.pretrained import load_weights
from gpg_cli.seeded_sampling import SeededSampling, shaping
from gpg_cli.vision.model import is_vision_model

MAX_ROWS = 256
# Memory for keys and values of one batch. A fixed number on the CPU, a share of all memory (not of what happens to be
# free) on a GPU: the batches, and with them the last bits of every number, are the same each time.
CPU_CACHE_BYTES = 1 << 30
GPU_CACHE_SHARE = 0.3
# Vision tokens of one batch: the vision tower reads all pictures of a batch together. At 4 patches a token, each 4.7 kB
# of pixels, these are 600 MB, and a few times as much inside the tower.
MAX_VISION_TOKENS = 32_768


class TransformersEngine:
    """Completes prompts with a transformers model.

    Args:
        model_location: a model folder, or a Hub id.
        text: the model's tokenizer and end tokens.
        dtype: float32, bfloat16 or float16; None is float32 on the CPU, bfloat16 on a GPU.
        batch_size: at most so many completions at once.

    Raises:
        GpgError: the weights do not load.
    """

    def __init__(
        self, model_location: str, text: ModelText, dtype: str | None = None, batch_size: int = MAX_ROWS
    ) -> None:
        self._text = text
        self._batch_size = batch_size
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._model = _load(model_location, self._device, dtype)

    def generate(self, requests: Sequence[Request], on_finished: OnFinished) -> None:
        """See `Engine`. Each row draws from its own seed, so that no completion depends on which others are missing."""
        reader = PromptReader(self._text)
        reader.check(requests)
        for batch in self._batches(requests, reader):
            try:
                self._complete(batch, reader, on_finished)
            except torch.OutOfMemoryError as error:
                longest = reader.length(batch[0])
                raise GpgError(
                    f"the GPU's memory is too small for {len(batch)} completions of up to {longest} tokens",
                    "Try --engine-arg batch_size=8, lower --max-tokens, or use --engine vllm.",
                ) from error

    def close(self) -> None:
        del self._model
        gc.collect()
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def _batches(self, requests: Sequence[Request], reader: PromptReader) -> Iterator[list[Request]]:
        """Requests that are sampled alike, longest first, as many at once as there is room for."""
        ordered = sorted(requests, key=lambda request: (*_how(request), -reader.length(request), request.index))
        for _, group in groupby(ordered, key=_how):
            alike = list(group)
            while alike:
                rows = max(1, min(self._batch_size, self._cache_tokens() // reader.length(alike[0])))
                seen = list(accumulate(reader.vision_tokens(request) for request in alike[:rows]))
                rows = max(1, bisect_right(seen, MAX_VISION_TOKENS))
                yield alike[:rows]
                alike = alike[rows:]

    def _cache_tokens(self) -> int:
        """How many tokens' keys and values fit into the memory set aside for them."""
        budget = CPU_CACHE_BYTES
        if self._device.type == "cuda":
            budget = int(torch.cuda.get_device_properties(self._device).total_memory * GPU_CACHE_SHARE)
        return budget // _cache_bytes_per_token(self._model)

    def _complete(self, batch: list[Request], reader: PromptReader, on_finished: OnFinished) -> None:
        pad = self._text.stop_ids[0] if self._text.stop_ids else 0
        inputs = model_inputs(batch, self._text, reader, pad)
        inputs = {name: values.to(self._device) for name, values in inputs.items()}
        ids = inputs.pop("input_ids")
        width = ids.shape[1]

        def report(row: int, token_ids: list[int]) -> None:
            on_finished(batch[row], self._text.completion(token_ids))

        finished_rows = _FinishedRows(batch, width, self._text.stop_ids, report)
        with torch.inference_mode():
            self._model.generate(
                ids,
                **inputs,
                generation_config=_generation_config(batch, self._text.stop_ids, pad),
                logits_processor=LogitsProcessorList(_drawing(batch, width, self._device)),
                stopping_criteria=StoppingCriteriaList([finished_rows]),
            )


class _FinishedRows(StoppingCriteria):
    """Reports each row of a batch in the step in which it ends, and ends it at its own token limit.

    `generate` gives its rows back together, when the longest has ended; by then an hour's samples could be lost.
    """

    def __init__(self, batch: list[Request], width: int, stop_ids: tuple[int, ...], report: Any) -> None:
        self._limits = [request.sampling.max_tokens for request in batch]
        self._width = width
        self._stop_ids = set(stop_ids)
        self._report = report
        self._running = set(range(len(batch)))

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
        """(rows, tokens so far) -> (rows,) of True where a row has ended."""
        length = input_ids.shape[1] - self._width
        last = input_ids[:, -1].tolist()
        for row in sorted(self._running):
            if last[row] in self._stop_ids or length >= self._limits[row]:
                self._running.remove(row)
                self._report(row, input_ids[row, self._width :].tolist())
        return torch.tensor([row not in self._running for row in range(len(last))], device=input_ids.device)


def _load(location: str, device: torch.device, dtype: str | None) -> Any:
    dtype = dtype or ("bfloat16" if device.type == "cuda" else "float32")
    hint = "It needs a config.json, and safetensors weights that fit it."
    try:
        with _without_progress_bars():
            loader = AutoModelForImageTextToText if is_vision_model(location) else AutoModelForCausalLM
            model, loading = load_weights(loader, location, dtype=getattr(torch, dtype), output_loading_info=True)
    except GpgError:  # it needs what nobody allowed
        raise
    except Exception as error:  # a broken file shows itself as one of many exceptions of several libraries
        raise GpgError(f"cannot load the model {location}: {first_line(error)}", hint) from error
    # transformers fills what is missing with random numbers.
    if loading["missing_keys"]:
        raise GpgError(f"the model {location} lacks the weights {min(loading['missing_keys'])}", hint)
    # A model's own defaults (top_k, repetition_penalty) are not part of a benchmark's sampling.
    model.generation_config = GenerationConfig()
    return model.to(device).eval()


def _generation_config(batch: list[Request], stop_ids: tuple[int, ...], pad: int) -> GenerationConfig:
    """Greedy: where something is drawn, `_drawing` leaves one token to choose."""
    return GenerationConfig(
        max_new_tokens=max(request.sampling.max_tokens for request in batch),
        eos_token_id=list(stop_ids) or None,
        pad_token_id=pad,
        do_sample=False,
    )


def _drawing(batch: list[Request], width: int, device: torch.device) -> list[LogitsProcessor]:
    sampling = batch[0].sampling
    if sampling.temperature == 0:
        return []
    longest = max(request.sampling.max_tokens for request in batch)
    config = GenerationConfig(do_sample=True, temperature=sampling.temperature, top_p=sampling.top_p, top_k=0)
    return [*shaping(config), SeededSampling([row.sampling.seed for row in batch], width, longest, device)]


@contextlib.contextmanager
def _without_progress_bars() -> Iterator[None]:
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _cache_bytes_per_token(model: Any) -> int:
    config = model.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    head_size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return 2 * config.num_hidden_layers * heads * head_size * model.dtype.itemsize


def _how(request: Request) -> tuple[float, float]:
    return request.sampling.temperature, request.sampling.top_p
