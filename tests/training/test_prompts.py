"""The order of prompts: seeded, complete, weighted where asked for, the same after a checkpoint."""

import json
from collections import Counter

import pytest

from gpg_cli.training.prompts import PromptStream


def test_every_prompt_comes_once_an_epoch_whatever_the_requests() -> None:
    stream = PromptStream(10, seed=0)
    first = stream.take(4) + stream.take(1) + stream.take(5)
    assert sorted(first) == list(range(10))


def test_the_rest_of_an_epoch_is_not_dropped() -> None:
    """Trap T31: upstream's sampler drops the last incomplete batch but counts it."""
    stream = PromptStream(10, seed=0)
    taken = [prompt for _ in range(5) for prompt in stream.take(4)]
    assert Counter(taken) == Counter(list(range(10)) * 2)


def test_epochs_have_orders_of_their_own_and_seeds_too() -> None:
    stream = PromptStream(50, seed=0)
    first, second = stream.take(50), stream.take(50)
    assert first != second
    assert PromptStream(50, seed=0).take(50) == first
    assert PromptStream(50, seed=1).take(50) != first


@pytest.mark.parametrize("strategy", ["uniform", "hard", "soft", "medium"])
def test_a_saved_stream_goes_on_as_if_nothing_had_happened(strategy: str) -> None:
    """Trap T10: upstream loses its weights when it resumes."""
    stream = PromptStream(12, seed=3, strategy=strategy)
    for prompt in stream.take(7):
        stream.observe(prompt, prompt % 4 / 3)
    state = json.loads(json.dumps(stream.state_dict()))
    other = PromptStream(12, seed=3, strategy=strategy)
    other.load_state_dict(state)
    assert other.take(40) == stream.take(40)


def second_epoch(strategy: str, scores: list[float]) -> Counter[int]:
    """How often each prompt is drawn in many second epochs, when the first gave these scores."""
    drawn: Counter[int] = Counter()
    for seed in range(300):
        stream = PromptStream(len(scores), seed=seed, strategy=strategy)
        for prompt in stream.take(len(scores)):
            stream.observe(prompt, scores[prompt])
        drawn.update(stream.take(len(scores)))
    return drawn


def test_hard_draws_what_failed_most() -> None:
    drawn = second_epoch("hard", [0.0, 0.5, 1.0])
    assert drawn[2] == 0
    assert drawn[0] / drawn[1] == pytest.approx(2, rel=0.25)


def test_soft_leaves_out_what_always_failed_too() -> None:
    drawn = second_epoch("soft", [0.0, 0.25, 0.75, 1.0])
    assert drawn[0] == drawn[3] == 0
    assert drawn[1] / drawn[2] == pytest.approx(3, rel=0.25)


def test_medium_draws_evenly_what_sometimes_succeeds() -> None:
    drawn = second_epoch("medium", [0.0, 0.25, 0.75, 1.0])
    assert drawn[0] == drawn[3] == 0
    assert drawn[1] / drawn[2] == pytest.approx(1, rel=0.25)


def test_uniform_pays_no_attention_to_scores() -> None:
    assert set(second_epoch("uniform", [0.0, 0.5, 1.0]).values()) == {300}


def test_when_no_prompt_is_worth_another_look_an_epoch_of_everything_follows() -> None:
    """Trap T10: upstream ends with `all weights are zero`."""
    assert set(second_epoch("medium", [0.0, 1.0])) == {0, 1}


def test_a_prompt_that_was_drawn_again_is_judged_anew() -> None:
    stream = PromptStream(3, seed=0, strategy="hard")
    for prompt in stream.take(3):
        stream.observe(prompt, 1.0 if prompt else 0.0)
    assert stream.take(3) == [0, 0, 0]
    # Its score is forgotten and the others' are not: it counts 1 until it is seen again, they count 0.
    assert stream.take(3) == [0, 0, 0]
    stream.observe(0, 1.0)
    assert sorted(stream.take(3)) == [0, 1, 2], "now nothing is worth another look, so everything comes"


def test_a_state_of_another_data_set_is_refused() -> None:
    with pytest.raises(ValueError, match="count was 10, now 11"):
        PromptStream(11, seed=0).load_state_dict(PromptStream(10, seed=0).state_dict())
