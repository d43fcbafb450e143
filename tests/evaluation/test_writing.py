from pathlib import Path

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.writing import sole_writer


def test_a_second_evaluation_is_kept_out_of_a_folder_until_the_first_ends(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "out"
    with sole_writer(folder):
        with pytest.raises(GpgError, match="another evaluation is writing"), sole_writer(folder):
            pass
        (folder / "samples.jsonl").touch()
    with sole_writer(folder):
        pass
    assert [path.name for path in folder.iterdir()] == ["samples.jsonl"]


def test_a_folder_in_which_nothing_was_written_goes_again(tmp_path: Path) -> None:
    with pytest.raises(GpgError, match="no model"), sole_writer(tmp_path / "runs" / "out"):
        raise GpgError("no model", "")
    assert list(tmp_path.iterdir()) == []
