"""Filling a batch: when further prompts are sampled, how many, and what is kept."""

import random

import pytest

from gpg_cli.training.rollout import FilledBatch, Group, Rollout, fill_batch, groups_to_request


class Prompts:
    """Plays groups that carry signal or not, in a given order, and remembers what was asked for."""

    def __init__(self, valid: list[bool]) -> None:
        self._valid = iter(valid)
        self.asked: list[int] = []
        self._next = 0

    def sample(self, count: int) -> list[Group]:
        self.asked.append(count)
        groups = []
        for _ in range(count):
            groups.append(Group(self._next, [], next(self._valid)))
            self._next += 1
        return groups


def fill(prompts: Prompts, **how: object) -> FilledBatch:
    return fill_batch(prompts.sample, **{"size": 4, "threshold": 0.5, "max_rounds": 20, **how})


def test_a_batch_with_enough_signal_is_sampled_once() -> None:
    prompts = Prompts([True, False, True, False])
    batch = fill(prompts)
    assert (prompts.asked, batch.rounds, batch.short) == ([4], 0, False)


def test_only_what_is_missing_is_asked_for() -> None:
    """Trap T15. One of four is valid and one more is wanted: at that rate, four further prompts."""
    prompts = Prompts([True, False, False, False] + [False, True] + [False] * 20)
    batch = fill(prompts, size=4)
    assert prompts.asked == [4, 4]
    assert batch.valid == 2
    half_of_64 = Prompts([True, False, False, False] * 12 + [True] * 16 + [True] * 64)
    fill(half_of_64, size=64)
    assert half_of_64.asked[0] == 64
    assert half_of_64.asked[1] < 16


def test_groups_with_signal_are_kept_from_the_oldest_on_and_dead_ones_of_the_newest_round_fill_the_rest() -> None:
    prompts = Prompts([True, False, False, False, True, False, True, False])
    batch = fill(prompts)
    assert [group.prompt for group in batch.groups] == [0, 4, 6, 7]
    assert [group.valid for group in batch.groups] == [True, True, True, False]
    assert len(batch.generated) == 8


def test_surplus_groups_with_signal_are_cut_and_not_counted() -> None:
    """Trap T4: alpha counts what is trained on."""
    batch = fill(Prompts([True, False, False, False] + [True] * 4))
    assert (len(batch.groups), batch.valid) == (4, 4)


def test_after_the_rounds_allowed_it_trains_on_what_there_is() -> None:
    """Trap T14: upstream ends the run with an assertion."""
    prompts = Prompts([False] * 1000)
    batch = fill(prompts, max_rounds=3)
    assert len(prompts.asked) == 1 + 3
    assert (len(batch.groups), batch.valid, batch.short) == (4, 0, True)


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_a_threshold_of_0_never_samples_again_and_1_wants_signal_everywhere(threshold: float) -> None:
    batch = fill(Prompts([False, True] * 200), threshold=threshold)
    assert (batch.rounds == 0) == (threshold == 0)
    assert batch.valid == (4 if threshold else 2)


def test_every_process_can_be_given_the_same_number() -> None:
    prompts = Prompts([False, False, False, True] + [True] * 20)
    fill(prompts, size=4, multiple=3)
    assert prompts.asked[1] % 3 == 0


def test_a_valid_rate_of_nothing_so_far_does_not_ask_for_more_than_a_batch() -> None:
    assert groups_to_request(missing=8, valid=0, seen=16, size=16) == 16


@pytest.mark.parametrize("rate", [0.1, 0.25, 0.5, 0.75])
def test_fewer_prompts_are_sampled_than_by_rounds_of_whole_batches(rate: float) -> None:
    """benchmarks/resampling.py has the numbers."""
    draw = random.Random(0)

    def sample(count: int) -> list[Group]:
        return [Group(0, [], draw.random() < rate) for _ in range(count)]

    ours = sum(len(fill_batch(sample, size=64, threshold=0.5, max_rounds=20).generated) for _ in range(200))
    whole = 0
    for _ in range(200):
        valid = 0
        while valid < 32:
            valid += sum(group.valid for group in sample(64))
            whole += 64
    assert ours <= whole


def test_a_rollout_counts_the_tokens_it_is_trained_on() -> None:
    rollout = Rollout([1, 2], [3, 4, 5], truncated=False, rewards=[1.0], loss_mask=[1, 0, 1])
    assert (rollout.tokens, rollout.loss_tokens) == (5, 2)
