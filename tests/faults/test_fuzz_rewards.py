"""No completion, and no gold, makes a reward raise, hang, or pay what it does not say that it pays."""

import math
import random
import time
from typing import Any

import pytest

from gpg_cli.grading import grade_all
from gpg_cli.rewards import RewardSettings, get_reward, gold_is_text, reward_names
from tests.faults import LONG
from tests.faults.completions import completion, gold
from tests.faults.fuzzing import CASE_LIMIT_S

_GROUP = 8
_BATCH = 6 * _GROUP
_LIMIT_S = 0.3
# Lowest and highest, as the rewards' own descriptions say it; of all others 0 and 1.
_RANGES = {"cosine": (-0.5, 1.0), "length": (-0.5, 0.5), "length_per_prompt": (-0.5, 0.5)} | {
    "repetition_penalty": (-1.0, 0.0),
    "box": (0.0, 2.0),
}
_RULES = {"box": "box-training", "class_name": "class-name-training", "vision_accuracy": "vision-training"}
_NOTHING_FOR_NOTHING = {"accuracy", "accuracy_lv35", "box", "class_name", "vision_accuracy"}


@pytest.mark.parametrize("strings", [700, pytest.param(40_000, marks=LONG)])
def test_every_reward_pays_what_it_says_for_any_completion(
    strings: int, tally: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPG_GRADING_TIME_LIMIT", str(_LIMIT_S))
    names, started = reward_names(), time.monotonic()
    for number in range(-(-strings // _BATCH)):
        check(names[number % len(names)], random.Random(f"rewards {number}"))
        print(f"{(number + 1) * _BATCH}, {time.monotonic() - started:.0f} s", flush=True)
    tally("completions rewarded, by every reward", strings)
    print(f"{strings / (time.monotonic() - started):.0f} strings a second")


def check(name: str, seed: random.Random) -> None:
    rule = _RULES.get(name, "math-training")
    texts = [completion(seed) for _ in range(_BATCH)]
    golds = [each for _ in range(_BATCH // _GROUP) for each in [gold(seed, rule)] * _GROUP]
    logged: dict[str, list[float]] = {}
    given = {
        # As the trainer calls them.
        "prompts": [f"problem {place // _GROUP}" for place in range(_BATCH)],
        "completions": [[{"role": "assistant", "content": text}] for text in texts],
        "completion_ids": [list(range(len(text) // 4)) for text in texts],
        "solution": golds,
        "trainer_state": None,
        "log_extra": lambda column, values: logged.setdefault(column, []).extend(values),
        "log_metric": lambda metric, value: logged.setdefault(metric, []).append(value),
    }
    assert gold_is_text(name) is (name in _RULES)
    in_tokens = seed.random() < 0.5
    function = get_reward(name, RewardSettings(cosine_in_tokens=in_tokens, cosine_clamp=seed.random() < 0.5))
    before = time.monotonic()
    rewards = function(**given)
    allowed_s = CASE_LIMIT_S * (_BATCH / 10 + sum(reward is None for reward in rewards))
    assert time.monotonic() - before < allowed_s, name
    assert len(rewards) == _BATCH
    lowest, highest = _RANGES.get(name, (0.0, 1.0))
    for text, reward in zip(texts, rewards, strict=True):
        assert reward is None or lowest - 1e-9 <= reward <= highest + 1e-9, (name, text, reward)
        assert text.strip() or name not in _NOTHING_FOR_NOTHING or not reward, (name, text, reward)
    numbers = [value for values in logged.values() for value in values if value is not None]
    assert all(math.isfinite(value) for value in numbers)
    grade_all([], "exact")  # the grades of the last call are remembered
    again = function(**given)
    # None: time ran out, which it need not do the next time.
    pairs = zip(rewards, again, strict=True)
    if name not in ("length", "length_per_prompt"):
        assert all(one == other for one, other in pairs if one is not None and other is not None), name
