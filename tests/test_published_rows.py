"""Whose published numbers stand beside a model's."""

import pytest
import yaml

from gpg_cli.catalog import bench_paths
from gpg_cli.published_rows import rows_beside_trained, rows_to_show

MATH = yaml.safe_load(bench_paths()["math500"].read_text())["published"]
PUBLISHED = [MATH]


@pytest.mark.parametrize(
    ("model", "rows"),
    [
        ("GD-ML/Open-RS1", ["GPG-RS1"]),
        ("knoveleng/Open-RS1", ["Open-RS1"]),
        ("models/qwen2.5-math-7b", ["Qwen2.5-Math-7B"]),
        ("runs/mine", ["GPG-RS1", "DeepSeek-R1-Distill-Qwen-1.5B"]),
    ],
)
def test_whose_numbers_are_shown(model: str, rows: list[str]) -> None:
    assert rows_to_show(model, PUBLISHED) == rows


def test_nothing_is_shown_where_nothing_was_published() -> None:
    assert rows_to_show("runs/mine", [{}]) == []


@pytest.mark.parametrize(
    ("base", "rows"),
    [
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", ["DeepSeek-R1-Distill-Qwen-1.5B", "GPG-RS1", "GPG-RS3"]),
        (
            "models/Qwen2.5-Math-7B",
            [
                "Qwen2.5-Math-7B",
                "Qwen2.5-Math-7B-GRPO",
                "Qwen2.5-Math-7B-Dr.GRPO",
                "Qwen2.5-Math-7B-GPG",
                "GPG-7B",
            ],
        ),
        ("Qwen/Qwen2.5-1.5B-Instruct", ["GPG-RS1", "DeepSeek-R1-Distill-Qwen-1.5B"]),
        (None, ["GPG-RS1", "DeepSeek-R1-Distill-Qwen-1.5B"]),
    ],
)
def test_a_trained_model_stands_beside_its_base_and_what_was_made_of_that(base: str | None, rows: list[str]) -> None:
    assert rows_beside_trained(base, PUBLISHED) == rows
