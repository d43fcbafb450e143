"""From the rows of a step to micro-batches: nothing without gradient, little padding, the same number everywhere."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gpg_cli.training.rollout import Rollout

# What starting one more micro-batch costs, in tokens of forward and backward pass: kernel launches on a GPU, next to
# nothing on a CPU. It decides between a few micro-batches with more padding and many with less.
LAUNCH_COST_TOKENS = {"cuda": 512, "cpu": 32}
# Finer cuts that are tried, as multiples of the coarsest one that is allowed.
_FINER = (1.0, 1.25, 1.5, 2.0, 3.0, 4.0)


def plan_microbatches(
    lengths: Sequence[int],
    *,
    processes: int = 1,
    max_rows: int | None = None,
    max_tokens: int | None = None,
    launch_cost: int = 32,
) -> list[list[list[int]]]:
    """Sort rows by length, deal them out to the processes, and cut into micro-batches of about equal token counts.

    Row i of the sorted order goes to process i mod N, so all processes get nearly the same lengths, and the same cuts
    serve them all: collective operations of forward and backward passes need equal numbers.

    Args:
        lengths: tokens of each row.
        processes: N.
        max_rows: most rows of a micro-batch.
        max_tokens: most tokens of a micro-batch, padding included; a longer row is a micro-batch by itself.
        launch_cost: see `LAUNCH_COST_TOKENS`.

    Returns:
        For each micro-batch, for each process, its rows as positions in `lengths`. A process may get none where the
        rows do not go round; it must run a row without weight then.
    """
    if not lengths:
        return []
    order = sorted(range(len(lengths)), key=lambda row: (-lengths[row], row))
    strata = [order[start : start + processes] for start in range(0, len(order), processes)]
    longest = [lengths[stratum[0]] for stratum in strata]
    most_rows = max_rows or len(strata)
    coarsest = _count(longest, most_rows, max_tokens or most_rows * longest[0])
    candidates = {min(len(strata), math.ceil(coarsest * finer)) for finer in _FINER}
    cuts = [_equal_cut(longest, count, most_rows, max_tokens) for count in sorted(candidates)]
    best = min(cuts, key=lambda cut: sum(_cost(longest, start, end) + launch_cost for start, end in cut))
    return [
        [[stratum[process] for stratum in strata[start:end] if process < len(stratum)] for process in range(processes)]
        for start, end in best
    ]


@dataclass(frozen=True)
class MicroBatch:
    """Tensors of one forward pass. Prompt and completion stand together, padding at the right end only.

    Padding at the right end is never seen by a token before it, so a causal model needs no attention mask, and PyTorch
    takes its fast causal kernel.

    Attributes:
        input_ids: shape (batch, tokens).
        labels: the completions' tokens, -100 elsewhere, shape (batch, tokens).
        attention_mask: 1 on tokens, 0 on padding, shape (batch, tokens).
        mask: 1 where the next token belongs to the loss, shape (batch, tokens - 1).
        sampling_log_probs: the engine's, NaN where there is none, shape (batch, tokens - 1); or None.
    """

    input_ids: Tensor
    labels: Tensor
    attention_mask: Tensor
    mask: Tensor
    sampling_log_probs: Tensor | None


def collate(rows: Sequence[Rollout], pad_token_id: int, device: torch.device | str) -> MicroBatch:
    """Put rows side by side, trimmed to the longest of them."""
    shape = (len(rows), max(row.tokens for row in rows))
    input_ids = torch.full(shape, pad_token_id)
    labels = torch.full(shape, -100)
    attention_mask = torch.zeros(shape, dtype=torch.long)
    mask = torch.zeros(shape)
    sampled = rows[0].sampling_log_probs is not None
    sampling = torch.full(shape, torch.nan) if sampled else None
    for number, row in enumerate(rows):
        start, end = len(row.prompt_ids), row.tokens
        completion = torch.tensor(row.completion_ids)
        input_ids[number, :end] = torch.tensor(row.prompt_ids + row.completion_ids)
        attention_mask[number, :end] = 1
        labels[number, start:end] = completion
        mask[number, start:end] = 1.0 if row.loss_mask is None else torch.tensor(row.loss_mask, dtype=torch.float)
        if sampling is not None and row.sampling_log_probs is not None:
            values = [math.nan if value is None else value for value in row.sampling_log_probs]
            sampling[number, start:end] = torch.tensor(values)
    return MicroBatch(
        input_ids.to(device),
        labels.to(device),
        attention_mask.to(device),
        mask[:, 1:].to(device),
        None if sampling is None else sampling[:, 1:].to(device),
    )


Cut = list[tuple[int, int]]


def _equal_cut(longest: Sequence[int], count: int, max_rows: int, max_tokens: int | None) -> Cut:
    """At most `count` pieces (more where the limits ask for it) whose largest is as small as it can be."""
    low, high = longest[0], max_rows * longest[0]
    if max_tokens is not None:
        high = max(low, min(high, max_tokens))
    while low < high:
        middle = (low + high) // 2
        if _count(longest, max_rows, middle) <= count:
            high = middle
        else:
            low = middle + 1
    return _greedy(longest, max_rows, low)


def _count(longest: Sequence[int], max_rows: int, max_tokens: int) -> int:
    return len(_greedy(longest, max_rows, max_tokens))


def _greedy(longest: Sequence[int], max_rows: int, max_tokens: int) -> Cut:
    cut: Cut = []
    start = 0
    while start < len(longest):
        rows = max(1, min(max_rows, max_tokens // max(1, longest[start])))
        cut.append((start, min(start + rows, len(longest))))
        start = cut[-1][1]
    return cut


def _cost(longest: Sequence[int], start: int, end: int) -> int:
    """Tokens that are computed, padding included: each row as long as the piece's first."""
    return (end - start) * longest[start]
