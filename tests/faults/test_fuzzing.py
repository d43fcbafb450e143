"""The fuzzer itself: it notices what it is there for."""

import os
import subprocess
import sys
import time
from pathlib import Path

import hypothesis.strategies as st
import pytest

from tests.faults.fuzzing import CASE_LIMIT_S, fuzz


def test_a_failure_is_found_and_reduced() -> None:
    def check(number: int) -> None:
        assert number < 100, number

    with pytest.raises(AssertionError, match="100"):
        fuzz(check, st.integers(0, 10_000), 200)


def test_a_slow_case_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.faults.fuzzing.CASE_LIMIT_S", 0.05)
    with pytest.raises(AssertionError, match="of processor time"):
        fuzz(lambda _: sum(range(10_000_000)), st.none(), 1)
    with pytest.raises(AssertionError, match=r"took 0\.[3-9] s"):
        fuzz(lambda _: time.sleep(0.3), st.none(), 1)
    assert CASE_LIMIT_S == 5


def test_what_was_tried_is_told(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("from tests.faults.tally import pytest_terminal_summary, tally")
    (tmp_path / "test_doors.py").write_text(
        "def test_a(tally):\n    tally('doors', 1200)\n\ndef test_b(tally):\n    tally('doors', 34)\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-n", "1", str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    assert "1,234  doors" in subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
