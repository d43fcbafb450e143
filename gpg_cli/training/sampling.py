"""Sampling that is a function of (run seed, step, prompt, sample index) alone.

Neither the number of processes, nor the order of a batch, nor what was resumed changes what is sampled.
"""

import copy
import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import (
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    MinPLogitsWarper,
    PreTrainedModel,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)


def seed_of(*parts: int) -> int:
    """A seed below 2**63 from numbers such as (run seed, step, prompt, sample index)."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest) >> 1


class SeededSampling(LogitsProcessor):
    """Draws the next token of each row from that row's own random numbers, and leaves no other to choose.

    `generate` draws a batch with one global generator, so that a completion depends on which others stand beside it.

    Args:
        seeds: one a row.
        prompt_tokens: tokens of a row before the first draw, padding included.
        max_new_tokens: draws at most.
        device: where the logits are.
    """

    def __init__(self, seeds: Sequence[int], prompt_tokens: int, max_new_tokens: int, device: torch.device) -> None:
        draws = np.stack([np.random.default_rng(seed).random(max_new_tokens) for seed in seeds])
        self._draws = torch.from_numpy(draws).to(device)  # (rows, tokens), uniform in [0, 1)
        self._prompt_tokens = prompt_tokens

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        draw = self._draws[:, input_ids.shape[1] - self._prompt_tokens]
        # Inverse of the cumulative distribution, in double precision: float32 sums of 150,000 terms drift.
        cumulative = scores.softmax(dim=-1, dtype=torch.float32).double().cumsum(dim=-1)
        chosen = torch.searchsorted(cumulative, (draw * cumulative[:, -1])[:, None], right=True)
        chosen = chosen.clamp(max=scores.shape[-1] - 1)
        return torch.full_like(scores, -torch.inf).scatter_(1, chosen, 0.0)


def sample_completions(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    seeds: Sequence[int],
    config: GenerationConfig,
    pad_token_id: int,
    eos_token_ids: Sequence[int],
) -> list[list[int]]:
    """Sample one completion for each prompt with `model.generate`.

    Args:
        model: on the device to use; in evaluation mode, so that no dropout makes it another policy.
        prompts: tokens.
        seeds: one a prompt; equal prompts with equal seeds get equal completions.
        config: temperature, top_k, top_p, min_p, max_new_tokens and the rest, as for `generate`.
        pad_token_id: fills shorter prompts on the left.
        eos_token_ids: a completion ends with the first of these.

    Returns:
        Tokens of each completion, with the one that ended it, if one did.
    """
    longest = max(map(len, prompts))
    input_ids = torch.full((len(prompts), longest), pad_token_id)
    attention_mask = torch.zeros_like(input_ids)
    for row, prompt in enumerate(prompts):
        input_ids[row, longest - len(prompt) :] = torch.tensor(prompt)
        attention_mask[row, longest - len(prompt) :] = 1
    # Greedy, of the one token that SeededSampling leaves; what shapes the distribution is given as processors.
    greedy = copy.deepcopy(config)
    greedy.update(do_sample=False, temperature=None, top_k=None, top_p=None, min_p=None)
    draw = SeededSampling(seeds, longest, int(config.max_new_tokens), model.device)
    output = model.generate(
        input_ids=input_ids.to(model.device),
        attention_mask=attention_mask.to(model.device),
        generation_config=greedy,
        logits_processor=LogitsProcessorList([*_shaping(config), draw]),
    )
    ends = set(eos_token_ids)
    return [_until_end(row, ends) for row in output[:, longest:].tolist()]


class SeededEngine:
    """A vLLM engine whose requests each get a seed of their own; TRL gives all requests one set of parameters."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self.seeds: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def generate(self, prompts: Sequence[Any], sampling_params: Any, **options: Any) -> Any:
        """As the engine's, with `seeds` given to the requests in order."""
        each = []
        for _, seed in zip(prompts, self.seeds, strict=True):
            parameters = sampling_params.clone()
            parameters.seed = seed
            each.append(parameters)
        return self._engine.generate(prompts, sampling_params=each, **options)


def _shaping(config: GenerationConfig) -> list[LogitsProcessor]:
    shaping: list[LogitsProcessor] = []
    if config.temperature not in (None, 1.0):
        shaping.append(TemperatureLogitsWarper(config.temperature))
    if config.top_k:
        shaping.append(TopKLogitsWarper(config.top_k))
    if config.top_p not in (None, 1.0):
        shaping.append(TopPLogitsWarper(config.top_p))
    if config.min_p:
        shaping.append(MinPLogitsWarper(config.min_p))
    return shaping


def _until_end(tokens: list[int], ends: set[int]) -> list[int]:
    for position, token in enumerate(tokens):
        if token in ends:
            return tokens[: position + 1]
    return tokens
