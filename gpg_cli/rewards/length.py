"""Rewards for the right answer, weighed by the length of what leads to it. They read the gold in `solution`.

Where nothing can be said about an answer there is no reward; open-r1 takes it for right (open-r1#503).
"""

import math
from collections.abc import Sequence
from typing import Any

from gpg_cli.rewards.completion import Completion, completion_text
from gpg_cli.rewards.judging import judge
from gpg_cli.rewards.registry import reward
from gpg_cli.rewards.settings import RewardSettings


@reward(
    "cosine",
    parameters=(
        "cosine_min_value_wrong",
        "cosine_max_value_wrong",
        "cosine_min_value_correct",
        "cosine_max_value_correct",
        "cosine_max_len",
        "cosine_in_tokens",
        "cosine_clamp",
    ),
)
def cosine(
    completions: Sequence[Completion],
    settings: RewardSettings,
    *,
    solution: Sequence[str],
    completion_ids: Sequence[Sequence[int]] | None = None,
    **columns: Any,
) -> list[float | None]:
    """Right or wrong, weighed by a cosine of the length; no reward where nothing can be said.

    The formula is open-r1's, and so are the defaults, because GPG-RS1 was trained with them: the length is in
    characters, and the cosine is not clamped, so that its period is twice cosine_max_len and answers beyond that
    length earn more again the longer they are. cosine_in_tokens and cosine_clamp change both. Although open-r1 says
    otherwise, with the default numbers a longer wrong answer, up to cosine_max_len, earns less.
    """
    texts = [completion_text(completion) for completion in completions]
    lengths = [len(text) for text in texts]
    if settings.cosine_in_tokens:
        if completion_ids is None:
            raise ValueError("cosine_in_tokens needs completion_ids")
        lengths = [len(ids) for ids in completion_ids]
    right = judge(solution, texts, columns)
    return [_cosine_value(length, is_right, settings) for length, is_right in zip(lengths, right, strict=True)]


@reward("length")
def length(
    completions: Sequence[Completion], settings: RewardSettings, *, solution: Sequence[str], **columns: Any
) -> list[float | None]:
    """From 0.5 for the shortest to -0.5 for the longest of all completions at once; at most 0 if wrong.

    This is the reward of Kimi k1.5 (arXiv 2501.12599) as open-r1 has it: the completions of all prompts that come
    together are compared with one another, so that a short problem earns more than a long one. length_per_prompt
    compares as the paper does. Lengths are in characters; where all are equal, all earn 0.
    """
    texts = [completion_text(completion) for completion in completions]
    return _length_values([len(text) for text in texts], judge(solution, texts, columns))


@reward("length_per_prompt")
def length_per_prompt(
    completions: Sequence[Completion],
    settings: RewardSettings,
    *,
    prompts: Sequence[Any],
    solution: Sequence[str],
    **columns: Any,
) -> list[float | None]:
    """From 0.5 for the shortest to -0.5 for the longest completion of a prompt; at most 0 if wrong.

    This is the reward of Kimi k1.5 (arXiv 2501.12599), with lengths in characters; where all are equal, all earn 0.
    Where several processes share the completions of a prompt, each compares those that it sampled.
    """
    texts = [completion_text(completion) for completion in completions]
    right = judge(solution, texts, columns)
    rows_of: dict[str, list[int]] = {}
    for row, prompt in enumerate(prompts):
        rows_of.setdefault(str(prompt), []).append(row)
    values: list[float | None] = [None] * len(texts)
    for rows in rows_of.values():
        of_prompt = _length_values([len(texts[row]) for row in rows], [right[row] for row in rows])
        for row, value in zip(rows, of_prompt, strict=True):
            values[row] = value
    return values


def _cosine_value(length: int, is_right: bool | None, settings: RewardSettings) -> float | None:
    if is_right is None:
        return None
    if is_right:
        longest, shortest = settings.cosine_min_value_correct, settings.cosine_max_value_correct
    else:
        longest, shortest = settings.cosine_max_value_wrong, settings.cosine_min_value_wrong
    if settings.cosine_clamp:
        length = min(length, settings.cosine_max_len)
    return longest + (shortest - longest) * (1 + math.cos(math.pi * length / settings.cosine_max_len)) / 2


def _length_values(lengths: list[int], right: list[bool | None]) -> list[float | None]:
    """Kimi k1.5's formula over completions that are compared with one another."""
    shortest, longest = min(lengths, default=0), max(lengths, default=0)
    values: list[float | None] = []
    for own, is_right in zip(lengths, right, strict=True):
        value = 0.5 - (own - shortest) / (longest - shortest) if longest > shortest else 0.0
        values.append(None if is_right is None else value if is_right else min(0.0, value))
    return values
