"""Is this answer right? The only place that knows, for rewards and benchmarks alike.

What is cheap and harmless is judged in this process: text against text, an integer in a box against an integer.
Everything else goes to worker processes (`pool`), where an answer can neither hang nor exhaust the memory of anything
but itself. Importing this is cheap, too: math_verify and sympy are imported by the workers, and by `require_grader`.
"""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace

from gpg_cli.errors import GpgError
from gpg_cli.grading.exact import grade_exact
from gpg_cli.grading.math import (
    MATH_RULES,
    MathRule,
    can_read_gold,
    grade_integers,
    grade_math,
    is_integer_gold,
    prepare_grader,
)
from gpg_cli.grading.pool import Call
from gpg_cli.grading.settings import time_limit_s, worker_count
from gpg_cli.grading.shared_pool import shared_pool
from gpg_cli.grading.strict import RULE as STRICT_RULE
from gpg_cli.grading.strict import STRICT, grade_strict
from gpg_cli.grading.verdict import Grade, Verdict

__all__ = [
    "RULES",
    "Grade",
    "Verdict",
    "check_gold",
    "check_golds",
    "golds_read_as_text",
    "grade",
    "grade_all",
    "grade_later",
    "require_grader",
    "strict_rule",
]

RULES: tuple[str, ...] = (*MATH_RULES, STRICT_RULE, "exact")

_Gold = str | Sequence[str]
_Key = tuple[str, tuple[str, ...], str]

# Verdicts that the same answer may not get again.
_MAY_CHANGE = (Verdict.TIMEOUT, Verdict.ERROR)
# Of the last call of `grade_all`; replaced as a whole, so that threads do not meet in it.
_last_grades: dict[_Key, Grade] = {}


def grade(gold: _Gold, completion: str, rule: str) -> Grade:
    """Judge the answer in a completion; the verdict is TIMEOUT after about 5 s, ERROR where the memory does not do.

    Args:
        gold: the right answer, or several of which any will do.
        completion: what the model wrote, reasoning and answer.
        rule: one of `RULES`.

    Raises:
        ValueError: there is no such rule.
        GpgError: the processes that grade do not start.
    """
    return grade_all([(gold, completion)], rule)[0]


def grade_all(pairs: Sequence[tuple[_Gold, str]], rule: str) -> list[Grade]:
    """Judge many (gold, completion) pairs, each distinct pair once; in the order given. See `grade`.

    What two reward functions ask about the same batch, one after the other, is judged once, too.
    """
    global _last_grades
    _check_rule(rule)
    keys = [(rule, _golds(gold), completion) for gold, completion in pairs]
    last, grades, calls = _last_grades, {}, {}
    for key in dict.fromkeys(keys):
        known = last.get(key) or _grade_here(*key)
        if known is None:
            calls[key] = _grading_call(*key)
        else:
            grades[key] = known
    grades |= dict(zip(calls, _results(list(calls.values())), strict=True))
    _last_grades = {key: grade for key, grade in grades.items() if grade.verdict not in _MAY_CHANGE}
    return [grades[key] for key in keys]


def grade_later(gold: _Gold, completion: str, rule: str) -> Future[Grade]:
    """Judge the answer in a completion while this process does something else. See `grade`."""
    _check_rule(rule)
    done = _grade_here(rule, _golds(gold), completion)
    if done is not None:
        future: Future[Grade] = Future()
        future.set_result(done)
        return future
    call = _grading_call(rule, _golds(gold), completion)
    _submit([call])
    return call.future


def check_gold(gold: str, rule: str) -> bool:
    """Whether a gold can be read: where it cannot, `grade` says nothing about any answer to it. See `check_golds`."""
    return check_golds([gold], rule)[0]


def check_golds(golds: Sequence[str], rule: str) -> list[bool]:
    """Whether each gold can be read, within the limits of time and memory of an answer.

    Raises:
        ValueError: there is no such rule.
        GpgError: the processes that grade do not start.
    """
    _check_rule(rule)
    return [bool(gold.strip()) for gold in golds] if rule == "exact" else _check_golds(golds, _math_rule(rule))


def _check_golds(golds: Sequence[str], math_rule: MathRule) -> list[bool]:
    readable = {gold: bool(gold.strip()) for gold in golds}
    unsure = [gold for gold, filled in readable.items() if filled and not is_integer_gold(gold, math_rule)]
    calls = [Call(can_read_gold, (gold, math_rule), math_rule.time_limit_s, False, False) for gold in unsure]
    readable |= dict(zip(unsure, _results(calls), strict=True))
    return [readable[gold] for gold in golds]


def require_grader() -> None:
    """Grade an answer for which LaTeX has to be parsed, so that a broken install is an error and not a score of 0.

    Afterwards the first worker process starts, in the background.

    Raises:
        GpgError: math-verify, sympy or the ANTLR runtime under them is missing or does not fit; or what the environment
            says about grading is wrong.
    """
    time_limit_s()
    worker_count()
    try:
        prepare_grader()
    except Exception as error:
        raise GpgError(
            f"answers cannot be graded: math-verify does not work ({error})",
            "Install them again: pip install --force-reinstall 'math-verify[antlr4_13_2]'",
        ) from error
    shared_pool()


def _check_rule(rule: str) -> None:
    if rule not in RULES:
        raise ValueError(f"unknown grading rule {rule!r}: expected one of {', '.join(RULES)}")


def _golds(gold: _Gold) -> tuple[str, ...]:
    return (gold,) if isinstance(gold, str) else tuple(gold)


def _math_rule(rule: str) -> MathRule:
    return replace(STRICT if rule == STRICT_RULE else MATH_RULES[rule], time_limit_s=time_limit_s())


def strict_rule(rule: str) -> str:
    """The rule of a sound judgement beside one of evaluation's."""
    return rule if rule == "exact" else STRICT_RULE


def golds_read_as_text(golds: Sequence[str], rule: str) -> list[bool]:
    """Whether each gold means nothing to the parser, so that answers are compared with it as text.

    Raises:
        GpgError: the processes that grade do not start.
    """
    if rule == "exact" or rule == STRICT_RULE or not MATH_RULES[rule].gold_as_text:
        return [False] * len(golds)
    return [not readable for readable in _check_golds(golds, replace(_math_rule(rule), gold_as_text=False))]


def _grade_here(rule: str, golds: tuple[str, ...], completion: str) -> Grade | None:
    """The grade where it takes no worker, None elsewhere."""
    if rule == "exact":
        return grade_exact(golds, completion)
    return grade_integers(golds, completion, MATH_RULES["math-latex" if rule == STRICT_RULE else rule])


def _grading_call(rule: str, golds: tuple[str, ...], completion: str) -> Call[Grade]:
    math_rule = _math_rule(rule)
    timeout, error = Grade(Verdict.TIMEOUT, None), Grade(Verdict.ERROR, None)
    function = grade_strict if rule == STRICT_RULE else grade_math
    return Call(function, (golds, completion, math_rule), math_rule.time_limit_s, timeout, error)


def _submit(calls: list[Call]) -> None:
    pool = shared_pool() if calls else None
    if pool is not None:
        pool.submit(calls)
        return
    for call in calls:
        call.make_here()


def _results(calls: list[Call]) -> list:
    _submit(calls)
    try:
        return [call.future.result() for call in calls]
    except BaseException:
        # Nobody waits any more, because of Ctrl-C or a time limit around this.
        for call in calls:
            call.future.cancel()
        raise
