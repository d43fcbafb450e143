"""From what the user asked for to what will be done: what is wrong with it is found here, before a model loads."""

import math
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, count
from pathlib import Path

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.benches import Bench, SamplingSettings, load_bench
from gpg_cli.evaluation.engines import AUTO, check_engine
from gpg_cli.evaluation.journal import SAMPLES_FILE
from gpg_cli.evaluation.problems import ProblemSet, load_problems
from gpg_cli.grading import require_grader
from gpg_cli.hub_access import fetch_from_hub
from gpg_cli.run_folder import (
    EVAL_FOLDER,
    MODEL_FOLDER,
    ModelSource,
    check_output_folder,
    find_model,
    prepare_output_folder,
)
from gpg_cli.yaml_file import did_you_mean

RESULTS_FILE = "results.json"
_WRITTEN_BY_US = (RESULTS_FILE, SAMPLES_FILE)


@dataclass(frozen=True)
class EvalRequest:
    """What the user asked for; see the options of `gpg eval`.

    Attributes:
        max_tokens, temperature: instead of every benchmark's own; None leaves them.
        output_dir: None chooses one: inside the run where the model belongs to one, else a new one under runs/.
        keep: whether to write a folder at all; without it the result is only returned.
    """

    model: str
    benches: list[str]
    data_files: dict[str, Path] = field(default_factory=dict)
    limit: int | None = None
    engine: str = AUTO
    max_tokens: int | None = None
    temperature: float | None = None
    output_dir: Path | None = None
    overwrite: bool = False
    seed: int = 0
    show_progress: bool = True
    keep: bool = True


@dataclass(frozen=True)
class PlannedBench:
    """One benchmark with its problems, and with the sampling that will be used."""

    bench: Bench
    problems: ProblemSet
    sampling: SamplingSettings


@dataclass(frozen=True)
class Plan:
    """A request that can be carried out.

    Attributes:
        output_dir: not made yet; None where nothing is kept.
        overwrite: whether what an earlier evaluation left there may go.
    """

    model: ModelSource
    benches: list[PlannedBench]
    engine: str
    output_dir: Path | None
    overwrite: bool

    def make_output_folder(self) -> Path | None:
        """Make the output folder, empty; call it when the model has loaded, so that a failure before loses nothing."""
        if self.output_dir is not None:
            prepare_output_folder(self.output_dir, overwrite=self.overwrite, written_by_us=_WRITTEN_BY_US)
        return self.output_dir


def check(request: EvalRequest) -> Plan:
    """Check a request and read its data; nothing is written.

    Raises:
        GpgError: a number out of range; an unknown benchmark or engine; a data file that is not as needed; no model
            where one was named; an output folder that may not be replaced; the Hub where it is needed and cannot be
            reached.
    """
    _check_numbers(request)
    benches = _load_benches(request.benches)
    _check_data_names(request.data_files, benches)
    check_engine(request.engine)
    model = find_model(request.model)
    output_dir, overwrite = _choose_output_dir(request, model, benches)
    if output_dir is not None:
        check_output_folder(output_dir, overwrite=overwrite, written_by_us=_WRITTEN_BY_US)
    planned = [_plan_bench(bench, request) for bench in benches]
    if not model.is_local:
        fetch_from_hub(model.location, "config.json", revision=None, hint="Name a local folder: --model DIR")
    require_grader()
    return Plan(model, planned, request.engine, output_dir, overwrite)


def _check_numbers(request: EvalRequest) -> None:
    for option, value in (("--limit", request.limit), ("--max-tokens", request.max_tokens)):
        if value is not None and value < 1:
            raise GpgError(f"{option} {value} is too small", "Give a whole number of at least 1, or leave it out.")
    temperature = request.temperature
    if temperature is not None and (not math.isfinite(temperature) or temperature < 0):
        raise GpgError(f"--temperature {temperature} is out of range", "Give 0 (greedy) or a positive number.")
    if request.seed < 0:
        raise GpgError(f"--seed {request.seed} is negative", "Give 0 or a positive whole number.")


def _load_benches(names: list[str]) -> list[Bench]:
    """The benchmarks in the order given; one that is named twice counts once."""
    if not names:
        raise GpgError("no benchmark is named", "For example: --bench math500. `gpg benches` lists them.")
    benches: dict[str, Bench] = {}
    for bench in map(load_bench, names):
        if benches.setdefault(bench.name, bench) != bench:
            raise GpgError(f"two benchmarks are named {bench.name!r}", "Rename one of the files.")
    return list(benches.values())


def _check_data_names(data_files: dict[str, Path], benches: list[Bench]) -> None:
    names = [bench.name for bench in benches]
    for name in data_files:
        if name not in names:
            raise GpgError(
                f"--data {name}=... names no benchmark of this evaluation",
                f"{did_you_mean(name, names)}It measures: {', '.join(names)}.",
            )


def _choose_output_dir(request: EvalRequest, model: ModelSource, benches: list[Bench]) -> tuple[Path | None, bool]:
    """The output folder, and whether an earlier evaluation in it may be replaced."""
    if not request.keep:
        return None, False
    if request.output_dir is not None:
        return request.output_dir, request.overwrite
    name = Path(model.location).resolve().name
    if model.run is None:
        return Path("runs") / f"eval-{name}-{datetime.now():%Y%m%d-%H%M%S}", False
    # RUN/eval is about the final model alone: `gpg export` takes its scores for the model card.
    folder = EVAL_FOLDER if name == MODEL_FOLDER else f"{EVAL_FOLDER}-{name}"
    return _first_free(model.run / folder / "+".join(bench.name for bench in benches)), False


def _first_free(folder: Path) -> Path:
    """The folder, or where an earlier evaluation lies in it the first of `folder-2`, `folder-3`, ... that is free."""
    numbered = (folder.with_name(f"{folder.name}-{number}") for number in count(2))
    return next(each for each in chain([folder], numbered) if not each.is_dir() or not any(each.iterdir()))


def _plan_bench(bench: Bench, request: EvalRequest) -> PlannedBench:
    changes = {"max_tokens": request.max_tokens, "temperature": request.temperature}
    sampling = bench.sampling.model_copy(update={key: value for key, value in changes.items() if value is not None})
    return PlannedBench(bench, load_problems(bench, request.data_files.get(bench.name), request.limit), sampling)
