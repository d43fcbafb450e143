"""Tests that try to break the program: by kills, full disks, networks that fail, hostile input, and for a long time.

Each has a short part, which runs with all tests, and a long one (`LONG`) with the numbers that SECURITY.md promises:
`pytest -m slow tests/faults` runs both, and prints how much was tried.
"""

import pytest

# On a parameter: `pytest.param(20, marks=LONG)`.
LONG = (pytest.mark.slow, pytest.mark.long)
