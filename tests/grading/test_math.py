import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

from gpg_cli.grading import RULES, Grade, Verdict, check_gold, grade, require_grader
from gpg_cli.grading.math import MATH_RULES, grade_math

# The parser goes through all ways to read a brace: some minutes for forty of them.
HOSTILE = r"\boxed{" + "{" * 40 + "5" + "}" * 41
# Python refuses to turn that many digits into a number.
UNREADABLE_NUMBER = "9" * 5000
# math-verify 0.9.0 takes two boxes that stand within 70 characters, and a comma, for an answer of two parts.
WAIT = "But wait, we have not looked at the case in which all of the numbers are negative. So it must be"


@pytest.mark.parametrize(
    ("gold", "completion", "verdict", "extracted"),
    [
        (r"$\frac{1}{2}$", r"Therefore the answer is $\boxed{0.50}$.", Verdict.CORRECT, "0.50"),
        (r"$\frac{1}{2}$", "The answer is 1/2", Verdict.CORRECT, "1/2"),
        (r"$\frac{1}{2}$", r"\boxed{\frac12}", Verdict.CORRECT, r"\frac{1}{2}"),
        (r"$\frac{1}{3}$", r"\boxed{0.33333}", Verdict.CORRECT, "0.33333"),
        (r"$\frac{1}{3}$", r"\boxed{0.3333}", Verdict.WRONG, "0.3333"),
        (r"We add and get $3 + 4 = \boxed{7}$.", r"\boxed{7}", Verdict.CORRECT, "7"),
        ("$7$", rf"First \boxed{{6}}. {WAIT} \boxed{{7}}.", Verdict.CORRECT, "7"),
        ("$7$", rf"First \boxed{{7}}. {WAIT} \boxed{{6}}.", Verdict.WRONG, "6"),
        ("$7$", r"\boxed{7} and not the 8 of before", Verdict.CORRECT, "7"),
        ("$7$", "<think>It is 8.</think> The answer is 7", Verdict.CORRECT, "7"),
        (r"$\{1, 2\}$", r"$\boxed{\{2, 1\}}$", Verdict.CORRECT, r"\{2, 1\}"),
        ("$7$", "I do not know.", Verdict.WRONG, None),
        ("$7$", "", Verdict.WRONG, None),
        ("$7$", r"答案是 $\boxed{7}$。", Verdict.CORRECT, "7"),
        ("$7$", r"\boxed{sieben}", Verdict.WRONG, "sieben"),
    ],
)
def test_math_latex_reads_a_latex_gold_and_any_kind_of_answer(
    gold: str, completion: str, verdict: Verdict, extracted: str | None
) -> None:
    assert grade(gold, completion, "math-latex") == Grade(verdict, extracted)


@pytest.mark.parametrize("gold", ["2", "$2$", "2.0", r"\$2", r"\frac{4}{2}", r"\boxed{2}", r"\(2\)"])
def test_math_latex_reads_a_short_gold_with_and_without_dollar_signs(gold: str) -> None:
    assert grade(gold, r"\boxed{2}", "math-latex").verdict is Verdict.CORRECT
    assert grade(gold, r"\boxed{3}", "math-latex").verdict is Verdict.WRONG


def test_math_latex_reads_all_of_a_bare_gold_and_not_only_the_fraction_in_it() -> None:
    assert grade(r"3+\frac{1}{2}", r"\boxed{3.5}", "math-latex").verdict is Verdict.CORRECT
    assert grade(r"3+\frac{1}{2}", r"\boxed{0.5}", "math-latex").verdict is Verdict.WRONG


@pytest.mark.parametrize(
    ("gold", "completion", "verdict"),
    [
        ("025", r"\boxed{25}", Verdict.CORRECT),
        ("025", r"\boxed{025}", Verdict.CORRECT),
        ("27", r"\boxed{27.0}", Verdict.CORRECT),
        ("27.0", r"\boxed{27}", Verdict.CORRECT),
        ("1,000", r"It costs \$1000.", Verdict.WRONG),
        ("1,000", "It costs $1000.", Verdict.CORRECT),
        ("18", "#### 18", Verdict.CORRECT),
        ("1/2", r"$\frac{1}{2}$", Verdict.CORRECT),
        ("-5", r"$-5$", Verdict.CORRECT),
        ("-5", r"\boxed{5}", Verdict.WRONG),
    ],
)
def test_math_expr_reads_a_gold_that_is_a_number_or_an_expression(gold: str, completion: str, verdict: Verdict) -> None:
    assert grade(gold, completion, "math-expr").verdict is verdict


def test_in_evaluation_a_gold_that_does_not_parse_is_compared_as_text() -> None:
    assert grade("north", r"\boxed{north}", "math-expr") == Grade(Verdict.CORRECT, "north")
    assert grade("north", r"\boxed{south}", "math-expr") == Grade(Verdict.WRONG, "south")


@pytest.mark.parametrize(
    ("completion", "verdict", "extracted"),
    [
        (r"\boxed{18}", Verdict.CORRECT, "18"),
        (r"Final answer: $\boxed{18}$", Verdict.CORRECT, "18"),
        (r"The answer is $18$", Verdict.CORRECT, "18"),
        (r"\boxed{36/2}", Verdict.CORRECT, "36/2"),
        ("The answer is 18", Verdict.WRONG, None),
        ("so it must be $18$", Verdict.WRONG, None),
        ("", Verdict.WRONG, None),
    ],
)
def test_math_training_wants_latex_in_a_box_or_announced(
    completion: str, verdict: Verdict, extracted: str | None
) -> None:
    assert grade(r"Twice nine is $\boxed{18}$.", completion, "math-training") == Grade(verdict, extracted)


@pytest.mark.parametrize("gold", ["18", "#### 18", "eighteen", ""])
def test_in_training_nothing_is_said_where_the_gold_does_not_parse(gold: str) -> None:
    assert grade(gold, r"\boxed{18}", "math-training") == Grade(Verdict.UNPARSED, None)
    assert not check_gold(gold, "math-training")
    assert check_gold("$18$", "math-training")


@pytest.mark.parametrize("rule", RULES)
def test_nothing_can_be_said_about_an_answer_to_an_empty_gold(rule: str) -> None:
    assert grade(" ", r"\boxed{18}", rule).verdict is Verdict.UNPARSED
    assert grade([], r"\boxed{18}", rule).verdict is Verdict.UNPARSED
    assert not check_gold(" ", rule)


@pytest.mark.parametrize("rule", ["math-latex", "math-training"])
def test_the_gold_comes_first_because_comparing_is_not_symmetric(rule: str) -> None:
    inequality, interval = r"$\boxed{1 < x < 2}$", r"$\boxed{(1, 2)}$"
    assert grade(inequality, interval, rule).verdict is Verdict.CORRECT
    assert grade(interval, inequality, rule).verdict is Verdict.WRONG


@pytest.mark.parametrize(
    ("golds", "verdict"),
    [
        (["$1$", "$2$"], Verdict.CORRECT),
        (["$2$", "$1$"], Verdict.CORRECT),
        (["$1$", "$3$"], Verdict.WRONG),
        (["one", "$2$"], Verdict.CORRECT),
        (["one", "$3$"], Verdict.WRONG),
        (["one", "three"], Verdict.UNPARSED),
    ],
)
def test_of_several_golds_the_one_that_suits_the_answer_best_counts(golds: Sequence[str], verdict: Verdict) -> None:
    assert grade(golds, r"\boxed{2}", "math-training").verdict is verdict


def test_an_unknown_rule_is_an_error_that_names_the_rules() -> None:
    known = "math-latex, math-expr, math-training, math-training-bare, strict, exact"
    with pytest.raises(ValueError, match=f"'latex': expected one of {known}"):
        grade("1", "1", "latex")
    with pytest.raises(ValueError, match="unknown grading rule"):
        check_gold("1", "latex")


def test_ten_thousand_characters_before_the_answer_do_not_hide_it() -> None:
    assert grade("$7$", "x = 3. " * 1500 + r"So $\boxed{7}$", "math-latex") == Grade(Verdict.CORRECT, "7")


def test_an_exception_in_the_parser_is_an_error_and_not_a_wrong_answer() -> None:
    assert grade("5", f"The answer is {UNREADABLE_NUMBER}", "math-expr") == Grade(Verdict.ERROR, None)
    assert grade(UNREADABLE_NUMBER, r"\boxed{5}", "math-expr") == Grade(Verdict.ERROR, None)
    assert not check_gold(UNREADABLE_NUMBER, "math-expr")


@pytest.mark.parametrize(("gold", "completion"), [("$5$", HOSTILE), (HOSTILE, r"\boxed{5}")])
def test_reading_that_takes_too_long_is_a_timeout(gold: str, completion: str) -> None:
    hurried = replace(MATH_RULES["math-training"], time_limit_s=0.2)
    started = time.monotonic()
    assert grade_math([gold], completion, hurried) == Grade(Verdict.TIMEOUT, None)
    assert time.monotonic() - started < 2
    assert grade_math(["$5$"], r"\boxed{5}", MATH_RULES["math-training"]).verdict is Verdict.CORRECT


def test_another_thread_gives_the_same_verdicts() -> None:
    answers = [r"\boxed{\frac{1}{2}}", r"\boxed{\frac{1}{3}}", "The answer is 0.5", "nothing"]
    with ThreadPoolExecutor(max_workers=1) as pool:
        verdicts = list(pool.map(lambda answer: grade(r"$\frac{2}{4}$", answer, "math-latex").verdict, answers))
    assert verdicts == [Verdict.CORRECT, Verdict.WRONG, Verdict.CORRECT, Verdict.WRONG]


@pytest.mark.parametrize("number", ["0", "-0", "7", "-7", "+7", "007", "25", "1000", "123456789012345678"])
@pytest.mark.parametrize(
    "text",
    [
        r"\boxed{N}",
        r"$\boxed{N}$",
        r"\[ \boxed{ N } \]",
        r"<think>1+2=3, $x$ is 9}</think>\boxed{N} {or so} $5$",
        r"$x = \boxed{N}$ and $y = 8$",
        r"the answer is 9, final answer is 8, \boxed{N}, answer: $6$",
        r"\boxed{N}%",
        r"$\boxed{N}$ percent",
        r"\boxed{N} and \boxed{3}",
        r"\fbox{3} \boxed{N}",
        r"\boxed{N}. The final answer is $3$. I hope it is correct.",
        r"Therefore, the final answer is: $\boxed{N}$. I hope it is correct.",
        r"\boxed{N}^\circ",
        r"\boxed{N\text{ cm}}",
        r"\boxed{N",
    ],
)
def test_the_short_way_for_integers_gives_the_verdict_of_math_verify(text: str, number: str) -> None:
    completion = text.replace("N", number)
    answer = parse(completion, [ExprExtractionConfig(), LatexExtractionConfig(boxed_match_priority=0)])
    for gold in ["0", "3", "7", "-7", "25", "1000", "123456789012345678"]:
        expected = verify(parse(gold, [ExprExtractionConfig()]), answer, 5)
        assert (grade(gold, completion, "math-expr").verdict is Verdict.CORRECT) == expected


def test_the_grader_that_is_installed_here_works() -> None:
    require_grader()


def run_python(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def test_importing_the_grader_does_not_import_sympy() -> None:
    assert run_python("import sys, gpg_cli.grading; print({'sympy', 'math_verify'} & set(sys.modules))") == "set()"


@pytest.mark.parametrize("missing", ["math_verify", "antlr4", "sympy"])
def test_a_broken_install_is_an_error_that_says_so(missing: str) -> None:
    program = f"""
import sys
sys.modules[{missing!r}] = None
from gpg_cli.errors import GpgError
from gpg_cli.grading import require_grader
try:
    require_grader()
except GpgError as error:
    print(error.message)
"""
    assert run_python(program).startswith("answers cannot be graded: math-verify")
