"""The objective against a reference written here from the formulas of the paper, number by number."""

import math
import statistics

import pytest
import torch

from gpg_cli.training.objective import gpg_loss, group_advantages, inverse_alpha, weighted_reward

NAN = math.nan


def reference_advantages(groups: list[list[float]], scale: str) -> list[float]:
    """A_i = (r_i - mean) / F; 0 in a dead group and where there is no reward."""
    everything = [reward for group in groups for reward in group if not math.isnan(reward)]
    advantages = []
    for group in groups:
        scored = [reward for reward in group if not math.isnan(reward)]
        dead = not scored or max(scored) == min(scored)
        if not dead:
            deviation = {"none": 1.0, "group": statistics.stdev(scored) + 1e-4}.get(scale)
            divisor = deviation or statistics.stdev(everything) + 1e-4
        for reward in group:
            advantages.append(0.0 if dead or math.isnan(reward) else (reward - statistics.mean(scored)) / divisor)
    return advantages


@pytest.mark.parametrize("scale", ["none", "group", "batch"])
@pytest.mark.parametrize(
    "groups",
    [
        pytest.param([[1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 1.0]], id="two groups with signal"),
        pytest.param([[1.0] * 4, [0.0] * 4], id="all groups dead"),
        pytest.param([[1.0] * 4, [0.25, 1.0, -0.5, 0.0]], id="one group alive"),
        pytest.param([[1.0, NAN, 0.0, 1.0], [NAN, NAN, NAN, 1.0]], id="rewards that do not apply"),
        pytest.param([[NAN] * 4, [0.0, 1.0, 1.0, 1.0]], id="a group without any reward"),
    ],
)
def test_advantages_equal_the_formula(groups: list[list[float]], scale: str) -> None:
    found = group_advantages(torch.tensor(groups).view(-1), generations=4, scale=scale)
    torch.testing.assert_close(found.advantages.tolist(), reference_advantages(groups, scale), rtol=1e-6, atol=1e-6)


def test_a_group_is_dead_when_its_rewards_are_equal_though_their_float32_deviation_is_not_zero() -> None:
    """Trap T2 of upstream: six rewards of 1.2 have a standard deviation of 1.3e-7."""
    six_equal = torch.tensor([1.2] * 6)
    assert six_equal.std() > 0
    found = group_advantages(torch.cat([six_equal, torch.tensor([1.2] * 5 + [0.0])]), generations=6, scale="group")
    assert found.valid.tolist() == [False, True]
    assert found.advantages[:6].tolist() == [0.0] * 6


def test_rewards_however_small_carry_signal_when_they_differ() -> None:
    assert group_advantages(torch.tensor([1e-9, 3e-9]), generations=2, scale="none").valid.tolist() == [True]


def test_rewards_that_cannot_be_cut_into_groups_are_refused() -> None:
    with pytest.raises(ValueError, match="7 rewards cannot be cut into groups of 2"):
        group_advantages(torch.zeros(7), generations=2, scale="none")


def test_reward_functions_are_weighted_and_one_that_does_not_apply_adds_nothing() -> None:
    rewards = torch.tensor([[1.0, 0.5], [NAN, 0.5], [NAN, NAN]])
    assert weighted_reward(rewards, torch.tensor([1.0, 2.0])).tolist()[:2] == [2.0, 1.0]
    assert weighted_reward(rewards, torch.tensor([1.0, 2.0]))[2].isnan()


@pytest.mark.parametrize(
    ("valid", "floor", "expected"),
    [
        ([True, True, True, True], 0.0, 1.0),
        ([True, False, False, False], 0.0, 0.25),  # alpha = B / (B - M) = 4 / 1
        ([True] + [False] * 99, 0.0, 0.01),
        ([True] + [False] * 99, 0.05, 0.05),  # upstream before May 2025
        ([False, False], 0.0, 1.0),  # nothing to scale: the loss is 0
    ],
)
def test_inverse_alpha_is_the_share_of_groups_with_signal(valid: list[bool], floor: float, expected: float) -> None:
    assert inverse_alpha(torch.tensor(valid), floor) == pytest.approx(expected)


def reference_loss(
    log_probs: list[list[torch.Tensor]], advantages: list[float], alpha: float, reduction: str
) -> torch.Tensor:
    """- alpha x mean of A_i log pi(o_it), over all tokens or over completions of their means."""
    terms = [[-advantage * token for token in row] for row, advantage in zip(log_probs, advantages, strict=True)]
    if reduction == "token":
        return alpha * sum(sum(row) for row in terms) / sum(len(row) for row in terms)
    return alpha * sum(sum(row) / len(row) for row in terms) / len(terms)


@pytest.mark.parametrize("reduction", ["token", "sequence"])
@pytest.mark.parametrize("alpha", [1.0, 4.0])
@pytest.mark.parametrize("micro_batches", [[slice(0, 4)], [slice(0, 2), slice(2, 4)], [slice(0, 1), slice(1, 4)]])
def test_loss_and_gradient_equal_the_formula_however_the_step_is_cut(
    micro_batches: list[slice], alpha: float, reduction: str
) -> None:
    torch.manual_seed(0)
    logits = torch.randn(4, 5, 11, dtype=torch.float64, requires_grad=True)
    log_probs = logits.log_softmax(-1)[..., 3]  # (4, 5): the probability of token 3
    lengths, advantages = [5, 2, 1, 4], [0.5, -1.0, 0.0, 2.0]
    mask = torch.tensor([[1] * length + [0] * (5 - length) for length in lengths])
    expected = reference_loss(
        [list(row[:length]) for row, length in zip(log_probs, lengths, strict=True)], advantages, alpha, reduction
    )
    (expected_gradient,) = torch.autograd.grad(expected, logits, retain_graph=True)

    found = sum(
        gpg_loss(
            log_probs[part],
            torch.tensor(advantages)[part],
            mask[part],
            total=sum(lengths) if reduction == "token" else len(lengths),
            inverse_alpha=1 / alpha,
            reduction=reduction,
        )
        for part in micro_batches
    )
    (found_gradient,) = torch.autograd.grad(found, logits)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(found_gradient, expected_gradient)


def test_padding_adds_nothing_even_where_its_probability_is_zero() -> None:
    log_probs = torch.tensor([[-1.0, -torch.inf]])
    loss = gpg_loss(log_probs, torch.tensor([1.0]), torch.tensor([[1, 0]]), total=1)
    assert loss.item() == 1.0


def test_tokens_of_another_engine_are_weighted() -> None:
    log_probs, mask = torch.tensor([[-1.0, -2.0]]), torch.ones(1, 2)
    loss = gpg_loss(log_probs, torch.tensor([1.0]), mask, total=2, token_weights=torch.tensor([[0.5, 2.0]]))
    assert loss.item() == pytest.approx((0.5 * 1 + 2 * 2) / 2)
