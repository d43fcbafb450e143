"""Gold answers as LaTeX that the grader reads, and whether it can."""

import re
from collections.abc import Sequence
from typing import Any

from gpg_cli.errors import GpgError
from gpg_cli.grading import check_golds
from gpg_cli.rewards import gold_is_text, is_own_reward

# The rule by which the rewards grade, and so the one by which their golds are read.
_RULE = "math-training"
# Of a data set whose golds cannot be read, no row earns a reward, and nobody notices until the curve is flat
# (open-r1#503). Single bad rows are in most data sets.
_MOST_UNREADABLE = 0.05

# GSM8K's worked solutions end with a line `#### 18`.
_ANSWER_MARK = "####"
# Numbers, fractions and roots of numbers in a box, which are half of MATH's answers, are always read.
_PLAIN = re.compile(
    r"\$\\boxed\{[-+]?(?:[0-9][0-9,]*(?:\.[0-9]+)?|\\[dt]?frac\{[0-9]+\}\{[0-9]+\}|[0-9]*\\sqrt\{[0-9]+\})\}\$"
)
_BOXED = re.compile(r"\\boxed\b")
_DOLLAR = re.compile(r"(?<!\\)\$")
_BRACKETS = (("\\(", "\\)"), ("\\[", "\\]"))
_COMMAND = re.compile(r"\\[A-Za-z]+")
_WORD = re.compile(r"[A-Za-z]{2,}")
# The golds of MATH have at most three, \text and the like not counted.
_MOST_WORDS = 5


def as_gold(value: str | int | float, *, is_answer: bool) -> str:
    r"""A gold as the text that the rewards' parser reads, which finds LaTeX between delimiters and nothing else.

    Args:
        value: what the data has.
        is_answer: whether that is a short answer, which may lack delimiters, else a worked solution.

    Returns:
        `$\boxed{18}$` for 18, and for a solution that ends in `#### 18`; text with delimiters, or prose, as it is;
        empty where there is nothing.
    """
    text = str(value).strip()
    before, mark, after = text.rpartition(_ANSWER_MARK)
    if mark and after.strip() and (is_answer or not _is_marked(before)):
        text, is_answer = after.strip(), True
    if not text or _is_marked(text):
        return text
    # A solution that is one word is an answer in the wrong column; an answer of many words is no formula.
    if (is_answer and len(_WORD.findall(_COMMAND.sub(" ", text))) <= _MOST_WORDS) or not re.search(r"\s", text):
        return f"$\\boxed{{{_unlone_dollars(text)}}}$"
    return text


def golds_are_text(rewards: Sequence[str]) -> bool:
    """Whether golds stay as the data has them, for rewards that read no mathematics.

    Args:
        rewards: names of those that read the gold.

    Raises:
        GpgError: some want it so, others in LaTeX.
    """
    as_text = [name for name in rewards if gold_is_text(name)]
    others = [name for name in rewards if not gold_is_text(name) and not is_own_reward(name)]
    if as_text and others:
        raise GpgError(
            f"reward_funcs: {as_text[0]} reads the gold as it stands, {others[0]} as LaTeX; a row has one gold",
            "Leave one of them out.",
        )
    return bool(as_text)


def unreadable_golds(golds: Sequence[str]) -> list[int]:
    """Positions of the golds that are empty or say nothing to the rewards' parser."""
    unsure = [gold for gold in dict.fromkeys(golds) if gold and not _PLAIN.fullmatch(gold)]
    readable = dict.fromkeys(golds, True) | {"": False} | dict(zip(unsure, check_golds(unsure, _RULE), strict=True))
    return [position for position, gold in enumerate(golds) if not readable[gold]]


def require_readable(unreadable: Sequence[int], total: int, shown: Sequence[Any], column: str, source: str) -> None:
    """Refuse golds of which more than 5% cannot be read.

    Args:
        unreadable: positions in the data set, from 0.
        total: golds in all.
        shown: the golds as the data has them, by position.

    Raises:
        GpgError: naming three of them.
    """
    if len(unreadable) <= _MOST_UNREADABLE * total:
        return
    examples = ", ".join(f"row {position + 1}: {_shortened(shown[position])}" for position in unreadable[:3])
    raise GpgError(
        f"{source}: {len(unreadable)} of {total} golds in column {column!r} cannot be read as mathematics ({examples})",
        "An answer to them can earn no reward. Name another column with --set answer_column=... (short answers) or "
        "--set solution_column=... (worked solutions), or mend the rows; up to 5% are left out.",
    )


def _is_marked(text: str) -> bool:
    """Whether LaTeX stands between its own delimiters. A lone dollar is money.

    By the first and the last delimiter: an expression for all pairs takes minutes where all of them are opening ones.
    """
    dollars = [found.start() for found in _DOLLAR.finditer(text)]
    if _BOXED.search(text) or (dollars and dollars[-1] - dollars[0] > 1):
        return True
    return any(0 <= text.find(opening) < text.rfind(closing) - 2 for opening, closing in _BRACKETS)


def _unlone_dollars(text: str) -> str:
    return re.sub(r"(?<!\\)\$", r"\\$", text)


def _shortened(value: Any) -> str:
    text = " ".join(str(value if value is not None else "").split())
    return repr(text if len(text) <= 60 else text[:59] + "…")
