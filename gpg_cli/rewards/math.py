"""Rewards for the right answer, and nothing else. They read the gold in `solution`.

Where nothing can be said there is no reward: the gold does not parse (open-r1 gives 1 there, open-r1#503), time ran
out, or the grader failed.
"""

from collections.abc import Sequence
from typing import Any

from gpg_cli.rewards.completion import Completion, completion_text
from gpg_cli.rewards.judging import as_numbers, judge
from gpg_cli.rewards.registry import reward
from gpg_cli.rewards.settings import RewardSettings


@reward("accuracy")
def accuracy(
    completions: Sequence[Completion], settings: RewardSettings, *, solution: Sequence[str], **columns: Any
) -> list[float | None]:
    """1 for a correct answer, 0 for a wrong one.

    The gold is LaTeX. The answer counts in a box, or as LaTeX after words that announce it ("the answer is $7$"). No
    reward where nothing can be said: the gold does not parse, time ran out, or the grader failed.
    """
    texts = [completion_text(completion) for completion in completions]
    return as_numbers(judge(solution, texts, columns))


@reward("accuracy_lv35")
def accuracy_lv35(
    completions: Sequence[Completion], settings: RewardSettings, *, solution: Sequence[str], **columns: Any
) -> list[float | None]:
    """1 for a correct answer, 0 for a wrong one; the gold may be a bare number, expression or formula.

    This is what open-r1 pairs with SimpleRL's level 3 to 5 problems, whose golds are short answers without dollars.
    Everything else is as in accuracy.
    """
    texts = [completion_text(completion) for completion in completions]
    return as_numbers(judge(solution, texts, columns, "math-training-bare"))
