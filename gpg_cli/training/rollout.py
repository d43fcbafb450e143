"""Fill a batch with groups that carry signal: when to sample more prompts, how many, and what to keep."""

import math
import numbers
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

# Ask for a little more than the valid rate seen so far calls for: one prompt too many costs less than another round.
_MARGIN = 1.05


@dataclass
class Rollout:
    """One completion and what it earned.

    Attributes:
        prompt_ids: tokens of the prompt.
        completion_ids: tokens of the completion.
        truncated: whether it ended at the length limit.
        rewards: of each reward function; NaN where it did not apply.
        completion: as the reward functions saw it: text, or a list of messages.
        columns: what reward functions logged about it; `accuracy` among them, 1 right, 0 wrong, None not graded.
        sampling_log_probs: the engine's, of each token; None where the trainer's own model sampled.
        loss_mask: 1 on tokens the model wrote, 0 on others (of an environment); None for all 1.
    """

    prompt_ids: list[int]
    completion_ids: list[int]
    truncated: bool
    rewards: list[float]
    completion: Any = ""
    columns: dict[str, Any] = field(default_factory=dict)
    sampling_log_probs: list[float | None] | None = None
    loss_mask: list[int] | None = None

    @property
    def accuracy(self) -> float | None:
        return as_accuracy(self.columns.get("accuracy"))

    @property
    def loss_tokens(self) -> int:
        return len(self.completion_ids) if self.loss_mask is None else sum(self.loss_mask)

    @property
    def tokens(self) -> int:
        return len(self.prompt_ids) + len(self.completion_ids)


def as_accuracy(logged: Any) -> float | None:
    """What was logged as `accuracy`; None also where a reward function of the user's logged something else so."""
    return float(logged) if isinstance(logged, numbers.Real) and math.isfinite(logged) else None


@dataclass
class Group:
    """The completions of one prompt.

    Attributes:
        prompt: row number in the data set.
        rollouts: G of them.
        valid: whether their rewards differ, so that the group carries signal.
    """

    prompt: int
    rollouts: list[Rollout]
    valid: bool


@dataclass
class FilledBatch:
    """What a step trains on, and what it took to get it.

    Attributes:
        groups: B of them: those with signal, from the oldest to the newest, then dead ones, from the newest round on.
        rounds: further rounds of sampling after the first.
        generated: all groups sampled, kept or not.
        short: whether the threshold was not reached within the rounds allowed.
    """

    groups: list[Group]
    rounds: int
    generated: list[Group] = field(repr=False)
    short: bool

    @property
    def valid(self) -> int:
        return sum(group.valid for group in self.groups)


def fill_batch(
    sample: Callable[[int], Sequence[Group]], *, size: int, threshold: float, max_rounds: int, multiple: int = 1
) -> FilledBatch:
    """Sample B groups, and more while fewer than `threshold` x B of them carry signal (paper: beta_th).

    Upstream samples a whole batch again each round (trap T15); this asks for what is missing. After `max_rounds`
    upstream ends the run (T14); this trains on what there is. Surplus groups are cut over all processes together, so
    what is counted is what is trained on (T4).

    Args:
        sample: draws that many further prompts and returns their groups.
        size: B, groups of an optimiser step over all processes.
        threshold: share of B that should carry signal; 0 never samples again.
        max_rounds: further rounds at most.
        multiple: requests are rounded up to a multiple of this, so that all processes get the same number.
    """
    needed = math.ceil(threshold * size - 1e-9)
    generated = list(sample(size))
    rounds, valid = 0, sum(group.valid for group in generated)
    while valid < needed and rounds < max_rounds:
        more = sample(groups_to_request(needed - valid, valid, len(generated), size, multiple))
        generated += more
        valid += sum(group.valid for group in more)
        rounds += 1
    live = [group for group in generated if group.valid][:size]
    dead = [group for group in reversed(generated) if not group.valid][: size - len(live)]
    return FilledBatch([*live, *dead], rounds, generated, short=valid < needed)


def groups_to_request(missing: int, valid: int, seen: int, size: int, multiple: int = 1) -> int:
    """How many prompts to sample so that `missing` of their groups carry signal.

    The shortfall divided by the valid rate seen so far (with one more valid group assumed, so that a rate of 0 is not
    taken for the truth), and never more than a whole batch: what a step's memory was planned for.

    Args:
        missing: groups with signal that are wanted.
        valid: of `seen` groups.
        seen: sampled so far in this step.
        size: groups of a whole batch.
        multiple: see `fill_batch`.
    """
    rate = valid / seen if valid else 1 / (seen + 1)
    wanted = min(math.ceil(missing / rate * _MARGIN), max(size, missing))
    return math.ceil(wanted / multiple) * multiple
