"""Is this answer right? The only place that knows, for rewards and benchmarks alike.

Importing this is cheap: math_verify and sympy are imported by the first answer that needs them.
"""

from collections.abc import Sequence

from gpg_cli.errors import GpgError
from gpg_cli.grading.exact import grade_exact
from gpg_cli.grading.math import MATH_RULES, can_read_gold, grade_math
from gpg_cli.grading.verdict import Grade, Verdict

__all__ = ["RULES", "Grade", "Verdict", "check_gold", "grade", "grade_all", "require_grader"]

RULES: tuple[str, ...] = (*MATH_RULES, "exact")


def grade(gold: str | Sequence[str], completion: str, rule: str) -> Grade:
    """Judge the answer in a completion.

    Args:
        gold: the right answer, or several of which any will do.
        completion: what the model wrote, reasoning and answer.
        rule: one of `RULES`.

    Raises:
        ValueError: there is no such rule.
    """
    _check_rule(rule)
    golds = [gold] if isinstance(gold, str) else gold
    return grade_exact(golds, completion) if rule == "exact" else grade_math(golds, completion, MATH_RULES[rule])


def grade_all(pairs: Sequence[tuple[str | Sequence[str], str]], rule: str) -> list[Grade]:
    """Judge many (gold, completion) pairs, each distinct pair once; in the order given.

    Raises:
        ValueError: there is no such rule.
    """
    keys = [(gold if isinstance(gold, str) else tuple(gold), completion) for gold, completion in pairs]
    grades = {key: grade(*key, rule) for key in dict.fromkeys(keys)}
    return [grades[key] for key in keys]


def check_gold(gold: str, rule: str) -> bool:
    """Whether a gold can be read: where it cannot, `grade` says nothing about any answer to it.

    Raises:
        ValueError: there is no such rule.
    """
    _check_rule(rule)
    return bool(gold.strip()) if rule == "exact" else can_read_gold(gold, MATH_RULES[rule])


def require_grader() -> None:
    """Grade one answer for which LaTeX has to be parsed, so that a broken install is an error and not a score of 0.

    Raises:
        GpgError: math-verify, sympy or the ANTLR runtime under them is missing or does not fit.
    """
    hint = "Install them again: pip install --force-reinstall 'math-verify[antlr4_13_2]'"
    try:
        import math_verify  # noqa: F401 (a failure to import it is the message)
    except Exception as error:
        raise GpgError(f"answers cannot be graded: math-verify does not load ({error})", hint) from error
    verdict = grade(r"$\frac{3}{2}$", r"$\boxed{\frac{6}{4}}$", "math-training").verdict
    if verdict is not Verdict.CORRECT:
        raise GpgError(f"answers cannot be graded: math-verify calls 6/4 = 3/2 {verdict}, not correct", hint)


def _check_rule(rule: str) -> None:
    if rule not in RULES:
        raise ValueError(f"unknown grading rule {rule!r}: expected one of {', '.join(RULES)}")
