"""Letters of another alphabet of mathematics: browsers leave the attribute mathvariant to Unicode (MathML Core)."""

import unicodedata
from functools import cache

# Most stand in the block of mathematical letters, those that Unicode knew before (ℝ, ℒ, ℭ) under a shorter name.
_NAMES = {
    "bold": ("MATHEMATICAL BOLD",),
    "italic": ("MATHEMATICAL ITALIC",),
    "bold-italic": ("MATHEMATICAL BOLD ITALIC",),
    "double-struck": ("MATHEMATICAL DOUBLE-STRUCK", "DOUBLE-STRUCK"),
    "script": ("MATHEMATICAL SCRIPT", "SCRIPT"),
    "bold-script": ("MATHEMATICAL BOLD SCRIPT",),
    "fraktur": ("MATHEMATICAL FRAKTUR", "BLACK-LETTER"),
    "bold-fraktur": ("MATHEMATICAL BOLD FRAKTUR",),
    "sans-serif": ("MATHEMATICAL SANS-SERIF",),
    "monospace": ("MATHEMATICAL MONOSPACE",),
}


def styled(text: str, variant: str | None) -> str:
    """`styled("R", "double-struck")` is ℝ; a character that the alphabet does not have stays as it is."""
    if variant not in _NAMES:
        return text
    return "".join(_letter(character, variant) for character in text)


@cache
def _letter(character: str, variant: str) -> str:
    name = unicodedata.name(character, "")
    for removed in ("LATIN ", "GREEK "):
        name = name.removeprefix(removed)
    # LATIN CAPITAL LETTER R -> CAPITAL R
    name = name.replace(" LETTER ", " ")
    for alphabet in _NAMES[variant]:
        try:
            return unicodedata.lookup(f"{alphabet} {name}")
        except KeyError:
            continue
    return character
