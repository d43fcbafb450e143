r"""maj@n: whether the most frequent of a problem's answers is right, where 1/2 and 0.5 are the same answer.

Which answers are the same is the grader's to say. What it read out of a completion it reads the same again when that
stands in a box between dollars: all 2,638 answers in the completions of tests/evaluation/test_majority.py keep their
verdict, and each is the right answer to itself. Read under `math-expr`, a gold of 2\sqrt{3} would be 2.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gpg_cli.evaluation.journal import Sample
from gpg_cli.grading import Verdict, grade_all

_TEXT_RULES, _MATHEMATICS = ("exact", "choice", "class-name"), "math-latex"

_Pair = tuple[str, str]


def majority_is_right(problems: Sequence[Sequence[Sample]], rule: str) -> list[bool]:
    """For each problem, whether its most frequent answer is right; False where no sample has an answer.

    Of several that are equally frequent the one that was given first counts, and so does the verdict on the first of
    the samples that gave it. The right answer has no part in what is grouped with what.

    Args:
        problems: the samples of each, in order.
        rule: of the benchmark, see `gpg_cli.grading`; by `exact` and the rules of choices and of class names, only
            equal texts are the same answer.
    """
    answers = [
        [(as_answer(sample.extracted, rule), sample) for sample in samples if sample.extracted is not None]
        for samples in problems
    ]
    kinds = group_answers([[text for text, _ in each] for each in answers], rule)
    return [_winner_is_right(each, of_each) for each, of_each in zip(answers, kinds, strict=True)]


def group_answers(problems: Sequence[Sequence[str]], rule: str) -> list[list[list[str]]]:
    """For each problem, its distinct answers with those that are the same together, in the order they were given.

    An answer is compared with the first of each kind alone. All problems are compared at the same time, so that the
    grader's processes are busy.

    Args:
        problems: the texts of the answers to each.
        rule: see `majority_is_right`.
    """
    states = [_Grouping(list(dict.fromkeys(answers))) for answers in problems]
    while unfinished := [state for state in states if state.left]:
        for state in unfinished:
            state.begin_kind()
        same = _same_pairs([pair for state in unfinished for pair in state.pairs()], rule)
        for state in unfinished:
            state.fill_kind(same)
    return [state.kinds for state in states]


@dataclass
class _Grouping:
    """The answers to one problem on their way into kinds."""

    left: list[str]
    kinds: list[list[str]] = field(default_factory=list)

    def begin_kind(self) -> None:
        self.kinds.append([self.left.pop(0)])

    def pairs(self) -> list[_Pair]:
        return [(self.kinds[-1][0], text) for text in self.left]

    def fill_kind(self, same: set[_Pair]) -> None:
        first = self.kinds[-1][0]
        self.kinds[-1] += [text for text in self.left if (first, text) in same]
        self.left = [text for text in self.left if (first, text) not in same]


def _winner_is_right(answers: Sequence[tuple[str, Sample]], kinds: Sequence[Sequence[str]]) -> bool:
    members = [[sample for text, sample in answers if text in kind] for kind in kinds]
    # max takes the first of equals, and kinds stand in the order of their first sample.
    return bool(members) and max(members, key=len)[0].verdict == Verdict.CORRECT


def _same_pairs(pairs: Sequence[_Pair], rule: str) -> set[_Pair]:
    """The pairs of different texts that are one answer in either order: the grader's judgement is not symmetric."""
    if rule in _TEXT_RULES:
        return set()
    same = _right(pairs)
    return same | {(first, second) for second, first in _right((b, a) for a, b in pairs if (a, b) not in same)}


def _right(pairs: Iterable[_Pair]) -> set[_Pair]:
    """The pairs (gold, answer) that the grader calls correct; what it cannot judge in time is not the same."""
    asked = list(pairs)
    grades = grade_all([(boxed(gold), boxed(answer)) for gold, answer in asked], _MATHEMATICS)
    return {pair for pair, grade in zip(asked, grades, strict=True) if grade.verdict is Verdict.CORRECT}


def as_answer(extracted: str, rule: str) -> str:
    """An answer as it is put back: without the full stop that an expression in a sentence brings along."""
    text = extracted.strip()
    return text if rule in _TEXT_RULES else text.rstrip(".").rstrip()


def boxed(answer: str) -> str:
    """The text in which the grader finds an answer again, as a gold and in a completion."""
    return f"$\\boxed{{{answer}}}$"
