"""The objective against a reference written here from the formulas of the paper, number by number."""

import math
import statistics

import pytest
import torch

from gpg_cli.training.objective import (
    gpg_loss,
    group_advantages,
    importance_weights,
    inverse_alpha,
    token_weights,
    weighted_reward,
)

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


@pytest.mark.parametrize("scale", ["none", "group", "batch"])
def test_rewards_whose_squares_are_infinite_in_float32_have_their_advantages(scale: str) -> None:
    groups = [[1e30, 0.0], [-3e30, 1e30]]
    found = group_advantages(torch.tensor(groups).view(-1), generations=2, scale=scale)
    torch.testing.assert_close(found.advantages.tolist(), reference_advantages(groups, scale), rtol=1e-6, atol=0)


def test_what_cancels_up_to_rounding_is_no_signal() -> None:
    assert group_advantages(torch.tensor([0.1 + 0.2 - 0.3, 0.0]), 2, "none").valid.tolist() == [False]
    tenths = torch.tensor([[0.1, 0.3], [0.0, 0.0]])  # 3 x 0.1 - 0.3 is -7e-9 in float32
    assert weighted_reward(tenths, torch.tensor([3.0, -1.0])).tolist() == [0.0, 0.0]


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
    assert inverse_alpha(torch.tensor(valid), floor=floor) == pytest.approx(expected)


def test_alpha_by_tokens_divides_by_the_tokens_of_groups_with_signal() -> None:
    """Trap T5: wrong answers are longer, so counting groups is not what the dead ones took from the mean."""
    lengths = torch.tensor([10, 10, 90, 90])
    weights = token_weights(lengths, "token")
    by_tokens = inverse_alpha(torch.tensor([True, False]), (weights * lengths).view(2, 2).sum(dim=1))
    assert by_tokens == pytest.approx(20 / 200)
    # The mean over all tokens, multiplied by alpha, is the mean over the live ones.
    assert weights[0].item() / by_tokens == pytest.approx(1 / 20)
    assert inverse_alpha(torch.tensor([True, False])) == 0.5


def reference_loss(
    log_probs: list[list[torch.Tensor]], advantages: list[float], alpha: float, reduction: str
) -> torch.Tensor:
    """- alpha x mean of A_i log pi(o_it): over all tokens, or over completions or pairs of them first."""
    terms = [[-advantage * token for token in row] for row, advantage in zip(log_probs, advantages, strict=True)]
    parts = {
        "token": [[token for row in terms for token in row]],
        "sequence": terms,
        "microbatch": [terms[0] + terms[1], terms[2] + terms[3]],
    }
    means = [sum(part) / len(part) for part in parts[reduction]]
    return alpha * sum(means) / len(means)


@pytest.mark.parametrize("reduction", ["token", "sequence", "microbatch"])
@pytest.mark.parametrize("alpha", [1.0, 4.0])
@pytest.mark.parametrize("micro_batches", [[[0, 1, 2, 3]], [[0, 1], [2, 3]], [[3], [0, 2], [1]]])
def test_loss_and_gradient_equal_the_formula_however_the_step_is_cut(
    micro_batches: list[list[int]], alpha: float, reduction: str
) -> None:
    """`microbatch` is trap T6, kept: short micro-batches weigh more, and do so whatever the cut that is computed."""
    torch.manual_seed(0)
    logits = torch.randn(4, 5, 11, dtype=torch.float64, requires_grad=True)
    log_probs = logits.log_softmax(-1)[..., 3]  # (4, 5): the probability of token 3
    lengths, advantages = [5, 2, 1, 4], [0.5, -1.0, 0.0, 2.0]
    mask = torch.tensor([[1] * length + [0] * (5 - length) for length in lengths])
    expected = reference_loss(
        [list(row[:length]) for row, length in zip(log_probs, lengths, strict=True)], advantages, alpha, reduction
    )
    (expected_gradient,) = torch.autograd.grad(expected, logits, retain_graph=True)

    weights = token_weights(torch.tensor(lengths), reduction, microbatch_rows=2)
    coefficients = alpha * torch.tensor(advantages) * weights
    found = sum(gpg_loss(log_probs[rows], coefficients[rows], mask[rows]) for rows in micro_batches)
    (found_gradient,) = torch.autograd.grad(found, logits)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(found_gradient, expected_gradient)


@pytest.mark.parametrize("reduction", ["token", "sequence", "microbatch"])
def test_the_weights_of_all_tokens_add_up_to_one(reduction: str) -> None:
    lengths = torch.tensor([3, 1, 4, 1, 5, 9])
    assert (token_weights(lengths, reduction, microbatch_rows=2) * lengths).sum().item() == pytest.approx(1)


def test_padding_adds_nothing_even_where_its_probability_is_zero() -> None:
    log_probs = torch.tensor([[-1.0, -torch.inf]])
    assert gpg_loss(log_probs, torch.tensor([1.0]), torch.tensor([[1, 0]])).item() == 1.0


def test_tokens_of_another_engine_are_weighted() -> None:
    log_probs, mask = torch.tensor([[-1.0, -2.0]]), torch.ones(1, 2)
    loss = gpg_loss(log_probs, torch.tensor([0.5]), mask, importance=torch.tensor([[0.5, 2.0]]))
    assert loss.item() == pytest.approx((0.5 * 1 + 2 * 2) / 2)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("token_truncate", [[0.5, 2.0, 1.0]]),  # ratios 0.5, 4 and unknown
        ("token_mask", [[0.5, 0.0, 1.0]]),
        ("sequence_truncate", [[2.0]]),  # their product, 2
        ("sequence_mask", [[2.0]]),
    ],
)
def test_importance_weights_are_ratios_within_bounds(mode: str, expected: list[list[float]]) -> None:
    sampled = torch.tensor([[-1.0, -1.0, NAN, -9.0]])
    trained = torch.tensor([[-1.0 + math.log(0.5), -1.0 + math.log(4), -1.0, 0.0]])
    mask = torch.tensor([[1, 1, 1, 0]])
    weights = importance_weights(trained, sampled, mask, mode, low=0.0, high=2.0 + 1e-6)
    torch.testing.assert_close(weights[:, :3], torch.tensor(expected), atol=1e-4, rtol=1e-4)
