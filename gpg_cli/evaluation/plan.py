"""From what the user asked for to what will be done: what is wrong with it is found here, before a model loads."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.benches import Bench, SamplingSettings
from gpg_cli.evaluation.engine import EngineOptions
from gpg_cli.evaluation.engines import check_engine
from gpg_cli.evaluation.pictures import PictureOptions, check_picture_options, checked
from gpg_cli.evaluation.problems import ProblemSet, load_problems
from gpg_cli.evaluation.profiles import ON, Style, choose_style, load_profile
from gpg_cli.evaluation.suites import Suite, choose_benches
from gpg_cli.grading import require_grader
from gpg_cli.hub_access import fetch_from_hub
from gpg_cli.run_folder import ModelSource, find_model
from gpg_cli.yaml_file import did_you_mean


@dataclass(frozen=True)
class EvalRequest:
    """What the user asked for; see the options of `gpg eval`.

    Attributes:
        benches: names of benchmarks and suites, and paths of YAML files.
        samples: of each problem.
        max_tokens, temperature, top_p: instead of every benchmark's own; None leaves them.
        profile, chat_template, system_prompt: see `profiles.choose_style`.
        masks: for benchmarks of boxes, `on`, `off`, or the segmenter that makes the masks: a folder or Hub id.
        output_dir: None chooses one: inside the run where the model belongs to one, else under runs/.
        overwrite: whether to begin anew where an earlier evaluation lies; without it, it is gone on with.
        keep: whether to write a folder at all; without it the result is only returned.
    """

    model: str
    benches: list[str]
    data_files: Mapping[str, Path] = field(default_factory=dict)
    limit: int | None = None
    samples: int = 1
    engine: EngineOptions = field(default_factory=EngineOptions)
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    profile: str | None = None
    chat_template: str | None = None
    system_prompt: str | None = None
    pictures: PictureOptions = field(default_factory=PictureOptions)
    masks: str = ON
    output_dir: Path | None = None
    overwrite: bool = False
    seed: int = 0
    show_progress: bool = True
    keep: bool = True


@dataclass(frozen=True)
class PlannedBench:
    """One benchmark with its problems, how it is asked, and the sampling that will be used."""

    bench: Bench
    problems: ProblemSet
    sampling: SamplingSettings
    style: Style


@dataclass(frozen=True)
class Plan:
    """A request that can be carried out."""

    request: EvalRequest
    model: ModelSource
    benches: list[PlannedBench]
    suites: list[Suite]


def check(request: EvalRequest) -> Plan:
    """Check a request and read its data; nothing is written.

    Raises:
        GpgError: a number out of range; an unknown benchmark, suite, profile or engine; a data file that is not as
            needed, or a picture; no model where one was named; the Hub where it is needed and cannot be reached.
    """
    _check_numbers(request)
    profile = load_profile(request.profile) if request.profile else None
    benches, suites = choose_benches(request.benches)
    benches = [bench.as_variant(profile.variant if profile else None) for bench in benches]
    _check_data_names(request.data_files, benches)
    check_picture_options(request.pictures, benches)
    check_engine(request.engine)
    styles = [
        choose_style(bench, profile=profile, chat_template=request.chat_template, system_prompt=request.system_prompt)
        for bench in benches
    ]
    model = find_model(request.model)
    planned = [
        PlannedBench(bench, _problems(bench, request), _sampling(bench, request), style)
        for bench, style in zip(benches, styles, strict=True)
    ]
    if not model.is_local:
        fetch_from_hub(model.location, "config.json", revision=None, hint="Name a local folder: --model DIR")
    require_grader()
    return Plan(request, model, planned, suites)


def _check_numbers(request: EvalRequest) -> None:
    for option, value in (
        ("--limit", request.limit),
        ("--max-tokens", request.max_tokens),
        ("--samples", request.samples),
    ):
        if value is not None and value < 1:
            raise GpgError(f"{option} {value} is too small", "Give a whole number of at least 1, or leave it out.")
    temperature = request.temperature
    if temperature is not None and (not math.isfinite(temperature) or temperature < 0):
        raise GpgError(f"--temperature {temperature} is out of range", "Give 0 (greedy) or a positive number.")
    if request.top_p is not None and not 0 < request.top_p <= 1:
        raise GpgError(f"--top-p {request.top_p} is out of range", "Give a number above 0, at most 1.")
    if request.seed < 0:
        raise GpgError(f"--seed {request.seed} is negative", "Give 0 or a positive whole number.")
    if request.samples > 1 and temperature == 0:
        raise GpgError(
            f"--samples {request.samples} with --temperature 0 would give the same answer {request.samples} times",
            "Give a temperature above 0, or leave --samples out.",
        )


def _check_data_names(data_files: Mapping[str, Path], benches: list[Bench]) -> None:
    names = [bench.name for bench in benches]
    for name in data_files:
        if name not in names:
            raise GpgError(
                f"--data {name}=... names no benchmark of this evaluation",
                f"{did_you_mean(name, names)}It measures: {', '.join(names)}.",
            )


def _problems(bench: Bench, request: EvalRequest) -> ProblemSet:
    pictures = request.pictures
    found = load_problems(
        bench,
        request.data_files.get(bench.name),
        request.limit,
        picture_folder=pictures.folder(bench.name),
        skip_faulty=pictures.skip_faulty,
    )
    return checked(bench, found, pictures)


def _sampling(bench: Bench, request: EvalRequest) -> SamplingSettings:
    changes = {"max_tokens": request.max_tokens, "temperature": request.temperature, "top_p": request.top_p}
    return bench.sampling.model_copy(update={key: value for key, value in changes.items() if value is not None})
