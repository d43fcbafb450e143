"""Rule `geoqa`, the published protocol of GEOQA (R1-V, `test_qwen2vl_geoqa.py`), and rule `vision-training`.

`geoqa` compares what math-verify, with its defaults, reads in the whole completion with what it reads in the gold; the
completion comes first, as upstream has it. So a number that is glued to its tags is not seen, and the last number of
the thoughts counts instead; roots and π after a number are dropped (8√{3} is 8); and an answer to a gold that does not
parse is wrong. `geoqa_strict` is the sound judgement.

`vision-training` is the reward of R1-V and VisualThinker-R1-Zero (`accuracy_reward` in `grpo.py`): the same, or the
text between the tags equals the gold's, or the last letter from A to H that stands alone in it does.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from gpg_cli.grading.math import Clock, MathRule
from gpg_cli.grading.math_engine import Extraction, Reading, is_same, read
from gpg_cli.grading.tags import tagged_on_one_line
from gpg_cli.grading.verdict import Grade, Verdict, best_verdict

_DEFAULT = Extraction(expression=True)
GEOQA = MathRule(_DEFAULT, _DEFAULT, precision=6)

_LETTER = re.compile(r"(?<![^\s(\[])[A-H](?![^\s)\]])")
# Without a digit or a mark of LaTeX there is nothing that math-verify reads.
_READABLE = re.compile(r"[\d\\$]")


def grade_geoqa(golds: Sequence[str], completion: str, rule: MathRule) -> Grade:
    """Judge by the published protocol. An answer, or a gold, in which nothing is found makes a wrong answer.

    The verdicts TIMEOUT and ERROR are those of `grade_math`.
    """
    filled = [gold for gold in golds if gold.strip()]
    if not filled:
        return Grade(Verdict.UNPARSED, None)
    clock = Clock(rule)
    readings = [clock.attempt(_read_gold, gold, rule.gold) for gold in filled]
    if not any(readings):
        return Grade(Verdict.WRONG, None)
    answer = clock.attempt(read, completion, rule.prediction)
    if isinstance(answer, Verdict):
        return Grade(answer, None)
    if answer is None:
        return Grade(Verdict.WRONG, None)
    return Grade(best_verdict(_compare(answer, reading, clock, rule) for reading in readings), answer.text)


def grade_vision_text(golds: Sequence[str], completion: str) -> Grade | None:
    """What `grade_vision` says where that takes no parser: equal texts, an equal letter, a gold of words.

    None elsewhere.
    """
    wanted = [text for text in map(_answer, golds) if text]
    if not wanted:
        return Grade(Verdict.UNPARSED, None)
    answer = _answer(completion)
    letters = _LETTER.findall(answer)
    if answer in wanted or (letters and letters[-1] in wanted):
        return Grade(Verdict.CORRECT, answer)
    return None if any(map(_READABLE.search, golds)) else Grade(Verdict.WRONG, answer or None)


def grade_vision(golds: Sequence[str], completion: str, rule: MathRule) -> Grade:
    """Judge as the reward of the published trainings does.

    Args:
        golds: right answers, between tags as the data has them; blanks inside the tags count, see `geoqa`.
        completion: reasoning and answer.
        rule: how math-verify reads and compares.
    """
    grade = grade_vision_text(golds, completion) or grade_geoqa(golds, completion, rule)
    # What the parser overlooks between tight tags is an answer all the same, if a wrong one.
    return replace(grade, extracted=grade.extracted or tagged_on_one_line(completion) or None)


def is_filled(gold: str) -> bool:
    """Whether there is a gold, between tags or without."""
    return bool(_answer(gold))


def _compare(answer: Reading, gold: Reading | Verdict | None, clock: Clock, rule: MathRule) -> Verdict:
    if gold is None:
        return Verdict.WRONG
    if isinstance(gold, Verdict):
        return gold
    same = clock.attempt(is_same, answer, gold, rule.precision)
    return same if isinstance(same, Verdict) else Verdict.CORRECT if same else Verdict.WRONG


@lru_cache(maxsize=16384)
def _read_gold(gold: str, extraction: Extraction) -> Reading | None:
    return read(gold, extraction)


def _answer(text: str) -> str:
    tagged = tagged_on_one_line(text)
    return text.strip() if tagged is None else tagged
