r"""Rewards for the form of a completion, whatever its answer.

Line breaks count: `</think>` beside other text, or at the very end, is no end of thinking. Upstream has it so, and its
published numbers were made with it.
"""

import re
from collections.abc import Sequence
from typing import Any

from gpg_cli.rewards.completion import Completion, completion_text
from gpg_cli.rewards.registry import reward
from gpg_cli.rewards.settings import RewardSettings

# `$` also matches before a line break (MULTILINE): text after </answer> is allowed if it starts on a new line. The
# atomic group settles for the first line that ends the thinking. No later one would help, and to try them all takes
# seconds where a model repeats its tags for thousands of tokens.
_THINK_AND_ANSWER = re.compile(r"^<think>\n(?>.*?\n</think>\n<answer>\n).*?\n</answer>$", re.DOTALL | re.MULTILINE)
_START_OF_THINKING = "<think>\n"
_END_OF_THINKING = "\n</think>\n"
_START_OF_ANSWER = "\n<answer>\n"
_END_OF_ANSWER = "\n</answer>"


@reward("format", aliases=("format_openr1",))
def think_and_answer(completions: Sequence[Completion], settings: RewardSettings, **columns: Any) -> list[float | None]:
    """1 where <think> and <answer> each stand on lines of their own, in this order, from the start; else 0.

    This is `format` of open-r1, which fails on chat completions; what open-rs calls `format` is `format_openrs` here.
    """
    return [float(bool(_THINK_AND_ANSWER.match(completion_text(completion)))) for completion in completions]


@reward("format_v2", aliases=("format_openrs",))
def one_end_of_thinking(
    completions: Sequence[Completion], settings: RewardSettings, **columns: Any
) -> list[float | None]:
    """1 where a line that is only </think>, and not the last, stands there exactly once; else 0.

    This is `format` of open-rs and `format_v2` of open-r1. The opening <think> is not asked for, because the chat
    template of the DeepSeek-R1 distilled models writes it into the prompt.
    """
    return [float(_count(completion, _END_OF_THINKING)) for completion in completions]


@reward("tag_count", aliases=("tag_count_openr1",))
def four_tags(completions: Sequence[Completion], settings: RewardSettings, **columns: Any) -> list[float | None]:
    """0.25 for each of <think>, </think>, <answer>, </answer> that ends, or stands on, a line exactly once.

    This is `tag_count` of open-r1; what open-rs calls so is `tag_count_openrs` here.
    """
    tags = (_START_OF_THINKING, _END_OF_THINKING, _START_OF_ANSWER, _END_OF_ANSWER)
    return [_count(completion, *tags) / 4 for completion in completions]


@reward("tag_count_openrs")
def two_tags(completions: Sequence[Completion], settings: RewardSettings, **columns: Any) -> list[float | None]:
    """0.5 for each of <think>, </think> that ends, or stands on, a line exactly once.

    This is `tag_count` of open-rs. Where the chat template writes <think> into the prompt, as that of the DeepSeek-R1
    distilled models does, no more than 0.5 can be earned honestly.
    """
    return [_count(completion, _START_OF_THINKING, _END_OF_THINKING) / 2 for completion in completions]


def _count(completion: Completion, *tags: str) -> int:
    """How many of the tags stand in a completion exactly once."""
    text = completion_text(completion)
    return sum(text.count(tag) == 1 for tag in tags)
