import json
import random
import time

import pytest

from gpg_cli.page.mathematics import LONGEST_FORMULA, to_tree


def inside(latex: str) -> list:
    """The tree without the <math> and <mrow> around it."""
    tree = to_tree(latex, block=False)
    assert tree is not None
    return tree[2][1:]


def test_a_formula_becomes_nested_lists_of_tags_attributes_and_text() -> None:
    assert to_tree(r"\frac{a}{2}", block=True) == [
        "math",
        {"display": "block"},
        ["mrow", ["mfrac", ["mrow", ["mi", "a"]], ["mrow", ["mn", "2"]]]],
    ]
    assert inside("a<b") == [["mi", "a"], ["mo", "<"], ["mi", "b"]]
    assert inside(r"\boxed{42}") == [["menclose", {"notation": "box"}, ["mrow", ["mn", "42"]]]]


def test_letters_of_other_alphabets_are_those_of_unicode() -> None:
    assert inside(r"\mathbb{R}") == [["mi", "ℝ"]]
    assert inside(r"\mathcal{L}") == [["mi", "ℒ"]]
    assert inside(r"\mathbf{v}") == [["mi", "𝐯"]]


def test_a_base_of_several_pieces_keeps_its_exponent() -> None:
    (square,) = inside(r"\begin{vmatrix} x \end{vmatrix}^2")
    tag, base, exponent = square
    assert (tag, base[0], exponent) == ("msup", "mrow", ["mn", "2"])


@pytest.mark.parametrize(
    "latex",
    [
        r"\frac{1}",
        r"x^{2}^{3}",
        r"\left( x",
        r"\begin{array}",
        "  ",
        "x" * (LONGEST_FORMULA + 1),
        "{" * 2000,
        r"\sqrt" * 500,
        r"\def\a{\a\a}\a",
        r"\newcommand{\a}{\a\a}\a",
        r"\href{javascript:alert(1)}{x}",
        r"\style{position: fixed}{x}",
    ],
)
def test_what_is_malformed_too_long_too_deep_or_not_mathematics_has_no_tree(latex: str) -> None:
    assert to_tree(latex, block=False) is None


def test_text_in_mathematics_stays_text() -> None:
    assert inside(r"\text{<img src=x onerror=ran()>}") == [["mtext", "<img\xa0src=x\xa0onerror=ran()>"]]
    assert inside(r"\text{&lt;}") == [["mtext", "<"]]


@pytest.mark.parametrize(
    "latex", [r"\rule{9999em}{9999em}", r"\hspace{9999em}x", r"\color{red}x", r"\colorbox{red}{x}"]
)
def test_sizes_that_would_cover_the_page_and_colours_are_left_out(latex: str) -> None:
    written = json.dumps(inside(latex))
    assert "9999" not in written
    assert "red" not in written


def test_nonsense_of_every_command_neither_raises_nor_takes_long() -> None:
    from latex2mathml import commands

    known = [value for value in vars(commands).values() if isinstance(value, str) and value.startswith("\\")]
    pieces = [*known, *"{}^_&[]()|'$%~ xy12", r"\begin{array}{c}", r"\end{array}", r"\left(", r"\right)", "{ab}"]
    chance = random.Random(0)
    started = time.process_time()
    for _ in range(1000):
        to_tree("".join(chance.choices(pieces, k=chance.choice([3, 10, 100]))), block=False)
    assert time.process_time() - started < 20
