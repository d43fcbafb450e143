"""maj@n: whether the most frequent of a problem's answers is right, where 1/2 and 0.5 are the same answer."""

from collections.abc import Sequence

from gpg_cli.evaluation.journal import Sample
from gpg_cli.grading import Verdict, grade_all


def majority_is_right(problems: Sequence[Sequence[Sample]], rule: str) -> list[bool]:
    """For each problem, whether its most frequent answer is right; False where no sample has an answer.

    Of several that are equally frequent the one that was given first counts.

    Args:
        problems: the samples of each, in order.
        rule: of the benchmark, see `gpg_cli.grading`.
    """
    kinds = [_kinds([sample for sample in each if sample.extracted is not None], rule) for each in problems]
    # max takes the first of equals, and kinds stand in the order of their first sample.
    return [bool(each) and max(each, key=len)[0].verdict == "correct" for each in kinds]


def _kinds(samples: Sequence[Sample], rule: str) -> list[list[Sample]]:
    """Samples whose answers are the same, together; in the order of the first of each."""
    by_text: dict[str, list[Sample]] = {}
    for sample in samples:
        by_text.setdefault(str(sample.extracted).strip(), []).append(sample)
    left = list(by_text)
    kinds: list[list[Sample]] = []
    while left:
        first, *others = left
        same = _same_as(first, others, rule)
        alike = [first, *(text for text, is_same in zip(others, same, strict=True) if is_same)]
        members = [sample for text in alike for sample in by_text[text]]
        kinds.append(sorted(members, key=lambda sample: sample.number))
        left = [text for text in others if text not in alike]
    return sorted(kinds, key=lambda kind: kind[0].number)


def _same_as(first: str, others: Sequence[str], rule: str) -> list[bool]:
    """Whether each text is the same answer, in either order: the grader's judgement is not symmetric."""
    if not others:
        return []
    pairs = [pair for text in others for pair in ((first, text), (text, first))]
    grades = grade_all([(_as_gold(gold, rule), _as_answer(answer, rule)) for gold, answer in pairs], rule)
    right = [grade.verdict is Verdict.CORRECT for grade in grades]
    return [either or other for either, other in zip(right[::2], right[1::2], strict=True)]


def _as_gold(text: str, rule: str) -> str:
    return text if rule in ("exact", "math-expr") else f"${text}$"


def _as_answer(text: str, rule: str) -> str:
    return text if rule == "exact" else f"$\\boxed{{{text}}}$"
