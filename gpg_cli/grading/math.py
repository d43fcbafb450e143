r"""Rules `math-latex`, `math-expr`, `math-training`: judging with math-verify, gold first, answer second.

The two rules for evaluation are the metric of open-rs's and open-r1's lighteval tasks (`extractive_match`): the answer
is a number, an expression or LaTeX, boxes first; floats agree to 5 decimal places; a gold that does not parse is
compared as text. The rule for training is that of their `accuracy` and `cosine` rewards: LaTeX only, and only in a box
or where "answer" announces it, so 18 without a box earns nothing. Two things differ from theirs: the gold comes first
(they swapped the arguments of `verify`, which is not symmetric, Math-Verify#25), and a gold that does not parse earns
no reward instead of 1 (open-r1#503).

Nothing here guards against an answer that stays in one call into C for ever; see `time_limit`.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ParamSpec, TypeVar

from gpg_cli.grading.math_engine import Extraction, Reading, integer_reading, is_same, read
from gpg_cli.grading.time_limit import TimeLimitReached
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
        time_limit_s: seconds for reading one text, and for comparing one answer with one gold. 5 is the limit of
            math-verify 0.9.0 and of lighteval.
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

P = ParamSpec("P")
T = TypeVar("T")


def grade_math(golds: Sequence[str], completion: str, rule: MathRule) -> Grade:
    """Judge an answer by the gold, of several, that suits it best.

    An answer in which nothing is found is wrong. An exception is the verdict ERROR. In the main thread the verdict is
    TIMEOUT where reading a text or comparing two answers takes longer than the rule allows; the limit is SIGALRM's,
    which only the main thread can take, so in other threads there is none.
    """
    attempts = [_attempt(_read_gold, gold, rule) for gold in golds]
    verdicts = [attempt for attempt in attempts if isinstance(attempt, Verdict)]
    readings = [attempt for attempt in attempts if isinstance(attempt, Reading)]
    if not readings:
        return Grade(best_verdict(verdicts), None)
    answer = _attempt(_read_answer, completion, rule)
    if isinstance(answer, Verdict):
        return Grade(answer, None)
    if answer is None:
        return Grade(Verdict.WRONG, None)
    verdicts += [_attempt(_compare, reading, answer, rule) for reading in readings]
    return Grade(best_verdict(verdicts), answer.text)


def can_read_gold(gold: str, rule: MathRule) -> bool:
    """Whether anything can be said about an answer to this gold."""
    return isinstance(_attempt(_read_gold, gold, rule), Reading)


def _attempt(step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | Verdict:
    try:
        return step(*args, **kwargs)
    except TimeLimitReached:
        return Verdict.TIMEOUT
    except Exception:
        return Verdict.ERROR


# A group's completions share their gold, an epoch's groups come again in the next.
@lru_cache(maxsize=16384)
def _read_gold(gold: str, rule: MathRule) -> Reading | Verdict:
    gold = gold.strip()
    if not gold:
        return Verdict.UNPARSED
    bare = rule.wrap_gold and not _MATH_MARK.search(gold)
    reading = read(f"${gold}$" if bare else gold, rule.gold, rule.time_limit_s)
    if reading is not None:
        return reading
    return Reading(None, gold) if rule.gold_as_text else Verdict.UNPARSED


def _read_answer(completion: str, rule: MathRule) -> Reading | None:
    digits = _only_boxed_integer(completion) if rule.prediction.reads_boxes_first else None
    return integer_reading(digits) if digits else read(completion, rule.prediction, rule.time_limit_s)


def _only_boxed_integer(completion: str) -> str | None:
    """The integer in the only box of a text in which math-verify, boxes first, cannot read anything else."""
    if completion.count("\\boxed") != 1 or _MORE_THAN_A_BOX.search(completion):
        return None
    match = _BOXED_INTEGER.search(completion)
    return match[1] if match else None


def _compare(gold: Reading, answer: Reading, rule: MathRule) -> Verdict:
    return Verdict.CORRECT if is_same(gold, answer, rule.precision, rule.time_limit_s) else Verdict.WRONG
