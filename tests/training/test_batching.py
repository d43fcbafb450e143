"""How rows become micro-batches: every row once, little padding, the same number on every process."""

import random

import pytest
import torch

from gpg_cli.training.batching import collate, plan_microbatches
from gpg_cli.training.rollout import Rollout


def heavy_tailed(count: int, seed: int = 0) -> list[int]:
    """Lengths with a median of about 75 and a few of several hundred tokens."""
    draw = random.Random(seed)
    return [min(400, max(8, int(draw.lognormvariate(4.3, 0.8)))) for _ in range(count)]


def padded_tokens(plan: list[list[list[int]]], lengths: list[int]) -> list[int]:
    """Tokens computed in each micro-batch of each process, padding included."""
    return [len(rows) * max(lengths[row] for row in rows) for batch in plan for rows in batch if rows]


@pytest.mark.parametrize("processes", [1, 2, 3])
@pytest.mark.parametrize("count", [1, 2, 7, 32, 100])
def test_every_row_is_in_one_micro_batch_of_one_process(count: int, processes: int) -> None:
    plan = plan_microbatches(heavy_tailed(count), processes=processes, max_rows=8)
    assert sorted(row for batch in plan for rows in batch for row in rows) == list(range(count))
    assert {len(batch) for batch in plan} == {processes}
    assert max(len(rows) for batch in plan for rows in batch) <= 8


def test_rows_of_like_length_stand_together_so_that_padding_is_small() -> None:
    lengths = heavy_tailed(32)
    in_order = sum(8 * max(lengths[start : start + 8]) for start in range(0, 32, 8))
    assert sum(padded_tokens(plan_microbatches(lengths, max_rows=8), lengths)) < 0.6 * in_order


def test_micro_batches_hold_about_equal_numbers_of_tokens() -> None:
    lengths = heavy_tailed(64)
    sizes = padded_tokens(plan_microbatches(lengths, max_rows=16), lengths)
    assert max(sizes) <= max(max(lengths), 1.5 * sum(sizes) / len(sizes))


def test_processes_get_nearly_equal_work() -> None:
    lengths = heavy_tailed(64)
    plan = plan_microbatches(lengths, processes=2, max_rows=8)
    work = [sum(lengths[row] for batch in plan for row in batch[process]) for process in (0, 1)]
    assert abs(work[0] - work[1]) < 0.1 * sum(work)


def test_a_limit_of_tokens_replaces_the_limit_of_rows() -> None:
    lengths = heavy_tailed(64)
    plan = plan_microbatches(lengths, max_tokens=512)
    assert all(size <= 512 for size in padded_tokens(plan, lengths))
    assert max(len(rows) for batch in plan for rows in batch) > 8


def test_a_row_longer_than_the_limit_of_tokens_stands_alone() -> None:
    plan = plan_microbatches([1000, 10, 10], max_tokens=100)
    assert plan[0] == [[0]]


def test_with_fewer_rows_than_processes_some_get_none_and_the_number_of_micro_batches_is_the_same() -> None:
    assert plan_microbatches([5], processes=3, max_rows=4) == [[[0], [], []]]


def test_no_rows_no_micro_batches() -> None:
    assert plan_microbatches([], processes=2, max_rows=4) == []


def row(prompt: list[int], completion: list[int], **more: object) -> Rollout:
    return Rollout(prompt_ids=prompt, completion_ids=completion, truncated=False, rewards=[], **more)


def test_tensors_hold_prompt_and_completion_side_by_side_and_are_trimmed_to_the_longest_row() -> None:
    micro = collate([row([1, 2, 3], [4, 5]), row([6], [7])], pad_token_id=0, device="cpu")
    assert micro.input_ids.tolist() == [[1, 2, 3, 4, 5], [6, 7, 0, 0, 0]]
    assert micro.attention_mask.tolist() == [[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]]
    assert micro.labels.tolist() == [[-100, -100, -100, 4, 5], [-100, 7, -100, -100, -100]]
    assert micro.mask.tolist() == [[0, 0, 1, 1], [1, 0, 0, 0]]
    assert micro.sampling_log_probs is None


def test_tokens_that_the_model_did_not_write_are_read_but_not_learned() -> None:
    micro = collate([row([1], [2, 3, 4], loss_mask=[1, 0, 1])], pad_token_id=0, device="cpu")
    assert micro.mask.tolist() == [[1, 0, 1]]
    assert micro.labels.tolist() == [[-100, 2, 3, 4]]


def test_an_engines_log_probabilities_stand_where_their_tokens_are_predicted() -> None:
    rows = [row([1, 2], [3, 4], sampling_log_probs=[-0.5, None]), row([1], [2], sampling_log_probs=[-0.25])]
    micro = collate(rows, pad_token_id=0, device="cpu")
    assert micro.sampling_log_probs is not None
    nan = torch.nan
    torch.testing.assert_close(
        micro.sampling_log_probs, torch.tensor([[nan, -0.5, nan], [-0.25, nan, nan]]), equal_nan=True
    )
