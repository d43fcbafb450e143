import subprocess
import sys
from pathlib import Path

from gpg_cli.file_lock import take_lock


def test_one_at_a_time_has_the_lock_and_a_process_that_ends_gives_it_back(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    taking = f"import pathlib; from gpg_cli.file_lock import take_lock; lock = take_lock(pathlib.Path({str(path)!r}))"
    assert subprocess.run([sys.executable, "-c", taking], check=False).returncode == 0
    first = take_lock(path)
    assert first is not None
    assert take_lock(path) is None
    # Whoever waits with the file open must not lock one that nobody else will find.
    path.unlink()
    first.close()
    second = take_lock(path)
    assert second is not None
    assert path.exists()
    second.close()
