r"""Rule `strict`: a sound judgement beside the published protocol's, for evaluation alone.

It differs from `math-latex` and `math-expr` where those follow a protocol that is wrong as a judgement:

- The answer is what the model states as its answer: the last box, or what its last line announces ("The answer is",
  "####"). The protocol also takes any number in any text, so that a completion that was cut off is right by accident.
- A gold such as `4.5e33` (58 of Minerva's 272) is a number. The protocol's LaTeX parser reads 4.5 * e * 33. Those golds
  are measured or computed to two or three digits, so an answer within 1% counts.
- Units, degree signs, percent signs, dollars and thousands separators say how a number is written, not which one it is:
  `15\text{ cm}^2`, `15`; `50\%`, `50`; `\$1{,}200`, `1200`. A unit is not judged: golds rarely have one.
- `x = 2` answers what is asked by `2`, in both directions.

All else is math-verify's comparison, gold first, floats to 5 decimal places: fractions, radicals, expressions, sets in
any order, tuples and matrices in theirs, intervals with their ends.
"""

import math
import re
from collections.abc import Sequence
from functools import lru_cache

from gpg_cli.grading.exact import last_box
from gpg_cli.grading.math import Clock, MathRule
from gpg_cli.grading.math_engine import Extraction, Reading, is_same, read
from gpg_cli.grading.verdict import Grade, Verdict, best_verdict

_BOX = Extraction(boxed_priority=0)
# Only its time limit and its precision are used.
STRICT = MathRule(_BOX, _BOX, precision=5, wrap_gold=True)

_MEASURED_WITHIN = 0.01
_LONGEST_LINE = 1000

# At the end of a completion, where it has no box: "The answer is 7.", "Final answer: $7$", "#### 7", "A: 7".
_ANNOUNCEMENT = re.compile(r"answer\s+is:?\s|answer:|####|^A:", re.IGNORECASE)
_SENTENCE_END = re.compile(r"\.\s+I hope.*|\.(?=\s|$)")
_E_NOTATION = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?[eE][+-]?[0-9]{1,3}")
_TIMES_TEN = re.compile(
    r"(?P<sign>[+-]?)(?P<mantissa>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)?(?:(?:\\times|\\cdot|\*|×|·))?10\^\{?(?P<power>[+-]?[0-9]{1,3})\}?"
)
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?")
# Not the space after the end of a matrix's row.
_SPACING = re.compile(r"(?<!\\)\\[,;:! ]|\\q?quad|\\(?:left|right|displaystyle|bigl?|bigr?)(?![a-zA-Z])|~|\\limits")
_DEGREES = re.compile(r"\^\{?\\circ\}?|\\degree|°|\\(?:text|mathrm|mbox)\{\s*degrees?\s*\}|\s+degrees?$")
_UNIT_COMMAND = re.compile(
    r"(?P<value>.*\S)\s*\\(?:text|mathrm|mbox|textrm|rm)\s*\{(?P<unit>[^{}]*)\}(?:\^\{?-?[0-9]\}?)?"
)
_UNIT_WORD = re.compile(
    r"(?P<value>[+-]?[0-9][0-9.,]*(?:/[0-9]+)?)(?:\s+|(?=[a-zA-Z]{3}))(?P<unit>[a-zA-Z]{2,}(?:\s[a-zA-Z]{2,})*)(?:\^\{?-?[0-9]\}?|[²³])?"
)
_EQUATION = re.compile(r"(?:[a-zA-Z](?:_\{?\w+\}?)?|[a-zA-Z]\([a-zA-Z]\))=(?P<value>[^=<>]+)")
_TEXT = re.compile(r"\\(?:text|mathrm|mbox|textbf|textit|mathbf)\s*\{([^{}]*)\}")
_WORDS = re.compile(r"[a-zA-Z][a-zA-Z .'-]*")
# Words that are no unit but part of an answer.
_NO_UNITS = {"and", "or", "pi", "sqrt", "ln", "log", "sin", "cos", "tan", "exp", "mod"}


def grade_strict(golds: Sequence[str], completion: str, rule: MathRule = STRICT) -> Grade:
    """Judge an answer by the gold, of several, that suits it best; the verdicts are those of `grade_math`."""
    stated = stated_answer(completion)
    if stated is None:
        return Grade(Verdict.WRONG if any(gold.strip() for gold in golds) else Verdict.UNPARSED, None)
    clock = Clock(rule)
    verdicts = [clock.attempt(_compare, gold, stated, rule) for gold in golds]
    return Grade(best_verdict(verdicts), stated)


def stated_answer(completion: str) -> str | None:
    """The answer as the model states it; None where it does not.

    What its last line announces as the answer, else its last box: after a slip in a box the last word counts.
    """
    last_line = completion.rstrip().rpartition("\n")[2][-_LONGEST_LINE:]
    announcements = list(_ANNOUNCEMENT.finditer(last_line))
    announced = last_line[announcements[-1].end() :].strip() if announcements else ""
    boxed = last_box(completion)
    if announced and "\\boxed" not in announced:
        return _without_dollars(_SENTENCE_END.split(announced, maxsplit=1)[0]) or boxed or None
    return boxed or None


def _without_dollars(text: str) -> str:
    for opening, closing in (("$", "$"), (r"\(", r"\)"), (r"\[", r"\]")):
        if text.startswith(opening) and closing in text[len(opening) :]:
            inside, _, after = text[len(opening) :].rpartition(closing)
            # "$15.975$ inches"
            return inside if not after.strip() or after[:1] == " " else text
    return text.strip()


def _compare(gold: str, answer: str, rule: MathRule) -> Verdict:
    wanted, given = _normal(_short(gold)), _normal(answer)
    if not wanted:
        return Verdict.UNPARSED
    if wanted == given or _bare(wanted) == _bare(given):
        return Verdict.CORRECT
    if _is_words(wanted):
        return Verdict.CORRECT if _words(wanted) == _words(given) else Verdict.WRONG
    measured = _number(wanted) if _E_NOTATION.fullmatch(wanted) else None
    if measured is not None:
        return Verdict.CORRECT if _is_close(measured, given) else Verdict.WRONG
    first, second = _read(_plain(wanted)), _read(_plain(given))
    if first is None:
        return Verdict.UNPARSED
    if second is None:
        return Verdict.WRONG
    return Verdict.CORRECT if is_same(first, second, rule.precision) else Verdict.WRONG


def _short(gold: str) -> str:
    """The answer out of a gold: a worked solution that ends in a box, `$18$`, `18`."""
    boxed = last_box(gold)
    if boxed is not None:
        return boxed
    gold = gold.strip()
    for opening, closing in (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]")):
        inside = gold[len(opening) : -len(closing)]
        if gold.startswith(opening) and gold.endswith(closing) and opening not in inside and inside:
            return inside
    return gold


def _normal(text: str) -> str:
    """A text without what says nothing about its value: spacing, units, signs of degrees, percent and money."""
    text = _SPACING.sub(" ", text.strip().strip("$").rstrip("."))
    if "\\begin" not in text:
        # Written as in a program's string: \\\\frac.
        text = text.replace("\\\\", "\\")
    text = text.replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac").replace("{,}", ",").replace("−", "-")
    text = _DEGREES.sub("", text)
    text = text.replace("\\%", "").replace("%", "").replace("\\$", "").strip().removeprefix("$").strip()
    for pattern in (_UNIT_COMMAND, _UNIT_WORD):
        match = pattern.fullmatch(text)
        if match and match["unit"].split()[:1] and match["unit"].split()[0] not in _NO_UNITS:
            text = match["value"].strip()
    compact = text.replace(" ", "")
    if _GROUPED.fullmatch(compact):
        return compact.replace(",", "")
    equation = _EQUATION.fullmatch(compact)
    return equation["value"] if equation and "," not in compact else " ".join(text.split())


def _bare(text: str) -> str:
    return text.replace(" ", "").replace("{", "").replace("}", "")


def _is_words(text: str) -> bool:
    """Whether a gold is words, such as `even` or `\\text{(B)}`, and not mathematics."""
    plain = _TEXT.sub(r"\1", text)
    return bool(_TEXT.search(text) or len(text) > 3) and bool(_WORDS.fullmatch(plain.strip("() ")))


def _words(text: str) -> str:
    return " ".join(_TEXT.sub(r"\1", text).strip("() .").lower().split())


def _is_close(measured: float, given: str) -> bool:
    number = _number(given)
    if number is None:
        reading = _read(_plain(given))
        if reading is None or reading.value is None:
            return False
        try:
            number = float(reading.value.evalf() if hasattr(reading.value, "evalf") else reading.value)
        except (TypeError, ValueError):
            return False
    return math.isclose(number, measured, rel_tol=_MEASURED_WITHIN, abs_tol=0.0)


def _number(text: str) -> float | None:
    """A decimal number in digits, in e-notation or as a multiple of a power of ten; None for all else."""
    compact = text.replace(" ", "")
    times_ten = _TIMES_TEN.fullmatch(compact)
    if times_ten:
        return float(f"{times_ten['sign']}{times_ten['mantissa'] or '1'}e{times_ten['power']}")
    try:
        return float(compact) if compact.isascii() and len(compact) < 400 else None
    except ValueError:
        return None


def _plain(text: str) -> str:
    """What math-verify reads: numbers that only e-notation or a power of ten tells are written out for it."""
    if _E_NOTATION.fullmatch(text):
        mantissa, _, power = text.lower().partition("e")
        return f"{mantissa} \\times 10^{{{int(power)}}}"
    return text


@lru_cache(maxsize=4096)
def _read(text: str) -> Reading | None:
    return read(f"$\\boxed{{{text}}}$", _BOX)
