"""Is this answer right? The only place that knows, for rewards and benchmarks alike.

What is cheap and harmless is judged in this process: text against text, a rectangle against a rectangle, an integer
in a box against an integer. Everything else goes to worker processes (`pool`), where an answer can neither hang nor
exhaust the memory of anything but itself. The rules stand in one table (`rules`). Importing this is cheap, too:
math_verify and sympy are imported by the workers, and by `require_grader`.
"""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace

from gpg_cli.errors import GpgError
from gpg_cli.grading.math import MathRule, can_read_gold, prepare_grader
from gpg_cli.grading.pool import Call
from gpg_cli.grading.rules import RULES as _RULES
from gpg_cli.grading.settings import time_limit_s, worker_count
from gpg_cli.grading.shared_pool import shared_pool
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

RULES: tuple[str, ...] = tuple(_RULES)

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
        known = last.get(key) or _RULES[rule].grade_here(*key[1:])
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
    done = _RULES[rule].grade_here(_golds(gold), completion)
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
    return _readable(golds, rule)


def _readable(golds: Sequence[str], rule: str, reading: MathRule | None = None) -> list[bool]:
    """Whether each gold can be read; by workers in a way of their own where one is given."""
    known = {gold: _RULES[rule].can_read_here(gold) for gold in golds}
    unsure = [gold for gold, readable in known.items() if readable is None]
    if unsure:
        reading = reading or _RULES[rule].timed_reading()
        calls = [Call(can_read_gold, (gold, reading), reading.time_limit_s, False, False) for gold in unsure]
        known |= dict(zip(unsure, _results(calls), strict=True))
    return [bool(known[gold]) for gold in golds]


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


def strict_rule(rule: str) -> str:
    """The rule of a sound judgement beside one of evaluation's.

    Raises:
        ValueError: there is no such rule.
    """
    _check_rule(rule)
    return _RULES[rule].strict


def golds_read_as_text(golds: Sequence[str], rule: str) -> list[bool]:
    """Whether each gold means nothing to the parser, so that answers are compared with it as text.

    Raises:
        GpgError: the processes that grade do not start.
    """
    reading = _RULES[rule].reading
    if reading is None or not reading.gold_as_text:
        return [False] * len(golds)
    parsing = replace(_RULES[rule].timed_reading(), gold_as_text=False)
    return [not readable for readable in _readable(golds, rule, parsing)]


def _grading_call(rule: str, golds: tuple[str, ...], completion: str) -> Call[Grade]:
    function, reading = _RULES[rule].grade_by_worker, _RULES[rule].timed_reading()
    assert function is not None, "a rule without workers"
    timeout, error = Grade(Verdict.TIMEOUT, None), Grade(Verdict.ERROR, None)
    return Call(function, (golds, completion, reading), reading.time_limit_s, timeout, error)


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
