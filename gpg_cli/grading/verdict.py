"""What can be said about an answer: never a bare 0."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """The members stand in order: where several golds give several verdicts, the first of them here wins."""

    CORRECT = "correct"
    WRONG = "wrong"
    UNPARSED = "unparsed"  # the gold cannot be read, so nothing can be said about the answer
    TIMEOUT = "timeout"
    ERROR = "error"


@dataclass(frozen=True)
class Grade:
    """What is said about one answer.

    Attributes:
        verdict: right, wrong, or why neither can be said.
        extracted: the answer as it was read out of the completion; None where nothing was found.
        value: what the answer is worth where that is a matter of degree, such as how far two boxes overlap.
    """

    verdict: Verdict
    extracted: str | None
    value: float | None = None

    @property
    def score(self) -> float:
        """The value where there is one, else 1 for a correct answer and 0 for any other."""
        return float(self.verdict is Verdict.CORRECT) if self.value is None else self.value


def best_verdict(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict on an answer that may match any of several golds; without a gold nothing can be said."""
    return min(verdicts, key=list(Verdict).index, default=Verdict.UNPARSED)


def best_grade(grades: Sequence[Grade]) -> Grade:
    """The grade of an answer by the gold, of several, that suits it best; without a gold nothing can be said."""
    order = list(Verdict)
    return min(grades, key=lambda each: (-each.score, order.index(each.verdict)), default=Grade(Verdict.UNPARSED, None))
