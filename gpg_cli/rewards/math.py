"""Rewards for the right answer: `accuracy`, and `cosine`, which weighs it by length. Both read `solution`."""

import math
from collections.abc import Sequence
from typing import Any

from gpg_cli.grading import Verdict, grade_all
from gpg_cli.rewards.completion import Completion, completion_text
from gpg_cli.rewards.registry import reward
from gpg_cli.rewards.settings import RewardSettings

_RULE = "math-training"


@reward("accuracy")
def accuracy(
    completions: Sequence[Completion], settings: RewardSettings, *, solution: Sequence[str], **columns: Any
) -> list[float | None]:
    """1 for a correct answer, 0 for a wrong one.

    No reward where nothing can be said: the gold does not parse (open-r1 gives 1 there, open-r1#503), time ran out, or
    the grader failed.
    """
    values = {Verdict.CORRECT: 1.0, Verdict.WRONG: 0.0}
    texts = [completion_text(completion) for completion in completions]
    verdicts = _verdicts(solution, texts)
    _log_accuracy(verdicts, columns)
    return [values.get(verdict) for verdict in verdicts]


@reward("cosine")
def cosine(
    completions: Sequence[Completion], settings: RewardSettings, *, solution: Sequence[str], **columns: Any
) -> list[float | None]:
    """Right or wrong, weighed by a cosine of the length in characters; no reward where nothing can be said.

    The formula is open-r1's, kept as it is because GPG-RS1 was trained with it. The cosine is not clamped: its period
    is twice `cosine_max_len`, so that past the first half period longer answers earn more again. And although open-r1
    says otherwise, with the default numbers a longer wrong answer, up to `cosine_max_len`, earns less.
    """
    texts = [completion_text(completion) for completion in completions]
    verdicts = _verdicts(solution, texts)
    _log_accuracy(verdicts, columns)
    return [_cosine_value(len(text), verdict, settings) for text, verdict in zip(texts, verdicts, strict=True)]


def _cosine_value(length: int, verdict: Verdict, settings: RewardSettings) -> float | None:
    if verdict is Verdict.CORRECT:
        longest, shortest = settings.cosine_min_value_correct, settings.cosine_max_value_correct
    elif verdict is Verdict.WRONG:
        longest, shortest = settings.cosine_max_value_wrong, settings.cosine_min_value_wrong
    else:
        return None
    return longest + (shortest - longest) * (1 + math.cos(math.pi * length / settings.cosine_max_len)) / 2


def _log_accuracy(verdicts: list[Verdict], columns: dict[str, Any]) -> None:
    """Report what is right (1), wrong (0) or cannot be said (None), and the shares, where TRL offers to log it."""
    log_metric, log_extra = columns.get("log_metric"), columns.get("log_extra")
    if log_metric is None or log_extra is None or not verdicts:
        return
    values = {Verdict.CORRECT: 1.0, Verdict.WRONG: 0.0}
    log_extra("accuracy", [values.get(verdict) for verdict in verdicts])
    judged = [verdict for verdict in verdicts if verdict in (Verdict.CORRECT, Verdict.WRONG)]
    if judged:
        log_metric("accuracy", judged.count(Verdict.CORRECT) / len(judged))
    log_metric("ungraded", 1 - len(judged) / len(verdicts))


def _verdicts(golds: Sequence[str], texts: Sequence[str]) -> list[Verdict]:
    """The verdict on each completion; equal pairs, frequent where a group has settled on an answer, are judged once."""
    return [grade.verdict for grade in grade_all(list(zip(golds, texts, strict=True)), _RULE)]
