"""What the documentation's pages hold: fenced blocks, and the comment before each that says how it is tested.

    <!-- run -->                    executed, in the order of the page, in one folder for each page
    <!-- run with: --max-steps 2 -->  executed with these words added to its `gpg train`, so that a test stays short
    <!-- needs: REASON -->          not executed: its `gpg` lines must name commands, options and settings that exist
    <!-- prints -->                 each line is printed by the block before, up to differences in blanks
    <!-- message: FILE -->          each piece between … stands in that file

A block with a title is a file, which is written before the blocks that follow it.
"""

import html
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])

_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>[^\n]*?) -->\n)?"
    r"^```(?P<language>\w*)(?: title=\"(?P<title>[^\"\n]+)\")?[^\n]*\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        line: where it begins in its page, from 1.
        kind: `run`, `needs`, `prints`, `message`; None where no comment stands before it.
        detail: what follows the kind.
        title: the name of the file that it is.
    """

    line: int
    language: str
    kind: str | None
    detail: str
    title: str | None
    text: str

    @property
    def statements(self) -> list[list[str]]:
        """Its commands, each as words: without comments, with lines joined that a backslash continues."""
        lines = self.text.replace("\\\n", " ").splitlines()
        words = [shlex.split(line, comments=True) for line in lines]
        return [part for line in words for part in _at_and(line) if part]


def read_blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page, in its order."""
    text = page.read_text(encoding="utf-8")
    blocks = []
    for found in _BLOCK.finditer(text):
        kind, _, detail = (found["mark"] or "").partition(":")
        kind = {"run with": "run"}.get(kind.strip(), kind.strip())
        line = text.count("\n", 0, found.start("language")) + 1
        blocks.append(Block(line, found["language"], kind or None, detail.strip(), found["title"], found["text"]))
    return blocks


def _at_and(words: list[str]) -> list[list[str]]:
    """`a && b` as its two commands."""
    parts: list[list[str]] = [[]]
    for word in words:
        if word == "&&":
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


def table(page: Path, header: str) -> list[list[str]]:
    """The rows of the table that begins with this header: the text of their cells."""
    lines = page.read_text(encoding="utf-8").partition(header)[2].splitlines()[2:]
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([_cell(text) for text in line.strip("|").split("|")])
    return rows


def _cell(markdown: str) -> str:
    return html.unescape(markdown.strip().strip("`").replace("\\*", "*"))
