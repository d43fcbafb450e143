"""evaluation.json: what an evaluation was asked for, so that its samples can be gone on with, and judged again.

Everything a number depends on stands here but the samples themselves; results.json is made from the two.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.benches import Bench, SamplingSettings
from gpg_cli.evaluation.engine import EngineOptions
from gpg_cli.evaluation.fingerprint import model_fingerprint
from gpg_cli.evaluation.plan import Plan
from gpg_cli.evaluation.prompting import Prepared, prompt_hash
from gpg_cli.run_folder import read_json, write_json
from gpg_cli.versions import installed_versions

RECORD_FILE = "evaluation.json"
SCHEMA = 1
# Of `created`.
CREATED_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


class _Stored(BaseModel):
    # What a later version adds is passed over.
    model_config = ConfigDict(extra="ignore", frozen=True)


class BenchRecord(_Stored):
    """One benchmark as it was asked.

    Attributes:
        bench: the whole of its YAML file.
        sampling: with the options' changes.
        style: how the query was put to the model, see `profiles.Style`.
        problems, available: how many were asked, and how many the data has.
        source, sha256, revision: the data, a hash of it, and its commit on the Hub, see `problems.ProblemSet`.
        query_hash, prompt_hash: of the queries and of the full prompts, see `prompting.prompt_hash`.
    """

    bench: Bench
    sampling: SamplingSettings
    style: dict[str, Any]
    problems: Annotated[int, Field(ge=0)]
    available: Annotated[int, Field(ge=0)]
    source: str
    sha256: str | None
    revision: str | None = None
    query_hash: str
    prompt_hash: str


class Record(_Stored):
    """What an evaluation was asked for.

    Attributes:
        model: as it was named.
        model_fingerprint: see `fingerprint.model_fingerprint`.
        engine, engine_arguments: name, and the options given to it.
        samples: of each problem.
        suites: name to the names of its benchmarks, for those that have a score.
        max_pixels: to which area pictures are scaled down; None is what the model's processor says.
        versions: of the packages, when it was begun.
        created: when, in UTC.
        seconds: that its runs took together, those that were killed not counted.
    """

    schema_version: int = SCHEMA
    model: str
    model_fingerprint: str
    engine: str
    engine_arguments: dict[str, Any]
    seed: int
    samples: Annotated[int, Field(ge=1)]
    suites: dict[str, tuple[str, ...]]
    max_pixels: int | None = None
    versions: dict[str, str]
    created: str
    seconds: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    benches: dict[str, BenchRecord]

    @model_validator(mode="after")
    def _fits_together(self) -> "Record":
        try:
            datetime.strptime(self.created, CREATED_FORMAT)
        except ValueError as error:
            raise ValueError("created is no date such as 2026-11-23T10:00:00Z") from error
        if any(not benches for benches in self.suites.values()):
            raise ValueError("suites has one without a benchmark")
        return self

    def write(self, folder: Path) -> None:
        """Write it into an evaluation's folder, whole or not at all."""
        # Not as JSON: that refuses half of a surrogate pair, which a prompt's text may hold.
        write_json(folder / RECORD_FILE, self.model_dump())


def make_record(plan: Plan, prepared: Sequence[Prepared], engine: EngineOptions) -> Record:
    """The record of a plan, before its first sample.

    Args:
        engine: the one that was chosen. Where its server stands is not recorded: it may move.
    """
    request = plan.request
    served = {"served_model": engine.served_model} if engine.served_model else {}
    return Record(
        model=request.model,
        model_fingerprint=model_fingerprint(plan.model.location),
        engine=engine.name,
        engine_arguments=dict(engine.arguments) | served,
        seed=request.seed,
        samples=request.samples,
        suites={suite.name: suite.benches for suite in plan.suites if suite.mean},
        max_pixels=request.pictures.max_pixels,
        versions=installed_versions(),
        created=datetime.now(UTC).strftime(CREATED_FORMAT),
        benches={item.planned.bench.name: _bench_record(item) for item in prepared},
    )


def _bench_record(item: Prepared) -> BenchRecord:
    planned = item.planned
    problems = planned.problems
    return BenchRecord(
        bench=planned.bench,
        sampling=planned.sampling,
        style=asdict(planned.style),
        problems=len(problems.problems),
        available=problems.available,
        source=problems.source,
        sha256=problems.sha256,
        revision=problems.revision,
        query_hash=prompt_hash(planned.bench.query(problem.text) for problem in problems.problems),
        prompt_hash=prompt_hash(prompt.text for prompt in item.prompts),
    )


def read_record(folder: Path) -> Record:
    """Read the record of an evaluation's folder.

    Raises:
        GpgError: there is none, or it is not as this version writes it.
    """
    path = folder / RECORD_FILE
    if not path.is_file():
        raise GpgError(f"{folder} holds no evaluation: it has no {RECORD_FILE}", "Name a folder that `gpg eval` wrote.")
    values = read_json(path)
    try:
        return Record.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        reason = first["msg"].removeprefix("Value error, ")
        raise GpgError(
            f"{path} is damaged: {f'{key}: ' if key else ''}{reason}", "Restore it, or evaluate anew."
        ) from error


def differences(stored: Record, wanted: Record) -> list[str]:
    """Why samples of one evaluation cannot stand beside those of another; empty where they can.

    More benchmarks, more problems and more samples of each are no difference: what is there is kept.
    """
    found = [
        f"{name} {_shown(getattr(stored, key))} there, {_shown(getattr(wanted, key))} here"
        for key, name in (
            ("model_fingerprint", "the model's files are"),
            ("engine", "the engine is"),
            ("engine_arguments", "the engine's arguments are"),
            ("seed", "the seed is"),
            ("max_pixels", "--max-pixels is"),
        )
        if getattr(stored, key) != getattr(wanted, key)
    ]
    if stored.samples > wanted.samples:
        found.append(f"there are {stored.samples} samples a problem there, {wanted.samples} here")
    for name, bench in stored.benches.items():
        other = wanted.benches.get(name)
        found += [f"{name} is measured there, but not here"] if other is None else _bench_differences(bench, other)
    return found


def _bench_differences(stored: BenchRecord, wanted: BenchRecord) -> list[str]:
    name = stored.bench.name
    found = []
    changes: list[tuple[str, Mapping[str, Any], Mapping[str, Any]]] = [
        ("sampling", stored.sampling.model_dump(), wanted.sampling.model_dump()),
        ("prompt", stored.style, wanted.style),
        ("prompt", {"text": stored.bench.prompt}, {"text": wanted.bench.prompt}),
        ("grading", {"rule": stored.bench.rule}, {"rule": wanted.bench.rule}),
    ]
    for what, there, here in changes:
        for key in here:
            if there.get(key) != here[key]:
                found.append(f"{name}: {what}: {key} is {_shown(there.get(key))} there, {_shown(here[key])} here")
    if wanted.bench.shows_pictures and stored.sha256 != wanted.sha256:
        # The same question may be about another picture.
        found.append(f"{name}: its data has changed")
    if stored.problems > wanted.problems:
        found.append(f"{name}: {stored.problems} problems there, {wanted.problems} here")
    if stored.problems == wanted.problems and stored.prompt_hash != wanted.prompt_hash and not found:
        found.append(f"{name}: the prompts differ: its data, or the model's chat template, has changed")
    return found


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
