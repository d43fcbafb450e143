"""Right or wrong, for the rewards that depend on it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gpg_cli.grading import Grade


def judge(
    golds: Sequence[str], texts: Sequence[str], columns: Mapping[str, Any], rule: str = "math-training"
) -> list[bool | None]:
    """Whether each completion is right by the gold beside it; None where that cannot be said.

    It cannot where the gold does not parse, time runs out, or the grader fails. Where TRL offers to log it, it is told
    what is right, and the shares: the sum of rewards says nothing about accuracy once a format or length reward is in.

    Args:
        golds: one for each text.
        texts: completions.
        columns: what TRL gave besides.
        rule: one of `gpg_cli.grading.RULES`.
    """
    return list(map(is_right, judged(golds, texts, columns, rule)))


def judged(golds: Sequence[str], texts: Sequence[str], columns: Mapping[str, Any], rule: str) -> "list[Grade]":
    """The grade of each completion by the gold beside it, where more than right and wrong is asked for; see `judge`."""
    # Imported here, so that `gpg rewards` does not wait for it.
    from gpg_cli.grading import grade_all

    grades = grade_all(list(zip(golds, texts, strict=True)), rule)
    right = list(map(is_right, grades))
    log_metric, log_extra = columns.get("log_metric"), columns.get("log_extra")
    if log_metric is not None and log_extra is not None and right:
        log_extra("accuracy", as_numbers(right))
        judged = [value for value in right if value is not None]
        if judged:
            log_metric("accuracy", sum(judged) / len(judged))
        log_metric("ungraded", 1 - len(judged) / len(right))
    return grades


def is_right(grade: "Grade") -> bool | None:
    """Whether an answer is right; None where that cannot be said."""
    from gpg_cli.grading import Verdict

    return {Verdict.CORRECT: True, Verdict.WRONG: False}.get(grade.verdict)


def as_numbers(right: Sequence[bool | None]) -> list[float | None]:
    """1 for right, 0 for wrong, None where nothing is said."""
    return [None if value is None else float(value) for value in right]
