"""math-verify behind one face; versions 0.5.2 (the one lighteval 0.13 needs) and 0.9.0 differ.

Its public `parse` and `verify` hide what went wrong: 0.5.2 turns exceptions, and its own time limit, into an empty list
or False, and outside the main thread both functions fail. So the functions they call are called here, and the loop
around them (any value equals any value, any text equals any text) is ours; tests/grading/test_math.py compares the two.
Their time limits give way to the one of `grade_math`, which is the same in both versions.

What differs between versions is asked of their signatures. math_verify takes half a second to import, so it is imported
on first use.
"""

import inspect
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from types import ModuleType
from typing import Any


@dataclass(frozen=True)
class Extraction:
    """Where math-verify looks for an answer in a text, and how much it mends what it finds.

    Args:
        latex: look for LaTeX between `$`, `\\(` or `\\[`, and in boxes.
        expression: look for plain numbers and expressions such as `1/2`.
        boxed_priority: 0 looks into boxes first; 50, math-verify's default, after "the final answer is".
        anywhere: take LaTeX that no box and no "answer" announces.
        mend: read malformed LaTeX such as `\\sqrt3`.
    """

    latex: bool = True
    expression: bool = False
    boxed_priority: int = 50
    anywhere: bool = True
    mend: bool = True

    @property
    def reads_boxes_first(self) -> bool:
        return self.latex and self.boxed_priority == 0


@dataclass(frozen=True)
class Reading:
    """An answer as it was read.

    Args:
        value: the sympy object, None where the text means nothing to the parser.
        text: the text of the first candidate, normalised; None where even that is empty.
    """

    value: Any | None
    text: str | None

    @property
    def is_integer(self) -> bool:
        """Whether the value is one integer as sympy holds it, with nothing left to evaluate."""
        return bool(getattr(self.value, "is_Integer", False))


def load_engine() -> None:
    """Import math_verify, which takes a while; otherwise the first call of another function here does."""
    _engine()


def read(text: str, extraction: Extraction) -> Reading | None:
    """The last answer of the highest priority in a text; None where there is none.

    Raises:
        Exception: whatever math-verify or sympy fails with.
    """
    with _our_limit_only():
        found = _engine().find(text, _regexes(extraction))
    values = [item for item in found if not isinstance(item, str)]
    texts = [item for item in found if isinstance(item, str)]
    return Reading(values[0] if values else None, texts[0] if texts else None) if found else None


def read_with_strings(text: str, extraction: Extraction, strings: tuple[str, ...]) -> list[str]:
    """The last answer of the highest priority, as the texts it may be compared by, where these strings are answers too.

    A string counts where it stands between blanks or punctuation, whatever it means there, and is found as it is
    written but comes back in lower case as well.

    Raises:
        Exception: whatever math-verify or sympy fails with.
    """
    with _our_limit_only():
        found = _engine().find(text, [*_regexes(extraction), *_string_regexes(strings)])
    return [item for item in found if isinstance(item, str)]


def is_same(gold: Reading, answer: Reading, precision: int) -> bool:
    """Whether an answer equals a gold. Not symmetric: x = 2 is answered by 2 (Math-Verify#25).

    Args:
        gold: what the data set says.
        answer: what the model says.
        precision: decimal places that count where a float is compared.

    Raises:
        Exception: whatever sympy fails with.
    """
    # First, because equal texts need no sympy, which may take for ever over `10^{10^{10}}`.
    if gold.text and answer.text and gold.text.strip() == answer.text.strip() != "":
        return True
    if gold.value is None or answer.value is None:
        return False
    if gold.is_integer and answer.is_integer:
        return bool(gold.value == answer.value)
    with _our_limit_only():
        return bool(_engine().same(gold.value, answer.value, precision))


def integer_reading(digits: str) -> Reading:
    """What `read` gives for a text whose answer is this integer, without the parser."""
    return Reading(_engine().integer(digits), digits)


@dataclass(frozen=True)
class _Engine:
    find: Callable[[str, Any], list[Any]]
    same: Callable[[Any, Any, int], bool]
    integer: Callable[[str], Any]


class _Scope(threading.local):
    lifts_inner_limits = False


_SCOPE = _Scope()


@contextmanager
def _our_limit_only() -> Iterator[None]:
    """Lift the limits inside 0.5.2's parser in this thread: their alarm cancels ours, and fails in other threads."""
    _SCOPE.lifts_inner_limits = True
    try:
        yield
    finally:
        _SCOPE.lifts_inner_limits = False


def _give_way(parser: ModuleType) -> None:
    # Others in this process, lighteval for one, keep the limits they ask for.
    limited = parser.timeout

    def timeout(timeout_seconds: int = 10) -> Callable:
        return (lambda function: function) if _SCOPE.lifts_inner_limits else limited(timeout_seconds)

    parser.timeout = timeout  # type: ignore[attr-defined]


@cache
def _engine() -> _Engine:
    from math_verify import grader, parser
    from sympy import Integer

    find = partial(parser.extract_target_from_pred, fallback_mode="first_match", extraction_mode="any_match")
    if "timeout_seconds" in inspect.signature(parser.extract_target_from_pred).parameters:  # up to 0.6.0
        _give_way(parser)
        find = partial(find, timeout_seconds=0)
    comparison = grader.sympy_expr_eq
    if "float_rounding" in inspect.signature(comparison).parameters:
        # 15 digits in numeric evaluation are the default of `verify`, and of sympy, on which 0.5.2 relies.
        comparison = partial(comparison, numeric_precision=15)
    return _Engine(find, lambda gold, answer, precision: comparison(gold, answer, precision), Integer)


@cache
def _regexes(extraction: Extraction) -> Any:
    """The compiled patterns of an extraction. math-verify keeps those of one configuration only, and we alternate."""
    from latex2sympy2_extended.latex2sympy2 import NormalizationConfig
    from math_verify.parser import ExprExtractionConfig, LatexExtractionConfig, get_extraction_regexes

    targets: list[Any] = []
    if extraction.expression:
        targets.append(ExprExtractionConfig())
    if extraction.latex:
        normalization = NormalizationConfig(
            basic_latex=True,
            units=True,
            malformed_operators=extraction.mend,
            nits=extraction.mend,
            boxed="all",
            # On by default in 0.5.2; in later versions the parser does this itself, and warns where it is on.
            equations=LatexExtractionConfig().normalization_config.equations,
        )
        targets.append(LatexExtractionConfig(extraction.anywhere, extraction.boxed_priority, normalization))
    return get_extraction_regexes(targets)


@lru_cache(maxsize=64)
def _string_regexes(strings: tuple[str, ...]) -> Any:
    from math_verify.parser import StringExtractionConfig, get_extraction_regexes

    return get_extraction_regexes([StringExtractionConfig(strings=strings)])
