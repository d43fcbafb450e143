"""Rule `geoqa-strict`: a sound judgement of GEOQA's answers beside the protocol's, see `geoqa`.

The answer is what stands between the last answer tags, glued to them or not, and nothing else; without tags the last
box, or the value with which the text ends. It is compared as a number with its roots and π: 8√{3} is not 8. Degrees
and units may be left out; where both are written they have to fit: 120cm is 1.2m, and is not 1.2cm. A root is not its
decimal approximation to a few places.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from gpg_cli.grading.exact import last_box
from gpg_cli.grading.math import Clock, MathRule
from gpg_cli.grading.math_engine import Extraction, Reading, is_same, read
from gpg_cli.grading.quantities import Quantity, read_quantity, value_part
from gpg_cli.grading.tags import last_tagged
from gpg_cli.grading.verdict import Grade, Verdict, best_verdict

_BOX = Extraction(boxed_priority=0)
GEOQA_STRICT = MathRule(_BOX, _BOX, precision=5)

_LONGEST_LINE = 1000
_MOST_WORDS = 8
_END_OF_SENTENCE = re.compile(r"[.!?。]\s+|。")
_ANNOUNCEMENT = re.compile(r"answer|答案", re.IGNORECASE)


def grade_geoqa_strict(golds: Sequence[str], completion: str, rule: MathRule = GEOQA_STRICT) -> Grade:
    """Judge soundly; an answer that is no number is wrong, and about a gold that is none nothing is said."""
    stated = stated_value(completion)
    clock = Clock(rule)
    answer = read_quantity(stated) if stated else None
    verdicts = [_judge(read_quantity(gold), answer, clock, rule) for gold in golds]
    return Grade(best_verdict(verdicts), stated or None)


def can_read_quantity(gold: str) -> bool:
    """Whether a gold is a number, with a unit or without."""
    return read_quantity(gold) is not None


def stated_value(completion: str) -> str | None:
    """The answer as the model states it; None where it does not.

    Without tags and box, that is the whole completion where it is a value and nothing else, or what its last sentence
    ends with; where that lacks a full stop, and does not speak of an answer, the text was cut off and states nothing.
    """
    tagged = last_tagged(completion)
    boxed = last_box(completion if tagged is None else tagged)
    if boxed is not None:
        return boxed
    return tagged if tagged is not None else _end_of_text(completion)


def _end_of_text(completion: str) -> str | None:
    whole = completion.strip()
    if len(whole) <= _LONGEST_LINE and value_part(whole) == whole and read_quantity(whole):
        return whole
    last_line = completion.rstrip().rpartition("\n")[2][-_LONGEST_LINE:]
    sentence = _END_OF_SENTENCE.split(last_line.rstrip(".。"))[-1]
    if not last_line.endswith((".", "。")) and not _ANNOUNCEMENT.search(sentence):
        return None
    words = value_part(sentence).split()[-_MOST_WORDS:]
    ends = (" ".join(words[start:]) for start in range(len(words)))
    return next((end for end in ends if read_quantity(end)), None)


def _judge(gold: Quantity | None, answer: Quantity | None, clock: Clock, rule: MathRule) -> Verdict:
    if gold is None:
        return Verdict.UNPARSED
    if answer is None:
        return Verdict.WRONG
    number = answer.number
    if gold.unit and answer.unit and gold.unit != answer.unit:
        if gold.unit.dimension != answer.unit.dimension:
            return Verdict.WRONG
        number = f"({number}) \\cdot {answer.unit.factor / gold.unit.factor}"
    same = clock.attempt(_is_same, gold.number, number, rule)
    return same if isinstance(same, Verdict) else Verdict.CORRECT if same else Verdict.WRONG


def _is_same(gold: str, answer: str, rule: MathRule) -> bool:
    first, second = _read(gold), _read(answer)
    return first is not None and second is not None and is_same(first, second, rule.precision)


@lru_cache(maxsize=4096)
def _read(number: str) -> Reading | None:
    return read(f"$\\boxed{{{number}}}$", _BOX)
