import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.publishing.staging import check_target, put_in_place, staging_folder


def fill_the_disk(staged: Path) -> None:
    (staged / "half").write_bytes(b"half a file")
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_told_in_words_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(GpgError, match="No space left on device"), staging_folder(tmp_path / "exported") as staged:
        fill_the_disk(staged)
    assert list(tmp_path.iterdir()) == []


def test_an_old_export_comes_back_when_the_new_one_cannot_be_put_in_place(tmp_path: Path) -> None:
    (tmp_path / "exported").mkdir()
    (tmp_path / "exported" / "old").touch()
    with pytest.raises(FileNotFoundError):
        put_in_place(tmp_path / "vanished", tmp_path / "exported")
    assert (tmp_path / "exported" / "old").exists()


def test_a_mount_point_is_refused_with_a_folder_to_name_instead(tmp_path: Path) -> None:
    mounted = Path("/dev/shm")
    if not mounted.is_mount() or any(mounted.iterdir()):
        pytest.skip("needs an empty mount point")
    with pytest.raises(GpgError, match="Name /dev/shm/model instead"):
        check_target(mounted, tmp_path, overwrite=False, marker="gpg_export.json")


def test_what_an_export_that_was_killed_left_behind_goes_with_the_next_one(tmp_path: Path) -> None:
    dead = """
import os, pathlib
from gpg_cli.publishing.staging import staging_folder
with staging_folder(pathlib.Path("exported")) as staged:
    (staged / "weights").write_bytes(bytes(1000))
    os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", dead], cwd=tmp_path, check=False)
    assert len(list(tmp_path.glob(".gpg-export-*"))) == 1
    with staging_folder(tmp_path / "exported") as first, staging_folder(tmp_path / "exported") as second:
        assert sorted(tmp_path.iterdir()) == sorted([first.parent, second.parent])


@pytest.mark.skipif(sys.platform != "linux", reason="needs the system call renameat2")
def test_an_export_is_replaced_in_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    monkeypatch.setattr(os, "replace", lambda *_: pytest.fail("two steps, between which there is no export"))
    put_in_place(tmp_path / "new", tmp_path / "old")
    assert [path.name for path in (tmp_path / "old").iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
