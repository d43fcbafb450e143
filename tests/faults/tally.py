"""How much was tried: `tally("training killed at random moments", 20)`, summed up at the end of a pytest run.

What is tallied has passed: a test calls it last. The numbers travel on the test's report, so pytest-xdist brings them
to the process that prints.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

_KEY = "tried"


@pytest.fixture
def tally(record_property: Callable[[str, Any], None]) -> Callable[[str, int], None]:
    def add(what: str, times: int) -> None:
        record_property(_KEY, [what, times])

    return add


def pytest_terminal_summary(terminalreporter: Any) -> None:
    tried: Counter[str] = Counter()
    for report in terminalreporter.stats.get("passed", ()):
        for key, value in report.user_properties:
            if key == _KEY:
                tried[value[0]] += value[1]
    if tried:
        terminalreporter.section("tried, and nothing lost")
        for what, times in sorted(tried.items()):
            terminalreporter.line(f"{times:>9,}  {what}")
