r"""The sound judgement beside the published protocol's: pairs judged by hand, and real golds and answers.

Each row: gold, what stands in the answer's box, whether it is right. Rows of a family share what they are about.
"""

import json

import pytest

from gpg_cli.grading import Verdict, grade, grade_all, strict_rule
from gpg_cli.grading.exact import last_box
from gpg_cli.grading.strict import stated_answer
from tests.conftest import shared_data

FAMILIES: dict[str, list[tuple[str, str, bool]]] = {
    "numbers": [
        ("18", "18", True),
        ("18", "18.0", True),
        ("025", "25", True),
        ("-7", "-7", True),
        ("-7", "7", False),
        ("18", "180", False),
        ("3.14", "3.15", False),
        ("0.5", ".5", True),
        ("$18$", "18.", True),
        ("7", "−7", False),
        ("-7", "−7", True),
    ],
    "separators and money": [
        ("1200", "1,200", True),
        ("1,200", "1200", True),
        ("10,\\!080", "10080", True),
        ("1{,}200", "1200", True),
        ("\\$1,200.50", "1200.5", True),
        ("1200", "\\$1{,}200", True),
        ("1200", "1,20", False),
        ("1234567", "1,234,567", True),
    ],
    "units": [
        ("15\\mbox{ cm}^2", "15", True),
        ("15", "15\\text{ cm}^2", True),
        ("15", "15 \\text{ square centimeters}", True),
        ("864 \\mbox{ inches}^2", "864", True),
        ("15", "15 cm", True),
        ("\\frac{639}{40}", "15.975 \\text{ inches}", True),
        ("15", "16\\text{ cm}", False),
        ("6.5 \\mathrm{~m}", "6.5", True),
        # A product of two letters is no unit.
        ("5", "5x", False),
        ("5xy", "5", False),
    ],
    "percentages": [
        ("50\\%", "50", True),
        ("50", "50\\%", True),
        ("50\\%", "50\\%", True),
        ("33.5\\%", "33.5", True),
        ("50\\%", "5", False),
        # What percent? 0.5 is half of one.
        ("50\\%", "0.5", False),
    ],
    "degrees": [
        ("30^\\circ", "30", True),
        ("30", "30^{\\circ}", True),
        ("30", "30°", True),
        ("30\\text{ degrees}", "30^\\circ", True),
        ("30^\\circ", "31^\\circ", False),
    ],
    "fractions": [
        ("\\frac{1}{2}", "0.5", True),
        ("\\frac{1}{2}", "\\dfrac{2}{4}", True),
        ("\\frac12", "1/2", True),
        ("\\frac{-1}{2}", "-\\frac{1}{2}", True),
        ("\\frac{1}{3}", "0.33", False),
        ("137 \\frac{1}{2}", "137\\frac{1}{2}", True),
        ("\\frac{1}{2}", "\\frac{1}{3}", False),
    ],
    "radicals and constants": [
        ("3\\sqrt{13}", "\\sqrt{117}", True),
        ("\\frac{\\sqrt{3}}{3}", "\\frac{1}{\\sqrt{3}}", True),
        ("\\sqrt{2}", "1.41", False),
        ("2\\pi", "2 \\pi", True),
        ("2\\pi", "6.28", False),
        ("8\\sqrt{3}", "8", False),
        ("\\displaystyle\\frac{3\\sqrt{3}}{4}", "\\frac{3\\sqrt{3}}{4}", True),
    ],
    "expressions": [
        ("x+1", "1+x", True),
        ("(x+1)^2", "x^2+2x+1", True),
        ("2k", "2k", True),
        ("2k", "k", False),
        ("6+9i", "9i+6", True),
        ("e^{-t}", "\\frac{1}{e^t}", True),
        ("x^2", "x^3", False),
    ],
    "equations": [
        ("x = 5", "5", True),
        ("5", "x = 5", True),
        ("5", "x = 6", False),
        ("y = 2x + 1", "2x + 1", True),
        ("f(x) = x^2", "x^2", True),
    ],
    "sets and lists": [
        ("1, -2", "-2, 1", True),
        ("1,-2", "1", False),
        ("\\{1, 2, 3\\}", "\\{3, 2, 1\\}", True),
        ("\\{1, 2\\}", "\\{1, 2, 3\\}", False),
        ("1, 2", "1, 2, 3", False),
    ],
    "tuples": [
        ("(2, 4)", "(2,4)", True),
        ("(2, 4)", "(4, 2)", False),
        ("\\left(3, \\frac{\\pi}{2}\\right)", "(3, \\pi/2)", True),
        ("(1, 2, 3)", "(1, 2)", False),
    ],
    "intervals": [
        ("(-\\infty, 0]", "(-\\infty, 0]", True),
        ("(-\\infty, 0]", "(-\\infty, 0)", False),
        ("[-2, 7]", "\\left[-2, 7\\right]", True),
        ("(2, 3)", "[2, 3]", False),
        ("(0,1) \\cup (2,3)", "(0, 1)\\cup(2, 3)", True),
    ],
    "matrices": [
        ("\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}", "\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", True),
        (
            "\\begin{pmatrix} -1/3 \\\\ 2/3 \\end{pmatrix}",
            "\\begin{pmatrix} -\\frac{1}{3} \\\\ \\frac{2}{3} \\end{pmatrix}",
            True,
        ),
        ("\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}", "\\begin{pmatrix} 1 & 2 \\\\ 3 & 5 \\end{pmatrix}", False),
    ],
    "scientific numbers": [
        ("4.5e33", "4.5 \\times 10^{33}", True),
        ("4.5e33", "4.5e33", True),
        ("4.5e33", "4.53 \\cdot 10^{33}", True),
        ("4.5e33", "4.6 \\times 10^{33}", False),
        ("4.5e33", "4.5 \\times 10^{32}", False),
        ("3.3e12", "3.3 \\times 10^{12} \\text{ Hz}", True),
        ("1e-5", "10^{-5}", True),
        ("1e-5", "0.00001", True),
        ("2e27", "-2 \\times 10^{27}", False),
        ("8.7e8", "870000000", True),
        ("3e8", "\\frac{9 \\times 10^{8}}{3}", True),
        ("4.5e33", "403.7", False),
    ],
    "text": [
        ("\\text{east}", "\\text{East}", True),
        ("\\text{east}", "east", True),
        ("\\text{even}", "\\text{odd}", False),
        ("\\text{(E)}", "E", True),
        ("\\text{(E)}", "\\text{(D)}", False),
        ("Evelyn", "\\text{Evelyn}", True),
    ],
}
ROWS = [pytest.param(*row, id=f"{name}: {row[0]} by {row[1]}") for name, rows in FAMILIES.items() for row in rows]


@pytest.mark.parametrize(("gold", "answer", "right"), ROWS)
def test_pairs_judged_by_hand(gold: str, answer: str, right: bool) -> None:
    verdict = grade(gold, f"Some work.\n\nThe answer is $\\boxed{{{answer}}}$.", "strict").verdict
    assert verdict is (Verdict.CORRECT if right else Verdict.WRONG)


def test_there_are_many_of_them() -> None:
    assert len(ROWS) >= 90


@pytest.mark.parametrize(
    ("gold", "answer", "protocol", "strict"),
    [
        # Who writes the number of the gold is wrong by the protocol, which reads 4.5 * e * 33.
        ("$4.5e33$", "4.5 \\times 10^{33}", False, True),
        # And who writes the product is right.
        ("$4.5e33$", "4.5 \\cdot e \\cdot 33", True, False),
    ],
)
def test_where_the_two_differ_in_what_an_answer_is(gold: str, answer: str, protocol: bool, strict: bool) -> None:
    completion = f"It is $\\boxed{{{answer}}}$."
    verdicts = [grade(gold, completion, rule).verdict is Verdict.CORRECT for rule in ("math-latex", "strict")]
    assert verdicts == [protocol, strict]


@pytest.mark.parametrize(
    ("completion", "stated"),
    [
        ("so $\\boxed{7}$. But wait,\nit is $\\boxed{8}$.", "8"),
        ("it is $-\\boxed{256}$.\nFinal Answer: The final answer is $-256$. I hope it is correct.", "-256"),
        ("Therefore, the final answer is: $\\boxed{12}$. I hope it is correct", "12"),
        ("Work.\nThe answer is 42.", "42"),
        ("Work.\n#### 1,200", "1,200"),
        ("Work.\nA: 5", "5"),
        ("Work.\nThe final answer is $15.975$ inches. I hope it is correct.", "15.975"),
        ("We have 3 apples and 4 pears, so 7", None),
        ("The answer is 7? Let me check:\n3 + 4 =", None),
        ("so $\\boxed{7", None),
        ("", None),
        ("\\boxed{}", None),
    ],
)
def test_the_answer_is_what_the_model_states(completion: str, stated: str | None) -> None:
    assert stated_answer(completion) == stated


def test_a_completion_that_was_cut_off_is_not_right_by_accident() -> None:
    cut_off = "First, 3 apples cost 6 dollars, so one costs 2 dollars, and then"
    assert grade("2", cut_off, "math-expr").verdict is Verdict.CORRECT
    assert grade("2", cut_off, "strict").verdict is Verdict.WRONG


def test_any_of_several_golds_counts() -> None:
    assert grade(("3", "4"), "$\\boxed{4}$", "strict").verdict is Verdict.CORRECT
    assert grade(("3", "4"), "$\\boxed{5}$", "strict").verdict is Verdict.WRONG


def test_an_empty_gold_says_nothing() -> None:
    assert grade("", "$\\boxed{4}$", "strict").verdict is Verdict.UNPARSED


def test_every_rule_of_a_benchmark_has_a_strict_one() -> None:
    assert {rule: strict_rule(rule) for rule in ("math-latex", "math-expr", "exact")} == {
        "math-latex": "strict",
        "math-expr": "strict",
        "exact": "exact",
    }


@pytest.mark.parametrize(
    ("name", "column"),
    [
        *(("aime24", "answer"), ("aime25", "answer"), ("amc23", "answer")),
        *(("math500", "solution"), ("minerva", "solution"), ("olympiadbench", "answer")),
    ],
)
def test_every_gold_is_right_by_itself(name: str, column: str) -> None:
    """Minerva's 58 golds in e-notation and OlympiadBench's 409 without dollars among them."""
    golds = [json.loads(line)[column] for line in shared_data(f"{name}.jsonl").read_text("utf-8").splitlines()]
    pairs = [(gold, f"It is $\\boxed{{{_short(gold)}}}$.") for gold in golds]
    wrong = [pair for pair, each in zip(pairs, grade_all(pairs, "strict"), strict=True) if each.verdict != "correct"]
    assert wrong == []


def _short(gold: str | list[str]) -> str:
    first = gold[0] if isinstance(gold, list) else gold
    return last_box(first) or first.strip("$")


def test_real_answers_get_the_verdict_of_their_projects() -> None:
    """2,000 with labels, of which eight are known to be wrong; math-verify alone agrees with 1,986.

    Where strict differs from a label, the label is wrong, or the completion never states an answer.
    """
    rows = [json.loads(line) for line in shared_data("graded_completions.jsonl").read_text("utf-8").splitlines()]
    grades = grade_all([(row["gold"], row["completion"]) for row in rows], "strict")
    differing = [
        (row["gold"], each.extracted)
        for row, each in zip(rows, grades, strict=True)
        if (each.verdict is Verdict.CORRECT) != row["label"]
    ]
    assert len(differing) <= 17, differing
    unstated = [gold for gold, extracted in differing if extracted is None]
    assert len(unstated) >= 6


def test_real_answers_without_a_doubt() -> None:
    rows = [json.loads(line) for line in shared_data("math_completions.jsonl").read_text("utf-8").splitlines()]
    grades = grade_all([(row["gold"], row["completion"]) for row in rows], "strict")
    agreeing = [
        (each.verdict is Verdict.CORRECT) == row["upstream_is_correct"] for row, each in zip(rows, grades, strict=True)
    ]
    assert sum(agreeing) >= 399
