"""Rewards for the form of a completion, whatever its answer."""

import re
from collections.abc import Sequence
from typing import Any

from gpg_cli.rewards.completion import Completion, completion_text
from gpg_cli.rewards.registry import reward
from gpg_cli.rewards.settings import RewardSettings

# `$` also matches before a line break (MULTILINE): text after </answer> is allowed if it starts on a new line.
_THINK_AND_ANSWER = re.compile(r"^<think>\n.*?\n</think>\n<answer>\n.*?\n</answer>$", re.DOTALL | re.MULTILINE)
_END_OF_THINKING = "\n</think>\n"


@reward("format")
def think_and_answer(completions: Sequence[Completion], settings: RewardSettings, **columns: Any) -> list[float | None]:
    """1 where <think> and <answer> each stand on lines of their own, in this order, from the start; else 0.

    This is `format` of open-r1, which fails on chat completions; what open-rs calls `format` is `format_v2` here.
    """
    return [float(bool(_THINK_AND_ANSWER.match(completion_text(completion)))) for completion in completions]


@reward("format_v2")
def one_end_of_thinking(
    completions: Sequence[Completion], settings: RewardSettings, **columns: Any
) -> list[float | None]:
    """1 where a line that is only </think>, and not the last, stands there exactly once; else 0.

    This is `format` of open-rs and `format_v2` of open-r1. The opening <think> is not asked for, because the chat
    template of the DeepSeek-R1 distilled models writes it into the prompt.
    """
    return [float(completion_text(completion).count(_END_OF_THINKING) == 1) for completion in completions]
