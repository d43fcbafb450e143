"""A file with lines of JSON for each step of a run, which a full disk, a kill or a resume neither cuts nor doubles."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.markup import escape

from gpg_cli.console import say


class StepLines:
    """Appends lines; while the disk is full, they are held back.

    Args:
        path: of the file, which need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._held_back = ""

    def replace(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Let the file hold these lines and no others; whole or not at all."""
        beside = self.path.with_name(self.path.name + ".tmp")
        beside.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        os.replace(beside, self.path)

    def append(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Write the lines of a step, after those that wait; where there is no room it is said, and they wait too."""
        self._held_back += "".join(json.dumps(line) + "\n" for line in lines)
        try:
            self.flush()
        except OSError as error:
            say(f"[red]could not write {escape(str(self.path))}: {error.strerror}[/]; the lines wait for room")

    def flush(self) -> None:
        """Write what waits.

        Raises:
            OSError: there is still no room; the file is as it was.
        """
        if not self._held_back:
            return
        size = self.path.stat().st_size if self.path.exists() else 0
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(self._held_back)
        except OSError:
            # Of a line that is cut short the next would become a part.
            if self.path.exists():
                os.truncate(self.path, size)
            raise
        self._held_back = ""
