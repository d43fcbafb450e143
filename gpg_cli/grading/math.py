r"""Rules `math-latex`, `math-expr`, `math-training`: judging with math-verify, gold first, answer second.

The two rules for evaluation are the metric of open-rs's and open-r1's lighteval tasks (`extractive_match`): the answer
is a number, an expression or LaTeX, boxes first; floats agree to 5 decimal places; a gold that does not parse is
compared as text. The rule for training is that of their `accuracy` and `cosine` rewards: LaTeX only, and only in a box
or where "answer" announces it, so 18 without a box earns nothing. Two things differ from theirs: the gold comes first
(they swapped the arguments of `verify`, which is not symmetric, Math-Verify#25), and a gold that does not parse earns
no reward instead of 1 (open-r1#503).

Nothing here guards against an answer that stays in one call into C for ever, or that takes all memory; see `pool`.
"""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ParamSpec, TypeVar

from gpg_cli.grading.math_engine import Extraction, Reading, integer_reading, is_same, load_engine, read
from gpg_cli.grading.time_limit import TimeLimitReached, time_limit
from gpg_cli.grading.verdict import Grade, Verdict, best_verdict


@dataclass(frozen=True)
class MathRule:
    """How golds and answers are read and compared.

    Args:
        gold: where the gold stands in its text.
        prediction: where the answer stands in a completion.
        precision: decimal places that count where a float is compared.
        wrap_gold: put `$` around a gold without any, such as OlympiadBench's `2`, before it is read.
        gold_as_text: compare a gold that does not parse as text; otherwise nothing is said about the answer.
        time_limit_s: seconds for one answer: reading the golds and the completion, and comparing. math-verify 0.9.0
            and lighteval grant 5 to each of these alone.
    """

    gold: Extraction
    prediction: Extraction
    precision: int
    wrap_gold: bool = False
    gold_as_text: bool = False
    time_limit_s: float = 5.0


_EVALUATED = Extraction(expression=True, boxed_priority=0)
_TRAINED = Extraction(boxed_priority=0, anywhere=False, mend=False)

MATH_RULES = {
    "math-latex": MathRule(Extraction(), _EVALUATED, precision=5, wrap_gold=True, gold_as_text=True),
    "math-expr": MathRule(Extraction(latex=False, expression=True), _EVALUATED, precision=5, gold_as_text=True),
    # 6 is math-verify's default, which the rewards of open-r1 leave alone.
    "math-training": MathRule(Extraction(), _TRAINED, precision=6),
    # For golds that are short answers, with dollars or without.
    "math-training-bare": MathRule(Extraction(expression=True), _TRAINED, precision=6, wrap_gold=True),
}

# A dollar with a backslash is money, not mathematics.
_MATH_MARK = re.compile(r"(?<!\\)\$|\\\(|\\\[|\\boxed")

_BOXED_INTEGER = re.compile(r"\\boxed\{\s*([+-]?[0-9]{1,18})\s*\}")
# What makes math-verify read more than the only box of a text: another kind of box, a percent sign after it, or the
# phrase "the final answer is ... I hope", which counts as much as a box.
_MORE_THAN_A_BOX = re.compile(r"\\fbox|%|[Pp]ercent|[Pp]ct|I hope")

_INTEGER = re.compile(r"-?[0-9]{1,18}")
_LATEX_INTEGER = re.compile(r"\$(-?[0-9]{1,18})\$|\$?\\boxed\{(-?[0-9]{1,18})\}\$?")

# For comparing with nothing: the time to notice that the limit was reached in the step before.
_SHORTEST_LIMIT_S = 0.001

P = ParamSpec("P")
T = TypeVar("T")


def grade_math(golds: Sequence[str], completion: str, rule: MathRule) -> Grade:
    """Judge an answer by the gold, of several, that suits it best.

    An answer in which nothing is found is wrong. An exception is the verdict ERROR. Where this takes longer than the
    rule allows the verdict is TIMEOUT; in the main thread, the only one that can take SIGALRM, work is stopped then.
    """
    grade = grade_integers(golds, completion, rule)
    if grade is not None:
        return grade
    clock = Clock(rule)
    attempts = [clock.attempt(_read_gold, gold, rule) for gold in golds]
    verdicts = [attempt for attempt in attempts if isinstance(attempt, Verdict)]
    readings = [attempt for attempt in attempts if isinstance(attempt, Reading)]
    if not readings:
        return Grade(best_verdict(verdicts), None)
    answer = clock.attempt(_read_answer, completion, rule)
    if isinstance(answer, Verdict):
        return Grade(answer, None)
    if answer is None:
        return Grade(Verdict.WRONG, None)
    verdicts += [clock.attempt(_compare, reading, answer, rule) for reading in readings]
    return Grade(best_verdict(verdicts), answer.text)


def grade_integers(golds: Sequence[str], completion: str, rule: MathRule) -> Grade | None:
    """What `grade_math` says where all golds, and the only box of the completion, are integers: most of what small
    models are trained on. None elsewhere.

    No parser, no sympy, and nothing that a hostile text could slow down.
    """
    integers = [_integer_gold(gold, rule) for gold in golds]
    if not integers or None in integers:
        return None
    digits = _only_boxed_integer(completion) if rule.prediction.reads_boxes_first else None
    if digits is None:
        return None
    return Grade(Verdict.CORRECT if int(digits) in integers else Verdict.WRONG, digits)


def can_read_gold(gold: str, rule: MathRule) -> bool:
    """Whether anything can be said about an answer to this gold, within the time of one answer."""
    return is_integer_gold(gold, rule) or isinstance(Clock(rule).attempt(_read_gold, gold, rule), Reading)


def is_integer_gold(gold: str, rule: MathRule) -> bool:
    """Whether a gold can be read without the parser."""
    return _integer_gold(gold, rule) is not None


def prepare_grader() -> None:
    """Do once what the first answer would have to wait for, and see that this install works.

    Raises:
        Exception: it does not.
    """
    import math_verify  # noqa: F401 (that it cannot be imported is to be said in its own words)

    for rule in MATH_RULES.values():
        verdict = grade_math(["$\\frac{3}{2}$", "3/2"], r"$\boxed{\frac{6}{4}}$", rule).verdict
        if verdict is not Verdict.CORRECT:
            raise ValueError(f"math-verify calls 6/4 = 3/2 {verdict}, not correct")


class Clock:
    """The time of one answer, which its steps share."""

    def __init__(self, rule: MathRule) -> None:
        # Before the clock starts, because the first time takes as long as some hundred answers.
        load_engine()
        self._end = time.monotonic() + rule.time_limit_s

    def attempt(self, step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | Verdict:
        """What a step returns, or the verdict where it does not."""
        try:
            with time_limit(max(self._end - time.monotonic(), _SHORTEST_LIMIT_S)):
                result = step(*args, **kwargs)
        except TimeLimitReached:
            return Verdict.TIMEOUT
        except Exception:
            # By the clock too: what is cut short in a destructor, or under a bare `except:`, fails in its own way.
            return Verdict.TIMEOUT if self._is_over() else Verdict.ERROR
        return Verdict.TIMEOUT if self._is_over() else result

    def _is_over(self) -> bool:
        return time.monotonic() > self._end


# A group's completions share their gold, an epoch's groups come again in the next.
@lru_cache(maxsize=16384)
def _read_gold(gold: str, rule: MathRule) -> Reading | Verdict:
    gold = gold.strip()
    if not gold:
        return Verdict.UNPARSED
    bare = rule.wrap_gold and not _MATH_MARK.search(gold)
    reading = read(f"${gold}$" if bare else gold, rule.gold)
    if reading is not None:
        return reading
    return Reading(None, gold) if rule.gold_as_text else Verdict.UNPARSED


def _integer_gold(gold: str, rule: MathRule) -> int | None:
    gold, where = gold.strip(), rule.gold
    if where.latex and where.expression:
        return None
    if where.expression or (rule.wrap_gold and not gold.startswith(("$", "\\"))):
        return int(gold) if _INTEGER.fullmatch(gold) else None
    match = _LATEX_INTEGER.fullmatch(gold)
    return int(match[1] or match[2]) if match else None


def _read_answer(completion: str, rule: MathRule) -> Reading | None:
    digits = _only_boxed_integer(completion) if rule.prediction.reads_boxes_first else None
    return integer_reading(digits) if digits else read(completion, rule.prediction)


def _only_boxed_integer(completion: str) -> str | None:
    """The integer in the only box of a text in which math-verify, boxes first, cannot read anything else."""
    if completion.count("\\boxed") != 1 or _MORE_THAN_A_BOX.search(completion):
        return None
    match = _BOXED_INTEGER.search(completion)
    return match[1] if match else None


def _compare(gold: Reading, answer: Reading, rule: MathRule) -> Verdict:
    return Verdict.CORRECT if is_same(gold, answer, rule.precision) else Verdict.WRONG
