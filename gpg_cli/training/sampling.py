"""Sampling that is a function of (run seed, step, prompt, sample index) alone.

Neither the number of processes, nor the order of a batch, nor what was resumed changes what is sampled.
"""

import copy
import hashlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from transformers import GenerationConfig, LogitsProcessorList, PreTrainedModel

from gpg_cli.seeded_sampling import SeededSampling, shaping


def seed_of(*parts: int) -> int:
    """A seed below 2**63 from numbers such as (run seed, step, prompt, sample index)."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest) >> 1


@dataclass(frozen=True)
class HowToSample:
    """How completions are sampled for a benchmark: temperature 0 is greedy."""

    temperature: float
    top_p: float
    max_tokens: int


def sample_completions(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    seeds: Sequence[int] | None,
    config: GenerationConfig,
    pad_token_id: int,
    eos_token_ids: Sequence[int],
    showing: Callable[[torch.Tensor], AbstractContextManager[dict[str, torch.Tensor]]] | None = None,
) -> list[list[int]]:
    """Sample one completion for each prompt with `model.generate`.

    Args:
        model: on the device to use; in evaluation mode, so that no dropout makes it another policy.
        prompts: tokens.
        seeds: one a prompt; equal prompts with equal seeds get equal completions. None takes the likeliest tokens.
        config: temperature, top_k, top_p, min_p, max_new_tokens and the rest, as for `generate`.
        pad_token_id: fills shorter prompts on the left.
        eos_token_ids: a completion ends with the first of these.
        showing: for prompts with pictures: gives `generate` its further arguments, of the padded prompts.

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
    processors = [] if seeds is None else shaping(config)
    if seeds is not None:
        processors.append(SeededSampling(seeds, longest, int(config.max_new_tokens), model.device))
    input_ids = input_ids.to(model.device)
    with showing(input_ids) if showing else nullcontext({}) as pictures:
        output = model.generate(
            input_ids=input_ids,
            attention_mask=attention_mask.to(model.device),
            generation_config=greedy,
            logits_processor=LogitsProcessorList(processors),
            **pictures,
        )
    ends = set(eos_token_ids)
    return [_until_end(row, ends) for row in output[:, longest:].tolist()]


class SeededEngine:
    """A vLLM engine whose requests each get a seed of their own; TRL gives all requests one set of parameters.

    Args:
        engine: vLLM's.
        image_token: TRL 1.16 gives prompts with one for each vision token, which vLLM 0.31 would multiply once more;
            a run of them becomes one.
    """

    def __init__(self, engine: Any, image_token: int | None = None) -> None:
        self._engine = engine
        self._image_token = image_token
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
        if self._image_token is not None:
            prompts = [self._with_short_runs(prompt) for prompt in prompts]
        return self._engine.generate(prompts, sampling_params=each, **options)

    def _with_short_runs(self, prompt: Any) -> Any:
        if not isinstance(prompt, dict) or "multi_modal_data" not in prompt:
            return prompt
        ids = prompt["prompt_token_ids"]
        pairs = zip([None, *ids], ids, strict=False)
        return {**prompt, "prompt_token_ids": [b for a, b in pairs if a != b or b != self._image_token]}


def _until_end(tokens: list[int], ends: set[int]) -> list[int]:
    for position, token in enumerate(tokens):
        if token in ends:
            return tokens[: position + 1]
    return tokens
