"""What ShellCheck finds in examples/."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parents[2] / "examples").glob("*/*.*"))


def test_shellcheck_has_nothing_to_say() -> None:
    shellcheck = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if shellcheck is None:
        pytest.skip("needs shellcheck, of the extra test")
    outcome = subprocess.run([shellcheck, "--color=never", *SCRIPTS], capture_output=True, text=True)
    assert (outcome.returncode, outcome.stdout) == (0, "")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_each_says_its_sizes_or_how_it_is_called(script: Path) -> None:
    text = script.read_text()
    assert os.access(script, os.X_OK)
    assert "set -euo pipefail" in text
    if script.name != "cluster.sh":
        for size in ("1.5B", "7B", "32B"):
            assert f"#   {size}" in text
