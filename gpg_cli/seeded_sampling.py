"""Sampling in transformers' `generate` with random numbers of each row's own, for training and evaluation alike."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from transformers import (
    GenerationConfig,
    LogitsProcessor,
    MinPLogitsWarper,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)


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


def shaping(config: GenerationConfig) -> list[LogitsProcessor]:
    """What makes logits the distribution to draw from (temperature, top-k, top-p, min-p), before `SeededSampling`."""
    shapers: list[LogitsProcessor] = []
    if config.temperature not in (None, 1.0):
        shapers.append(TemperatureLogitsWarper(config.temperature))
    if config.top_k:
        shapers.append(TopKLogitsWarper(config.top_k))
    if config.top_p not in (None, 1.0):
        shapers.append(TopPLogitsWarper(config.top_p))
    if config.min_p:
        shapers.append(MinPLogitsWarper(config.min_p))
    return shapers
