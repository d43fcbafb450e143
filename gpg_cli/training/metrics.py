"""What is logged about a step: pure functions of what was sampled and trained on."""

import math
import resource
import sys
from collections.abc import Sequence
from statistics import fmean, stdev

import psutil
import torch

from gpg_cli.training.rollout import FilledBatch, Rollout


def rollout_metrics(
    batch: FilledBatch, rewards: Sequence[float], reward_names: Sequence[str]
) -> dict[str, float | None]:
    """Rewards, accuracy and lengths of everything that was sampled in a step, and what became of its groups.

    Rewards and lengths are of all rounds: what was sampled again was not chosen by its reward, so these means are
    those of the policy. Groups and alpha are of what is trained on.

    Args:
        batch: the step.
        rewards: the weighted sum for each sampled completion, NaN where none applied, in the order of
            `batch.generated`.
        reward_names: one for each reward function.
    """
    rollouts = [rollout for group in batch.generated for rollout in group.rollouts]
    lengths = [len(rollout.completion_ids) for rollout in rollouts]
    metrics: dict[str, float | None] = {
        "reward": _mean(rewards),
        "reward_std": _deviation(rewards),
        "completions/mean_length": fmean(lengths),
        "completions/max_length": float(max(lengths)),
        "completions/clipped_ratio": fmean(rollout.truncated for rollout in rollouts),
        "groups/valid": float(batch.valid),
        "groups/total": float(len(batch.groups)),
        # Completions about which no reward function said anything: they neither count nor learn (trap T30).
        "rewards/none": float(sum(math.isnan(reward) for reward in rewards)),
        "resampling/rounds": float(batch.rounds),
        "resampling/prompts": float(len(batch.generated)),
        "resampling/short": float(batch.short),
    }
    for number, name in enumerate(reward_names):
        of_function = [rollout.rewards[number] for rollout in rollouts]
        metrics[f"rewards/{name}/mean"] = _mean(of_function)
        metrics[f"rewards/{name}/std"] = _deviation(of_function)
    return metrics | _accuracy_metrics(batch, rollouts)


def _accuracy_metrics(batch: FilledBatch, rollouts: Sequence[Rollout]) -> dict[str, float | None]:
    """By right answers, not by the sum of rewards: with a format or length reward the sum says nothing (trap T25)."""
    graded = [rollout.accuracy for rollout in rollouts if rollout.accuracy is not None]
    if not graded:
        return {}
    means = [mean for group in batch.generated if (mean := accuracy_of(group.rollouts)) is not None]
    return {
        "accuracy": fmean(graded),
        "ungraded": 1 - len(graded) / len(rollouts),
        "groups/easy": float(sum(mean == 1 for mean in means)),
        "groups/hard": float(sum(mean == 0 for mean in means)),
    }


def accuracy_of(rollouts: Sequence[Rollout]) -> float | None:
    """Share of right answers among those that were graded."""
    graded = [rollout.accuracy for rollout in rollouts if rollout.accuracy is not None]
    return fmean(graded) if graded else None


def peak_memory_gib(device: torch.device) -> float:
    """The most memory that this process held: on its GPU since the last call, or in RAM since it started."""
    if device.type == "cuda":
        peak = torch.cuda.max_memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        return peak / 2**30
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


def resident_memory_gib() -> float:
    """What this process holds in RAM now, whatever it held before."""
    return psutil.Process().memory_info().rss / 2**30


def _mean(values: Sequence[float]) -> float | None:
    known = [value for value in values if not math.isnan(value)]
    return fmean(known) if known else None


def _deviation(values: Sequence[float]) -> float | None:
    known = [value for value in values if not math.isnan(value)]
    return stdev(known) if len(known) > 1 else None
