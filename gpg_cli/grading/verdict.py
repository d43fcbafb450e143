"""What can be said about an answer: never a bare 0."""

from collections.abc import Iterable
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
    """A verdict, and the answer as it was read out of the completion (None where nothing was found)."""

    verdict: Verdict
    extracted: str | None


def best_verdict(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict on an answer that may match any of several golds; without a gold nothing can be said."""
    return min(verdicts, key=list(Verdict).index, default=Verdict.UNPARSED)
