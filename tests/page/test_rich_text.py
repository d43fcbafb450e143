import time

import pytest

from gpg_cli.data_file import read_json_lines
from gpg_cli.page.rich_text import Formulas
from tests.conftest import shared_data


def sources(text: str) -> list[str]:
    """The formulas found in a text, as they stand there."""
    formulas = Formulas()
    return [formulas.converted[piece][0] for piece in formulas.rich(text) if isinstance(piece, int)]


def together(formulas: Formulas, text: str) -> str:
    return "".join(p if isinstance(p, str) else formulas.converted[p][0] for p in formulas.rich(text))


@pytest.mark.parametrize(
    "formula",
    [
        "$x$",
        "$ x^2 $",
        "$$x + y$$",
        r"\(x\)",
        r"\[ \begin{cases} a \\[4pt] b \end{cases} \]",
        r"\begin{align*} a &= b \\ c &= d \end{align*}",
        r"\boxed{\frac{1}{2}}",
        "$a\nb$",
    ],
)
def test_every_way_to_write_mathematics_is_found(formula: str) -> None:
    assert sources(f"It is {formula}, so") == [formula]


@pytest.mark.parametrize(
    "text",
    [
        "It costs $5 and $10.",
        "$20-$5=$15",
        "He pays $5 + $6 = $11 for it",
        r"\$5 and \$6",
        "$x\n\ny$",
        r"\\(x\\)",
        r"cut off in \(x + ",
        "$$",
        "",
    ],
)
def test_money_escapes_and_what_was_cut_off_stay_text(text: str) -> None:
    assert Formulas().rich(text) == ([text] if text else [])


def test_malformed_mathematics_stays_its_source_and_hides_nothing_behind_it() -> None:
    assert sources(r"$\frac{1}$ and $x$") == ["$x$"]


def test_the_same_formula_is_converted_once() -> None:
    formulas = Formulas()
    assert formulas.rich("$x$ $y$ $x$") == [0, " ", 1, " ", 0]
    assert len(formulas.converted) == 2


def test_an_answer_may_be_a_formula_without_delimiters() -> None:
    formulas = Formulas()
    assert formulas.rich_answer(r"\frac{1}{2}") == [0]
    assert formulas.rich_answer("$3$ cm") == [1, " cm"]
    assert formulas.rich_answer("420") == ["420"]
    assert formulas.rich_answer("Evelyn") == ["Evelyn"]
    assert formulas.rich_answer(r"\frac{1") == [r"\frac{1"]


def test_real_completions_are_put_together_again_and_hardly_any_formula_is_lost() -> None:
    formulas = Formulas()
    texts = [row["completion"] for row in read_json_lines(shared_data("math_completions.jsonl"))]
    assert all(together(formulas, text) == text for text in texts)
    # Every `\(` that closes is a formula.
    found = sum(source.startswith(r"\(") for text in texts for source in sources(text))
    assert found >= 0.99 * sum(text.count(r"\)") for text in texts)


@pytest.mark.parametrize(
    "repeated",
    [
        "$",
        r"\(",
        r"\[",
        "$$",
        "$ =",
        "$\n",
        r"\boxed{",
        r"\boxed{{}",
        r"\begin{align}",
        r"\begin{cases}\boxed{",
        "\\\\",
    ],
)
def test_a_completion_that_repeats_itself_takes_time_in_proportion(repeated: str) -> None:
    text = repeated * (200_000 // len(repeated))
    started = time.process_time()
    assert together(Formulas(), text) == text
    assert time.process_time() - started < 5
