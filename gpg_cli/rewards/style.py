"""Rewards for how a completion is written, whatever its answer."""

import re
from collections.abc import Sequence
from typing import Any

from gpg_cli.rewards.completion import Completion, completion_text
from gpg_cli.rewards.registry import reward
from gpg_cli.rewards.settings import RewardSettings

# open-r1's, without MULTILINE: a number with a point is found at the very start only.
_STEP = re.compile(r"Step \d+:|^\d+\.|\n-|\n\*|First,|Second,|Next,|Finally,")
_ENOUGH_STEPS = 3


@reward("reasoning_steps")
def reasoning_steps(completions: Sequence[Completion], settings: RewardSettings, **columns: Any) -> list[float | None]:
    """A third for each sign of a step ("Step 1:", a bullet, "First," ...), at most 1.

    This is open-r1's. Signs: "Step 1:", "First,", "Second,", "Next,", "Finally,", a line that starts with - or *
    (not the first one), and a number with a point, such as "1.", at the very start of the text.
    """
    found = [len(_STEP.findall(completion_text(completion))) for completion in completions]
    return [min(1.0, count / _ENOUGH_STEPS) for count in found]


@reward("repetition_penalty", parameters=("repetition_n_grams", "repetition_max_penalty"))
def repetition_penalty(
    completions: Sequence[Completion], settings: RewardSettings, **columns: Any
) -> list[float | None]:
    """0 for a text that never repeats itself, down to repetition_max_penalty for one that does nothing else.

    This is open-r1's: repetition_max_penalty x (1 - distinct / all n-grams of repetition_n_grams words), where words
    are what stands between spaces, in lower case. Texts with fewer words earn 0.
    """
    size, worst = settings.repetition_n_grams, settings.repetition_max_penalty
    shares = [_repeated_share(completion_text(completion), size) for completion in completions]
    return [worst * share if share else 0.0 for share in shares]  # never -0.0


def _repeated_share(text: str, size: int) -> float:
    """Share of the n-grams of `size` words that were there before; from 0 to, but not including, 1."""
    words = text.lower().split()
    total = len(words) - size + 1
    if total < 1:
        return 0.0
    return 1 - len({tuple(words[start : start + size]) for start in range(total)}) / total
