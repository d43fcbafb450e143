r"""Numbers with units, as answers to problems of geometry have them: 8√{3}, 4πcm, 12米, \frac{10√{3}}{3}m, 140°.

What is read is a closed form of digits, roots and π, in LaTeX that math-verify reads, and a unit. What holds anything
else, an unknown or a word, is no number.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

# The longest ground truth of GEOQA has 15 characters.
_LONGEST = 200


@dataclass(frozen=True)
class Unit:
    """What a number counts.

    Attributes:
        dimension: length, area (length2), volume (length3), time or angle.
        factor: how many metres (to the power), seconds or degrees.
    """

    dimension: str
    factor: Fraction


@dataclass(frozen=True)
class Quantity:
    """A number and what it counts.

    Attributes:
        number: LaTeX of digits, `.`, `+-/^(){}`, `\\cdot`, `\\frac`, `\\sqrt` and `\\pi`.
        unit: None where none is written.
    """

    number: str
    unit: Unit | None


_METRES: Mapping[Fraction, str] = {
    Fraction(1000): "km|kilomet(?:er|re)s?|千米|公里",
    Fraction(1): "m|met(?:er|re)s?|米",
    Fraction(1, 10): "dm|decimet(?:er|re)s?|分米",
    Fraction(1, 100): "cm|centimet(?:er|re)s?|厘米",
    Fraction(1, 1000): "mm|millimet(?:er|re)s?|毫米",
    Fraction(1852): "nmi|(?:nautical|sea)[ -]miles?|海里",
}
_SECONDS: Mapping[Fraction, str] = {
    Fraction(1): "s|secs?|seconds?|秒",
    Fraction(60): "min|minutes?|分钟",
    Fraction(3600): "h|hrs?|hours?|小时",
}
_DEGREES: Mapping[Fraction, str] = {Fraction(1): "°|∘|\\^\\{?(?:°|∘|\\\\circ)\\}?|\\\\circ|deg|degrees?|度"}
_NAMES = {"length": _METRES, "time": _SECONDS, "angle": _DEGREES}
_FACTORS = [(dimension, factor, names) for dimension, units in _NAMES.items() for factor, names in units.items()]

_POWER_BEFORE = r"(?:(?P<square>square |sq\.? ?|平方)|(?P<cubic>cubic |cu\.? ?|立方))"
_POWER_AFTER = r"\^?\{?(?P<power>[23])\}?\^?"
_UNIT = re.compile(
    rf"(?<![A-Za-z\\])(?:{_POWER_BEFORE}?(?:"
    + "|".join(f"(?P<unit{place}>{names})" for place, (_, _, names) in enumerate(_FACTORS))
    + rf")(?:{_POWER_AFTER})?|(?:square |cubic )?units?)$",
    re.IGNORECASE,
)

_SPACING = re.compile(r"\\[,;:! ]|\\q?quad(?![a-zA-Z])|\\(?:left|right|displaystyle)(?![a-zA-Z])|~|\$|\\[()\[\]]")
_TEXT = re.compile(r"\\(?:text|mathrm|mbox|textrm|rm)\s*\{([^{}]*)\}")
_REPLACED = str.maketrans({"²": "^2", "³": "^3", "−": "-", "–": "-", "·": "*", "×": "*", "∙": "*", "⋅": "*", "÷": "/"})
# Before the value of an equation or a sentence.
_BEFORE_VALUE = re.compile(r".*(?:=|≈|\bis\b:?|为|是)", re.DOTALL)
_GROUPED = re.compile(r"(?<![0-9.,])[0-9]{1,3}(?:,[0-9]{3})+(?![0-9,])")
_ROOT = re.compile(r"\\?√|\\?sqrt(?![a-zA-Z])")
_PI = re.compile(r"\\?pi(?![a-zA-Z])|π", re.IGNORECASE)
_RATIO = re.compile(r"([0-9.]+)\s*:\s*([0-9.]+)")
_TRAILING_ZEROS = re.compile(r"(?<![0-9.])([0-9]+)(?:\.0+|(\.[0-9]*[1-9])0+)(?![0-9.])")
_CLOSED_FORM = re.compile(r"(?:\\(?:frac|sqrt|cdot)(?![a-zA-Z])|\\pi|[0-9.+\-/^(){}\s])+")
_TWO_NUMBERS = re.compile(r"[0-9.)}]\s+[0-9.]|\\pi\s*[0-9.]|\)[0-9.]")


def read_quantity(text: str) -> Quantity | None:
    """The quantity that a text is, or that it ends with after `=` or "is"; None where it is none."""
    return _read_quantity(text) if len(text) <= _LONGEST else None


def value_part(text: str) -> str:
    """What follows the last `=` or "is" in a text; all of it where there is none."""
    return _BEFORE_VALUE.sub("", text).strip()


@lru_cache(maxsize=4096)
def _read_quantity(text: str) -> Quantity | None:
    text = unicodedata.normalize("NFKC", text.translate(_REPLACED)).translate(_REPLACED).replace("⁄", "/")
    text = value_part(_TEXT.sub(r" \1", _SPACING.sub(" ", text))).rstrip(".。 ")
    match = _UNIT.search(text)
    number = _closed_form(text[: match.start()] if match else text)
    return Quantity(number, _unit(match)) if number else None


def _unit(match: re.Match[str] | None) -> Unit | None:
    """The unit that was found; None where there is none, or only the word "unit"."""
    found = {name: value for name, value in (match.groupdict() if match else {}).items() if value}
    for place, (dimension, factor, _) in enumerate(_FACTORS):
        if f"unit{place}" in found:
            power = 2 if "square" in found else 3 if "cubic" in found else int(found.get("power", 1))
            return Unit(dimension if power == 1 else f"{dimension}{power}", factor**power)
    return None


def _closed_form(text: str) -> str | None:
    text = _GROUPED.sub(lambda match: match[0].replace(",", ""), text.strip())
    text = text.replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac")
    text = text.replace("\\times", "*").replace("\\div", "/").replace("\\cdot", "*")
    text = _PI.sub(r"\\pi ", _with_roots(text))
    ratio = _RATIO.fullmatch(text)
    text = f"{ratio[1]}/{ratio[2]}" if ratio else text.replace("**", "^").replace("*", "\\cdot ")
    text = " ".join(_TRAILING_ZEROS.sub(r"\1\2", text).split())
    if not _CLOSED_FORM.fullmatch(text) or _TWO_NUMBERS.search(text):
        return None
    return text if re.search(r"[0-9]|\\pi", text) else None


def _with_roots(text: str) -> str:
    r"""Every way to write a root as `\sqrt{...}`: √{3}, √3, √(3+1), sqrt(3)."""
    parts = _ROOT.split(text)
    written = parts[0]
    for part in parts[1:]:
        inside, after = _radicand(part.lstrip())
        written += f"\\sqrt{{{inside}}}{after}"
    return written


def _radicand(text: str) -> tuple[str, str]:
    """What a root is drawn from, and what follows; a root within it is not read."""
    closing = {"{": "}", "(": ")"}.get(text[:1])
    if closing is None:
        match = re.match(r"[0-9]+(?:\.[0-9]+)?", text)
        end = match.end() if match else 0
        return text[:end], text[end:]
    depth = 0
    for place, character in enumerate(text):
        depth += (character == text[0]) - (character == closing)
        if depth == 0:
            return text[1:place], text[place + 1 :]
    return "", text
