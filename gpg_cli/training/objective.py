"""The mathematics of Group Policy Gradient (arXiv 2504.02546) on tensors: no trainer, no input, no output.

For each prompt a group of G completions is sampled; completion i earns the reward r_i.

    A_i   = (r_i - mean(r)) / F                     F = 1, the group's or the batch's standard deviation
    loss  = - alpha * mean over tokens of A_i * log pi(o_it | q, o_i<t)
    alpha = B / (B - M)                             B groups, M of them dead (all rewards equal)

There is no reference model, no KL term, no clipping, no ratio and no critic.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

RewardScale = Literal["none", "group", "batch"]
LossReduction = Literal["token", "sequence", "microbatch"]
ImportanceMode = Literal["token_truncate", "token_mask", "sequence_truncate", "sequence_mask"]

# TRL's and upstream's guard against a division by zero: F = std + 1e-4.
STD_GUARD = 1e-4
# Rewards that differ by less than float32's rounding, relative to the larger, count as equal. Telling dead groups by a
# standard deviation of exactly 0, as upstream does, takes six rewards of 1.2 (std 1.3e-7) for a group with signal.
EQUAL_REWARDS = 1e-6
# What is left where numbers about 1 cancel (0.1 + 0.2 - 0.3 is 6e-17) has no size to compare with. Below AdamW's
# epsilon of 1e-8 by far, an advantage as small moves nothing, and its group would only be counted as one with signal.
NO_REWARD = 1e-12


@dataclass(frozen=True)
class GroupAdvantages:
    """What a batch of groups is worth to the policy.

    Attributes:
        advantages: A_i, shape (groups * generations,), float64; exactly 0 in dead groups and where no reward applied.
        valid: whether a group carries signal, shape (groups,), boolean.
    """

    advantages: Tensor
    valid: Tensor


def weighted_reward(rewards_per_function: Tensor, weights: Tensor) -> Tensor:
    """Sum the reward functions of each completion, in double precision.

    A NaN is a reward that does not apply and adds nothing; a completion to which none applies has no reward (NaN).
    A sum that is rounding only, as that of 3 x 0.1 and -0.3 in float32, is 0.

    Args:
        rewards_per_function: shape (completions, functions).
        weights: shape (functions,).

    Returns:
        Rewards, shape (completions,), float64.
    """
    terms = rewards_per_function.double() * weights.double()
    rewards = terms.nansum(dim=1)
    rewards = rewards.masked_fill(rewards.abs() <= EQUAL_REWARDS * terms.abs().nansum(dim=1), 0.0)
    return rewards.masked_fill(rewards_per_function.isnan().all(dim=1), torch.nan)


def group_advantages(rewards: Tensor, generations: int, scale: RewardScale) -> GroupAdvantages:
    """Compare each completion with its group (paper, section 3; F in its ablation of normalisers).

    In double precision: the square of a reward of 1e30 is infinite in float32, and so would be F.

    Completions without a reward (NaN) neither count in their group's mean nor get an advantage.

    Args:
        rewards: shape (groups * generations,), the completions of one prompt side by side.
        generations: G, completions per group.
        scale: F; `none` is 1, `group` and `batch` are an unbiased standard deviation plus 1e-4.

    Raises:
        ValueError: the rewards cannot be cut into groups of `generations`.
    """
    if rewards.numel() % generations:
        raise ValueError(f"{rewards.numel()} rewards cannot be cut into groups of {generations}")
    groups = rewards.double().view(-1, generations)  # (groups, generations)
    scored = ~groups.isnan()
    centred = groups - groups.nanmean(dim=1, keepdim=True)
    if scale == "group":
        centred = centred / (_std(groups, dim=1) + STD_GUARD)
    elif scale == "batch":
        centred = centred / (_std(groups.view(1, -1), dim=1) + STD_GUARD)
    highest = groups.masked_fill(~scored, -torch.inf).amax(dim=1)
    lowest = groups.masked_fill(~scored, torch.inf).amin(dim=1)
    size = torch.maximum(highest.abs(), lowest.abs())
    # A group without any reward has highest = -inf, lowest = inf and size = inf: the comparison is false, it is dead.
    valid = (highest - lowest) > (EQUAL_REWARDS * size).clamp(min=NO_REWARD)
    advantages = centred.masked_fill(~(scored & valid[:, None]), 0.0)
    return GroupAdvantages(advantages.view(-1), valid)


def token_weights(lengths: Tensor, reduction: LossReduction, microbatch_rows: int = 0) -> Tensor:
    """What one token of each completion weighs in the step's mean; all tokens together weigh 1.

    Args:
        lengths: tokens of each completion, shape (completions,), of the whole step over all processes.
        reduction: `token` averages over all tokens of the step (the formula of the paper); `sequence` first within a
            completion, then over completions (its vision experiments); `microbatch` first within each
            `microbatch_rows` completions, then over those (what upstream's text trainer did, trap T6: short
            micro-batches weigh more).
        microbatch_rows: rows of a micro-batch, in the order of `lengths`.

    Returns:
        Weights, shape (completions,); 0 for completions without a token.
    """
    lengths = lengths.double()
    if reduction == "token":
        return torch.full_like(lengths, 1.0 / lengths.sum().clamp(min=1.0).item())
    if reduction == "sequence":
        return torch.where(lengths > 0, 1.0 / lengths.clamp(min=1.0), 0.0) / max(1, lengths.numel())
    chunks = lengths.split(microbatch_rows)
    means = [torch.full_like(chunk, 1.0 / chunk.sum().clamp(min=1.0).item()) for chunk in chunks]
    return torch.cat(means) / len(chunks)


def inverse_alpha(valid: Tensor, weights: Tensor | None = None, floor: float = 0.0) -> float:
    """1 / alpha = (B - M) / B, the share of groups with signal, at least `floor`.

    1 where no group has signal: the loss is 0 then, and stays 0. Upstream's earlier trainer had a floor of 0.05.

    Args:
        valid: shape (groups,), of the whole optimiser step over all processes, as it is trained on.
        weights: what each group weighs in the loss (its tokens, say), shape (groups,). Counting groups, as the paper
            does, is exact only where dead and live completions are equally long (trap T5); with weights alpha is
            exactly what the dead groups take from the mean.
        floor: what the share is never taken to be below.
    """
    weights = torch.ones(valid.shape) if weights is None else weights
    share = (weights[valid].sum() / weights.sum()).item()
    return max(share, floor) if valid.any() and share > 0 else 1.0


def gpg_loss(log_probs: Tensor, coefficients: Tensor, mask: Tensor, importance: Tensor | None = None) -> Tensor:
    """One micro-batch's share of the loss of an optimiser step; the shares of all micro-batches add up to it.

    Args:
        log_probs: log pi(o_it | q, o_i<t), shape (batch, tokens).
        coefficients: alpha * A_i * (weight of a token of completion i), shape (batch,).
        mask: 1 on the completion's own tokens, shape (batch, tokens).
        importance: weights of tokens that another engine sampled, shape (batch, tokens) or (batch, 1).

    Returns:
        A scalar.
    """
    per_token = -coefficients[:, None] * log_probs  # (batch, tokens)
    if importance is not None:
        per_token = per_token * importance
    # where, not a product: the log-probability of a padding token may be infinite.
    return torch.where(mask.bool(), per_token, 0.0).sum()


def importance_weights(
    log_probs: Tensor, sampling_log_probs: Tensor, mask: Tensor, mode: ImportanceMode, low: float, high: float
) -> Tensor:
    """pi_trainer / pi_engine of sampled tokens: corrects for an engine whose probabilities differ from the trainer's.

    Where generation and optimisation are aligned the trainer's probabilities of the sampling policy are the current
    ones, so no second forward pass is needed (TRL 1.16 makes one).

    Args:
        log_probs: of the trainer; no gradient flows through the weights. Shape (batch, tokens).
        sampling_log_probs: of the engine; NaN where it gave none (weight 1). Shape (batch, tokens).
        mask: 1 on completion tokens, shape (batch, tokens).
        mode: per token or per sequence; ratios outside the bounds are truncated to them, or masked (0).
        low: lower bound of a ratio.
        high: upper bound.

    Returns:
        Shape (batch, tokens), or (batch, 1) for the sequence modes.
    """
    difference = torch.where(mask.bool(), log_probs.detach() - sampling_log_probs, 0.0).nan_to_num(nan=0.0)
    if mode.startswith("sequence"):
        difference = difference.sum(dim=1, keepdim=True)
    ratio = difference.exp()
    if mode.endswith("truncate"):
        return ratio.clamp(low, high)
    return ratio.masked_fill((ratio < low) | (ratio > high), 0.0)


def _std(values: Tensor, dim: int) -> Tensor:
    """Unbiased standard deviation over the values that are not NaN, with that dimension kept; 0 for fewer than two."""
    scored = ~values.isnan()
    count = scored.sum(dim=dim, keepdim=True)
    squares = (values - values.nanmean(dim=dim, keepdim=True)).square().masked_fill(~scored, 0.0)
    return (squares.sum(dim=dim, keepdim=True) / (count - 1).clamp(min=1)).sqrt()
