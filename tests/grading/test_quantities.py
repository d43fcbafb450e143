"""Numbers with units, as they are read; what they equal is shown by the tests of `geoqa-strict`."""

from fractions import Fraction

import pytest

from gpg_cli.grading.quantities import Unit, read_quantity


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("25", "25"),
        ("25.0", "25"),
        ("25.50", "25.5"),
        ("−25", "-25"),
        ("２５", "25"),
        ("1,200", "1200"),
        ("8√{3}", r"8\sqrt{3}"),
        ("8√3", r"8\sqrt{3}"),
        ("8*sqrt(3)", r"8\cdot \sqrt{3}"),
        (r"\(8\sqrt{3}\)", r"8\sqrt{3}"),
        ("4π", r"4\pi"),
        ("4 * pi", r"4 \cdot \pi"),
        ("π/6", r"\pi /6"),
        ("½", "1/2"),
        ("2:3", "2/3"),
        ("5²", "5^2"),
        ("x = 25", "25"),
        ("The answer is 25.", "25"),
    ],
)
def test_a_number_becomes_latex(text: str, number: str) -> None:
    quantity = read_quantity(text)
    assert quantity is not None
    assert (quantity.number, quantity.unit) == (number, None)


@pytest.mark.parametrize(
    ("text", "dimension", "factor"),
    [
        *(("25°", "angle", 1), ("25 degrees", "angle", 1), (r"25^{\circ}", "angle", 1), ("25度", "angle", 1)),
        *(("5cm", "length", Fraction(1, 100)), ("5米", "length", 1), ("5 km", "length", 1000)),
        *(
            ("5海里", "length", 1852),
            ("5 nautical miles", "length", 1852),
            (r"5\text{ mm}", "length", Fraction(1, 1000)),
        ),
        *(("5cm²", "length2", Fraction(1, 10_000)), ("5cm^2^", "length2", Fraction(1, 10_000))),
        *(("5 square meters", "length2", 1), ("5平方米", "length2", 1), ("5 m^{3}", "length3", 1)),
        *(("5秒", "time", 1), ("5 min", "time", 60), ("5小时", "time", 3600)),
    ],
)
def test_a_unit_is_a_dimension_and_a_factor(text: str, dimension: str, factor: Fraction) -> None:
    quantity = read_quantity(text)
    assert quantity is not None
    assert quantity.unit == Unit(dimension, Fraction(factor))


@pytest.mark.parametrize(
    "text", ["", "x", "25x", "left", "2 or 3", "2 3", "1, 2", "cm", "°", "√", "25 apples", "()", "1" * 201, "(25%)"]
)
def test_what_holds_anything_else_is_no_quantity(text: str) -> None:
    assert read_quantity(text) is None
