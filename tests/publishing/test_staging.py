import errno
import os
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
