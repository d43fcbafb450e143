"""The questions that training keeps away from: of files, of cached data sets, of those the Hub gives."""

from pathlib import Path

import datasets
import pytest
from datasets import Dataset, DatasetInfo

from gpg_cli.catalog import bench_paths
from gpg_cli.errors import GpgError
from gpg_cli.evaluation import questions
from gpg_cli.evaluation.questions import questions_at_hand


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    folder.mkdir()
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", folder)
    return folder


def test_a_file_stands_in_for_a_benchmark_and_the_others_say_why_they_are_missing(json_lines, cache: Path) -> None:
    texts, missing = questions_at_hand({"math500": json_lines({"problem": "1+1?", "solution": "$2$"})})
    assert texts == {"math500": ["1+1?"]}
    assert missing["aime24"] == "it is not cached, and the Hub cannot be reached"
    # Its generator keeps its problems from training by itself.
    assert "quickstart" not in texts | missing


def test_a_data_set_that_was_loaded_before_is_at_hand_without_a_network(cache: Path) -> None:
    """The layout in which the datasets library keeps what it has loaded."""
    folder = cache / "HuggingFaceH4___math-500" / "default" / "0.0.0" / "abc"
    folder.mkdir(parents=True)
    rows = Dataset.from_list([{"problem": "2+2?", "solution": "$4$"}])
    rows.save_to_disk(cache / "made")
    next((cache / "made").glob("*.arrow")).rename(folder / "math-500-test.arrow")
    info = DatasetInfo(
        features=rows.features,
        splits={"test": {"name": "test", "num_examples": 1, "dataset_name": "math-500"}},
        builder_name="json",
        dataset_name="math-500",
        config_name="default",
        version="0.0.0",
    )
    info.write_to_directory(str(folder))
    texts, missing = questions_at_hand({})
    assert texts == {"math500": ["2+2?"]}
    assert "math500" not in missing


def test_with_a_network_the_hub_gives_what_is_not_cached(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str, config: str | None, split: str, *, hint: str) -> list[dict]:
        if name.endswith("aime_2024"):
            raise GpgError("cannot get the data set: it is gated", hint)
        return [{"problem": f"of {name}", "question": f"of {name}"}]

    monkeypatch.setattr(questions, "hub_is_reachable", lambda: True)
    monkeypatch.setattr(questions, "load_hub_rows", load)
    texts, missing = questions_at_hand({})
    assert texts["math500"] == ["of HuggingFaceH4/MATH-500"]
    assert missing == {"aime24": "cannot get the data set: it is gated"}


def test_a_benchmark_of_one_s_own_is_compared_too(json_lines, cache: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(bench_paths()["math500"].read_text(encoding="utf-8"), encoding="utf-8")
    texts, _ = questions_at_hand({str(own): json_lines({"problem": "3+3?", "solution": "$6$"})})
    assert texts == {"own": ["3+3?"]}


def test_questions_about_pictures_are_not_compared(json_lines, cache: Path) -> None:
    """ "How many chairs are there?" about another picture is another question."""
    row = {"question": "Find x.", "ground_truth": "1", "image_path": "a.png"}
    texts, missing = questions_at_hand({"geoqa": json_lines(row)})
    assert "geoqa" not in {**texts, **missing}
    assert "cvbench" not in {**texts, **missing}
