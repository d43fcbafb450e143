"""Benchmark files and their data of any content: measured or refused in words, through `gpg eval --bench FILE.yaml`."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
import yaml

from gpg_cli.evaluation.benches import Bench, Columns, DataSource, PictureSettings, SamplingSettings
from tests.conftest import Outcome
from tests.faults import LONG
from tests.faults.fuzzing import fuzz
from tests.faults.hostile import JSON_VALUES, YAML_VALUES, json_values, told

Gpg = Callable[..., Outcome]
Tally = Callable[[str, int], None]

PARTS = {"data": DataSource, "columns": Columns, "sampling": SamplingSettings, "pictures": PictureSettings}
KEYS = [(None, key) for key in Bench.model_fields] + [
    (part, k) for part, kind in PARTS.items() for k in kind.model_fields
]
RULES = ["exact", "math-latex", "math-expr", "choice", "class-name", "geoqa", "vision-training", "box"]


def _bench(rule: str = "exact") -> dict[str, Any]:
    columns = {"problem": "question", "gold": "answer"} | ({"choices": "choices"} if rule == "choice" else {})
    return {
        "title": "Mine",
        "description": "sums",
        "data": {"local": "name a file"},
        "columns": columns,
        "groups": {"level": "level"},
        "rule": rule,
        "prompt": "{problem}",
        "sampling": {"temperature": 0, "max_tokens": 2},
    }


@pytest.fixture
def measure(gpg: Gpg, tiny_model: Path) -> Callable[..., Outcome]:
    """`measure(bench, row, ...)`: with the tiny model."""

    def call(bench: Any, *rows: Any) -> Outcome:
        Path("mine.yaml").write_text(yaml.safe_dump(bench, allow_unicode=True))
        Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        given = ["--model", tiny_model, "--bench", "mine.yaml", "--data", "mine=rows.jsonl", "--engine", "transformers"]
        return gpg("eval", *given, "--output-dir", "measured", "--overwrite")

    return call


@pytest.mark.parametrize("values", [1, pytest.param(len(YAML_VALUES), marks=LONG)])
def test_every_key_takes_values_of_every_kind(measure: Callable[..., Outcome], tally: Tally, values: int) -> None:
    chosen = random.Random(0)
    for part, key in KEYS:
        for value in chosen.sample(YAML_VALUES, values):
            bench = _bench()
            inner = bench if part is None else bench.setdefault(part, {})
            inner[key] = value
            told(measure(bench, {"question": "1+1=", "answer": "2"}))
    tally("values of a benchmark's keys", len(KEYS) * values)


@pytest.mark.parametrize("examples", [40, pytest.param(2000, marks=LONG)])
def test_rows_of_any_kind_are_measured_or_refused(measure: Callable[..., Outcome], tally: Tally, examples: int) -> None:
    columns = st.sampled_from(["question", "answer", "level", "choices", "other"])
    changes = st.dictionaries(columns, st.sampled_from(JSON_VALUES) | json_values(), min_size=1, max_size=3)
    rows = st.tuples(st.sampled_from(RULES), st.lists(changes, min_size=1, max_size=2))

    def check(case: tuple[str, list[dict[str, Any]]]) -> None:
        rule, changed = case
        row = {"question": "1+1=", "answer": "A" if rule == "choice" else "2", "choices": ["2", "3"], "level": 1}
        told(measure(_bench(rule), row, *(row | change for change in changed)))

    check(("exact", []))  # what is imported now is part of no case
    fuzz(check, rows, examples)
    tally("benchmarks with rows of any kind", examples)


@pytest.mark.parametrize(
    ("bench", "row", "complaint"),
    [
        ({"gold_after": ""}, {}, "gold_after"),
        ({}, {"question": "\ud800"}, "'question' holds nothing usable"),
        ({}, {"answer": "\ud800"}, "'answer' holds nothing usable"),
        ({}, {"level": "\ud800"}, "'level' holds nothing usable"),
        ({}, {"question": "$"}, "no token for anything"),
    ],
)
def test_benchmarks_that_failed_once(
    measure: Callable[..., Outcome], bench: dict[str, Any], row: dict[str, Any], complaint: str
) -> None:
    outcome = measure(_bench() | bench, {"question": "1+1=", "answer": "2"} | row)
    told(outcome)
    assert complaint in outcome.err
