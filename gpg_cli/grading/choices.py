"""Golds of questions with lettered choices, and rule `choice`, the published protocol of CV-Bench.

The protocol (VisualThinker-R1-Zero, `evaluate_Qwen2_VL_CVBench.py`): the first pair of answer tags on one line, else
the whole text; math-verify reads LaTeX, expressions, and the strings A to F, a to f, (A) to (F), (a) to (f) and the
row's choices; right where what is read equals the letter, with or without parentheses, or the choice's text, each as it
is or in lower case. So the article "a" is option A, "Books" is not the choice "books", number words are nothing, and of
several candidates the one nearest the end counts as a rule. `choice_strict` is the sound judgement.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from gpg_cli.grading.math import Clock, MathRule
from gpg_cli.grading.math_engine import Extraction, read_with_strings
from gpg_cli.grading.tags import tagged_on_one_line
from gpg_cli.grading.verdict import Grade, Verdict, best_grade

_LETTERS = "ABCDEF"
_STRINGS = tuple(form for letters in (_LETTERS, _LETTERS.lower()) for form in letters) + tuple(
    f"({letter})" for letters in (_LETTERS.lower(), _LETTERS) for letter in letters
)
_EXTRACTION = Extraction(expression=True)
# Only its extraction of predictions and its time limit are used.
CHOICE = MathRule(_EXTRACTION, _EXTRACTION, precision=6)

_ANSWER = re.compile(r"\(?([A-Fa-f])\)?\.?")


@dataclass(frozen=True)
class Choices:
    """What a question offers, and which of it is right.

    Attributes:
        letter: of the right choice, A to F.
        texts: of the choices, the first of which is A.
    """

    letter: str
    texts: tuple[str, ...]

    @property
    def right(self) -> int:
        """Place of the right choice, from 0."""
        return _LETTERS.index(self.letter)


def choice_gold(answer: str, choices: Sequence[str]) -> str:
    """A gold for the rules of choices: JSON, the right letter as the data has it, then the choices.

    Args:
        answer: `(C)` or `C`.
        choices: texts, the first of which is A.

    Raises:
        ValueError: the letter is none of theirs.
    """
    gold = json.dumps([answer, *choices], ensure_ascii=False)
    if read_choices(gold) is None:
        raise ValueError(f"the answer {answer!r} is none of the {len(choices)} choices")
    return gold


def read_choices(gold: str) -> Choices | None:
    """What `choice_gold` made; None for any other text."""
    try:
        parts = json.loads(gold)
    except (ValueError, RecursionError):
        return None
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        return None
    match = _ANSWER.fullmatch(parts[0].strip()) if parts else None
    letter = match[1].upper() if match else ""
    if not letter or _LETTERS.index(letter) >= len(parts) - 1:
        return None
    return Choices(letter, tuple(parts[1:]))


def can_read_choices(gold: str) -> bool:
    """Whether a gold is one that `choice_gold` made."""
    return read_choices(gold) is not None


def grade_choice(golds: Sequence[str], completion: str, rule: MathRule) -> Grade:
    """Judge by the published protocol.

    An answer in which nothing is found is wrong; the verdicts TIMEOUT and ERROR are those of `grade_math`.

    Args:
        golds: as `choice_gold` makes them.
        completion: reasoning and answer.
        rule: only its time limit is used.
    """
    clock = Clock(rule)
    return best_grade([_grade(read_choices(gold), completion, clock) for gold in golds])


def _grade(choices: Choices | None, completion: str, clock: Clock) -> Grade:
    if choices is None:
        return Grade(Verdict.UNPARSED, None)
    answer = tagged_on_one_line(completion)
    strings = (*_STRINGS, *choices.texts)
    found = clock.attempt(read_with_strings, completion if answer is None else answer, _EXTRACTION, strings)
    if isinstance(found, Verdict):
        return Grade(found, None)
    text, letter = choices.texts[choices.right], choices.letter
    accepted = {text, text.lower(), letter, letter.lower(), f"({letter})", f"({letter.lower()})"}
    # A choice without text is not what an empty answer names.
    verdict = Verdict.CORRECT if (accepted & set(found)) - {""} else Verdict.WRONG
    return Grade(verdict, found[-1] if found else None)
