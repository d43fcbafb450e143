"""Without a network the answer comes in seconds, and says what to do."""

import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

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
    command = [sys.executable, "-m", "gpg_cli", "eval", "--model", "org/model", "--bench", "math500"]

    def timed(environment: dict[str, str]) -> tuple[subprocess.CompletedProcess[str], float]:
        started = time.perf_counter()
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        return done, time.perf_counter() - started

    # What it takes to ask nobody, on a machine that may have others to serve.
    _, unasked_s = timed(environment | {"HF_HUB_OFFLINE": "1"})
    done, asked_s = timed(environment)
    assert asked_s < 2 * unasked_s + 8
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 2
    assert "--data math500=FILE.jsonl; HF_HUB_OFFLINE=1 uses a copy that is cached" in done.stderr


@pytest.mark.parametrize(
    ("folders", "revision"),
    [(["a" * 40, "a" * 40], "a" * 40), (["a" * 40, "b" * 40], None), (["a" * 64], None), ([], None)],
)
def test_the_commit_of_a_data_set_is_told_by_its_folder(folders: list[str], revision: str | None) -> None:
    files = [{"filename": f"/cache/org___data/default/0.0.0/{folder}/data-train.arrow"} for folder in folders]
    assert revision_of(SimpleNamespace(cache_files=files)) == revision  # type: ignore[arg-type]


def test_the_library_keeps_a_data_set_in_a_folder_named_after_its_hash(tmp_path: Path) -> None:
    from datasets import load_dataset, load_dataset_builder

    file, cache = tmp_path / "rows.jsonl", str(tmp_path / "cache")
    file.write_text('{"a": 1}\n')
    rows = load_dataset("json", data_files=str(file), split="train", cache_dir=cache)
    builder = load_dataset_builder("json", data_files=str(file), cache_dir=cache)
    assert Path(rows.cache_files[0]["filename"]).parent.name == builder.hash
    assert revision_of(rows) is None
