"""Reads the folder of an evaluation, and says in words what is missing or does not fit."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.journal import SAMPLES_FILE, Sample
from gpg_cli.evaluation.metrics import Interval
from gpg_cli.evaluation.results import RESULTS_FILE, SCHEMA
from gpg_cli.evaluation.samples_file import read_samples
from gpg_cli.run_folder import read_json


class Group(BaseModel):
    """What the problems of one subject, or of one level, add up to; the score in percent."""

    score: float
    problems: int


class MaskScore(BaseModel):
    """Scores of masks by one definition, in percent; None where no picture counts."""

    giou: float | None
    ciou: float | None
    pictures: int


class MaskScores(BaseModel):
    """Scores of the masks that a segmenter made of boxes, by both definitions."""

    segmenter: str
    first_polygon: MaskScore
    official: MaskScore


class BenchScores(BaseModel):
    """One benchmark of results.json: scores and intervals in percent, truncated and unparsed as shares."""

    title: str
    metric: str = "accuracy"
    score: float
    interval: Interval
    strict: float
    differing: int
    problems: int
    available: int
    correct: int
    verdicts: dict[str, int]
    pass_at: dict[str, float]
    majority: float | None
    truncated: float
    unparsed: float
    mean_tokens: float
    groups: dict[str, dict[str, Group]]
    sampling: dict[str, Any]
    rule: str
    prompt_hash: str
    data: dict[str, str | None]
    published: dict[str, float]
    masks: MaskScores | None = None


class SuiteScores(BaseModel):
    """The average of several benchmarks, in percent."""

    benches: list[str]
    score: float
    interval: Interval
    strict: float


class Results(BaseModel):
    """results.json of schema 2."""

    model: str
    engine: str
    seed: int
    samples: int
    seconds: float
    versions: dict[str, str]
    suites: dict[str, SuiteScores]
    benches: dict[str, BenchScores]


@dataclass(frozen=True)
class Evaluation:
    """What a folder holds; `finished` is when its results were written, `samples` stand in the order of the data."""

    results: Results
    samples: list[Sample]
    finished: datetime


def read_folder(folder: Path) -> Evaluation:
    """Read results.json and samples.jsonl.

    Raises:
        GpgError: the folder or one of the files is missing, is of another schema, or does not hold what it should.
    """
    path = folder / RESULTS_FILE
    if not folder.is_dir():
        raise GpgError(f"there is no folder {folder}", "Name the folder that `gpg eval` wrote.")
    if not path.is_file():
        raise GpgError(
            f"{folder} holds no {RESULTS_FILE}: no evaluation has ended there",
            "Name the folder of an evaluation; one that was cut off goes on with the same `gpg eval` command.",
        )
    results = read_results(path)
    samples = read_samples(folder / SAMPLES_FILE)
    unknown = sorted({sample.bench for sample in samples} - results.benches.keys())
    if unknown:
        raise GpgError(
            f"{folder / SAMPLES_FILE} holds samples of {', '.join(unknown)}, which {RESULTS_FILE} does not name",
            f"Write the results anew from the samples: gpg eval --rescore {folder}",
        )
    order = {bench: place for place, bench in enumerate(results.benches)}
    samples.sort(key=lambda sample: (order[sample.bench], sample.index, sample.number))
    return Evaluation(results, samples, datetime.fromtimestamp(path.stat().st_mtime, UTC))


def read_results(path: Path) -> Results:
    """Read a results.json.

    Raises:
        GpgError: it cannot be read, is of another schema, or does not hold what it should.
    """
    value = read_json(path)
    schema = value.get("schema")
    if schema != SCHEMA:
        newer = isinstance(schema, int) and schema > SCHEMA
        raise GpgError(
            f"{path} is of schema {json.dumps(schema)}; this version of gpg reads schema {SCHEMA}",
            "Update gpg." if newer else f"Write it anew from the samples: gpg eval --rescore {path.parent}",
        )
    try:
        return Results.model_validate(value)
    except ValidationError as error:
        raise GpgError(
            f"{path} is not a results file of schema {SCHEMA}: {_first(error)}",
            f"Write it anew from the samples: gpg eval --rescore {path.parent}",
        ) from error


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
