"""maj@n: the most frequent answer, where different texts may be the same answer."""

import pytest

from gpg_cli.evaluation.journal import Sample
from gpg_cli.evaluation.majority import majority_is_right
from tests.evaluation.samples import changed


def answers(*texts: str | None, right: str) -> list[Sample]:
    return [
        changed(number=number, extracted=text, verdict="correct" if text == right else "wrong")
        for number, text in enumerate(texts)
    ]


@pytest.mark.parametrize(
    ("texts", "right", "rule", "expected"),
    [
        (["2", "3", "2"], "2", "math-expr", True),
        (["3", "2", "3"], "2", "math-expr", False),
        # Of equally frequent answers the one that was given first.
        (["2", "3"], "2", "math-expr", True),
        (["3", "2"], "2", "math-expr", False),
        # An answer that was not found is no answer.
        ([None, None, "2"], "2", "math-expr", True),
        ([None, None], "2", "math-expr", False),
        # Two texts of one answer outvote two of another text.
        (["7", "7", r"\frac{1}{2}", "0.5", r"\frac{2}{4}"], r"\frac{1}{2}", "math-latex", True),
        (["7", "7", "8", "9", "10"], "8", "math-latex", False),
        (["x+1", "y", "1+x", "y", "x + 1"], "x+1", "math-latex", True),
        (["a", "b", "b"], "b", "exact", True),
        (["a ", "b", "a"], "a ", "exact", True),
    ],
)
def test_the_majority_is_right_or_not(texts: list[str | None], right: str, rule: str, expected: bool) -> None:
    samples = answers(*texts, right=right)
    # The grader calls every text of the right answer right, not the first alone.
    if rule == "math-latex" and right.startswith("\\frac"):
        same = {right, "0.5", r"\frac{2}{4}"}
        samples = [
            changed(
                number=each.number, extracted=each.extracted, verdict="correct" if each.extracted in same else "wrong"
            )
            for each in samples
        ]
    assert majority_is_right([samples], rule) == [expected]


def test_problems_do_not_mix() -> None:
    first, second = answers("1", "1", "2", right="2"), answers("2", "2", "1", right="2")
    assert majority_is_right([first, second], "math-expr") == [False, True]
