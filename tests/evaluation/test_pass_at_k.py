"""pass@k against counting all subsets, and what must hold of it whatever was drawn."""

import itertools
import random

import pytest

from gpg_cli.evaluation.pass_at_k import mean_pass_at, pass_at_k


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_it_is_the_share_of_subsets_with_a_right_one(count: int) -> None:
    for correct in range(count + 1):
        answers = [True] * correct + [False] * (count - correct)
        for k in range(1, count + 1):
            subsets = list(itertools.combinations(answers, k))
            assert pass_at_k(count, correct, k) == pytest.approx(sum(map(any, subsets)) / len(subsets))


def test_no_number_grows_too_large() -> None:
    # 1 - C(9999, 5000)/C(10000, 5000) = 1/2
    assert pass_at_k(10_000, 1, 5_000) == pytest.approx(0.5)


@pytest.mark.parametrize("k", [0, 3])
def test_k_is_never_above_n(k: int) -> None:
    with pytest.raises(ValueError, match=f"pass@{k} of 2"):
        pass_at_k(2, 1, k)


@pytest.mark.parametrize(
    ("samples", "ks"), [(1, [1]), (2, [1, 2]), (3, [1, 2, 3]), (4, [1, 2, 4]), (10, [1, 2, 4, 8, 10])]
)
def test_k_doubles_up_to_n_and_n_is_always_there(samples: int, ks: list[int]) -> None:
    assert list(mean_pass_at([(samples, 0)])) == ks


def test_all_right_is_one_and_none_right_is_zero_for_every_k() -> None:
    """Trap: lighteval#771, where pass@1 of 64 was 0.05 because k exceeded what was drawn."""
    for count in range(1, 70):
        assert set(mean_pass_at([(count, count)] * 3).values()) == {1.0}
        assert set(mean_pass_at([(count, 0)] * 3).values()) == {0.0}


@pytest.mark.parametrize("seed", range(30))
def test_of_whatever_was_drawn_it_starts_at_the_mean_and_never_falls(seed: int) -> None:
    generator = random.Random(seed)
    # Of an evaluation that was cut short: problems have different numbers of samples.
    counts = [generator.randint(1, 20) for _ in range(generator.randint(1, 12))]
    problems = [(count, generator.randint(0, count)) for count in counts]
    found = mean_pass_at(problems)
    assert found[1] == pytest.approx(sum(correct / count for count, correct in problems) / len(problems))
    assert max(found) == min(counts)
    values = list(found.values())
    assert all(0 <= value <= 1 + 1e-12 for value in values)
    assert all(later >= earlier - 1e-12 for earlier, later in itertools.pairwise(values))
