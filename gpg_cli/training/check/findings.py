"""What a check found, as values."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    PROBLEM = "problem"  # the training would fail, or learn nothing of what it is meant to
    WARNING = "warning"
    OK = "ok"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        text: what was found, in one sentence.
        change: the setting to change, empty where nothing is wrong.
        rows: numbers of the rows of the data set it is about, from 1.
    """

    level: Level
    text: str
    change: str = ""
    rows: tuple[int, ...] = ()


@dataclass(frozen=True)
class Section:
    """The findings of one kind of check, and lines to read beside them (a histogram, a table)."""

    title: str
    findings: Sequence[Finding]
    lines: Sequence[str] = ()


@dataclass(frozen=True)
class Report:
    """Everything `gpg check` found."""

    name: str
    sections: Sequence[Section]

    def count(self, level: Level) -> int:
        return sum(finding.level is level for section in self.sections for finding in section.findings)

    def to_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "name": self.name,
            **{f"{level}s" if level is not Level.OK else "ok": self.count(level) for level in Level},
            "sections": [
                {
                    "title": section.title,
                    "findings": [
                        {"level": str(item.level), "text": item.text, "change": item.change, "rows": list(item.rows)}
                        for item in section.findings
                    ],
                    "lines": list(section.lines),
                }
                for section in self.sections
            ],
        }
