"""Hooks of mkdocs.yml: formulas become MathML, and pages take in the files that lie in the repository's root.

Browsers render MathML by themselves, so that no page fetches a script for its formulas.
"""

import html
import re
from pathlib import Path
from typing import Any

import latex2mathml.converter

ROOT = Path(__file__).parents[1]

# What pymdownx.arithmatex made of $...$ and $$...$$ in its generic mode.
_FORMULA = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">\s*\\[(\[](?P<latex>.*?)\\[)\]]\s*</(?P=tag)>',
    re.DOTALL,
)
_INCLUDE = re.compile(r"^<!-- include: (\S+) -->$", re.MULTILINE)
# Files of the root that pages take in, and the pages; links between them are followed to the pages.
PAGES = {
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changes.md",
    "BENCHMARKS.md": "measured.md",
    "CONTRIBUTING.md": "contributing.md",
    "README.md": "index.md",
}


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Take in `<!-- include: FILE -->`, and turn links to files of the root into links to their pages."""
    taken_in = _INCLUDE.sub(lambda found: _of_the_root(found[1]), markdown)
    for file, page in PAGES.items():
        taken_in = taken_in.replace(f"](../{file})", f"]({page})")
    return taken_in


def _of_the_root(name: str) -> str:
    text = (ROOT / name).read_text(encoding="utf-8").replace("](docs/", "](")
    for file in PAGES:
        text = text.replace(f"]({file})", f"](../{file})")
    return text


def on_page_content(content: str, **_: Any) -> str:
    """Replace marked formulas by MathML."""
    return _FORMULA.sub(_mathml, content)


def _mathml(found: re.Match[str]) -> str:
    display = "block" if found["tag"] == "div" else "inline"
    return latex2mathml.converter.convert(html.unescape(found["latex"]).strip(), display=display)
