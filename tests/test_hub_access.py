"""Without a network the answer comes in seconds, and says what to do."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.hub_access import fetch_from_hub, hub_is_reachable, revision_of


def test_offline_is_unreachable_at_once() -> None:
    assert not hub_is_reachable()


@pytest.mark.parametrize(
    ("repo_id", "complaint"),
    [
        ("org/model", "cannot get the model 'org/model': the Hugging Face Hub cannot be reached"),
        ("no such/../id", "'no such/../id' is neither a folder nor a Hub id"),
    ],
)
def test_a_model_that_cannot_be_fetched_is_named(repo_id: str, complaint: str) -> None:
    with pytest.raises(GpgError) as caught:
        fetch_from_hub(repo_id, "config.json", revision=None, hint="Name a folder.")
    assert (caught.value.message, caught.value.hint) == (complaint, "Name a folder.")


def test_a_hub_that_does_not_answer_is_not_asked_again_and_again() -> None:
    """huggingface_hub alone tries for 23 seconds, with a line for each try."""
    # Nothing listens on the discard port of this machine.
    environment = {key: value for key, value in os.environ.items() if key != "HF_HUB_OFFLINE"}
    environment |= {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "0"}
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "gpg_cli", "eval", "--model", "org/model", "--bench", "math500"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert time.perf_counter() - started < 15
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 2
    assert "--data math500=FILE.jsonl; HF_HUB_OFFLINE=1 uses a copy that is cached" in done.stderr


@pytest.mark.parametrize(
    ("files", "revision"),
    [
        (
            [f"hf://datasets/org/data@{'a' * 40}/one.parquet", f"hf://datasets/org/data@{'a' * 40}/two.parquet"],
            "a" * 40,
        ),
        ([f"hf://datasets/org/data@{'a' * 40}/one.parquet", f"hf://datasets/org/data@{'b' * 40}/two.parquet"], None),
        (["hf://datasets/org/data@main/one.parquet", "/home/me/two.parquet"], None),
        ([], None),
    ],
)
def test_the_commit_of_a_data_set_is_told_by_its_files(files: list[str], revision: str | None) -> None:
    from datasets import Dataset, DatasetInfo

    noted = {file: {"num_bytes": 1, "checksum": None} for file in files}
    assert revision_of(Dataset.from_dict({"a": [1]}, info=DatasetInfo(download_checksums=noted))) == revision


def test_datasets_notes_the_files_it_loaded(tmp_path: Path) -> None:
    from datasets import load_dataset

    (tmp_path / "rows.jsonl").write_text('{"a": 1}\n')
    rows = load_dataset(
        "json", data_files=str(tmp_path / "rows.jsonl"), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert list(rows.info.download_checksums) == [str(tmp_path / "rows.jsonl")]
