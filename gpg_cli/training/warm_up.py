"""The supervised learning that makes the models of the quickstarts, before reinforcement learning begins."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch

RAMP_STEPS = 20  # of the learning rate, from 0 up; then linearly down to a twentieth


def learn_from_texts(
    model: Any,
    batches: Iterable[dict[str, torch.Tensor]],
    steps: int,
    learning_rate: float,
    on_step: Callable[[int, int], None] | None = None,
) -> None:
    """One optimiser step for each of `steps` batches.

    Args:
        batches: the model's arguments, `labels` among them; as many as there are steps.
        learning_rate: at its highest.
        on_step: called with (steps done, all steps).
    """
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=0.01)
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / RAMP_STEPS, max(0.05, 1 - step / steps))
    )
    model.train()
    for step, batch in enumerate(batches, start=1):
        model(**batch).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        scheduler.step()
        if on_step:
            on_step(step, steps)
    model.eval()


def in_batches(items: Sequence[Any], size: int) -> Iterable[Sequence[Any]]:
    """The items in their order, `size` at a time."""
    return (items[start : start + size] for start in range(0, len(items), size))
