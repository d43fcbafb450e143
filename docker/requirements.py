"""What pyproject.toml asks for, one requirement a line: python requirements.py PYPROJECT [EXTRA,EXTRA...].

The image installs these in a layer of their own, which changes when they do and not with the code.
"""

import sys
import tomllib
from pathlib import Path


def requirements(project: dict, extras: list[str]) -> list[str]:
    """The dependencies of a `[project]` table and of the extras named, sorted, each once.

    Raises:
        SystemExit: it has no such extra.
    """
    optional = project.get("optional-dependencies", {})
    wanted = list(project["dependencies"])
    for extra in extras:
        if extra not in optional:
            sys.exit(f"pyproject.toml has no extra {extra!r}; it has {', '.join(sorted(optional))}")
        wanted += optional[extra]
    return sorted(set(wanted))


if __name__ == "__main__":
    table = tomllib.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["project"]
    names = sys.argv[2] if len(sys.argv) > 2 else ""
    print(*requirements(table, [name for name in names.split(",") if name]), sep="\n")
