"""LaTeX -> a MathML tree that a script builds node by node, so that nothing a model wrote is ever read as markup."""

import html
import re
from typing import Any
from xml.etree.ElementTree import Element

from latex2mathml.converter import Converter

from gpg_cli.page.letters import styled

# ["mfrac", ["mi", "a"], ["mn", "2"]]: the tag, attributes where there are any, then text and children.
Tree = list[Any]

# Nobody reads a longer one, and time grows with it.
LONGEST_FORMULA = 3000

# What MathML Core knows, and menclose, which the style draws (\boxed).
_TAG = re.compile(
    "math|menclose|merror|mfrac|mi|mmultiscripts|mn|mo|mover|mpadded|mphantom|mprescripts|mroot|mrow|mspace|msqrt|"
    "mstyle|msub|msubsup|msup|mtable|mtd|mtext|mtr|munder|munderover|none"
)
_ATTRIBUTE = re.compile(
    "accent|accentunder|columnalign|depth|display|displaystyle|fence|form|height|largeop|linethickness|lspace|maxsize|"
    "minsize|movablelimits|notation|rspace|scriptlevel|separator|stretchy|symmetric|voffset|width"
)
# How many children these must have; with others a browser draws a plain row.
_CHILDREN = {"mfrac": 2, "mroot": 2, "mover": 2, "msub": 2, "msup": 2, "munder": 2, "msubsup": 3, "munderover": 3}
# Words and small numbers: `\rule{9999em}{9999em}` must not cover the page.
_VALUE = re.compile(r"[a-z -]{1,40}|[+-]?\d{0,2}(\.\d{1,3})?(em|ex|pt|px|mu|%)?")

# Macros can grow without bound; the others mean nothing on this page.
_REFUSED = re.compile(r"\\(?:def|let|gdef|edef|newcommand|renewcommand|providecommand|href|style|class|unicode)\b")


def to_tree(latex: str, *, block: bool) -> Tree | None:
    """Convert one formula.

    Args:
        latex: without delimiters.
        block: whether it stands on a line of its own.

    Returns:
        The tree, or None for what cannot be converted: malformed, too long, too deep, with macros.
    """
    if not latex.strip() or len(latex) > LONGEST_FORMULA or _REFUSED.search(latex):
        return None
    try:
        return _tree(Converter(display="block" if block else "inline").convert_to_element(latex))
    # The converter has exceptions of its own, and others where a model's LaTeX surprises it.
    except Exception:
        return None


def _tree(element: Element) -> Tree:
    tag = element.tag if _TAG.fullmatch(element.tag) else "mrow"
    attributes = {
        name: value for name, value in element.attrib.items() if _ATTRIBUTE.fullmatch(name) and _VALUE.fullmatch(value)
    }
    variant = element.get("mathvariant")
    # The converter writes characters as references and leaves their escaping to whoever serialises.
    text = styled(html.unescape(element.text or ""), variant)
    if variant == "normal":
        attributes["mathvariant"] = variant
    tree: Tree = [tag]
    if attributes:
        tree.append(attributes)
    if text:
        tree.append(text)
    tree.extend(_children(tag, [_tree(child) for child in element]))
    return tree


def _children(tag: str, children: list[Tree]) -> list[Tree]:
    needed = _CHILDREN.get(tag, len(children))
    if len(children) < needed:
        raise ValueError(f"{tag} with {len(children)} children")
    # The converter leaves a base with its brackets, such as a determinant that is squared, in several pieces.
    first = len(children) - needed + 1
    return children if first == 1 else [["mrow", *children[:first]], *children[first:]]
