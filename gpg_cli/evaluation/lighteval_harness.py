"""`gpg eval --harness lighteval`: lighteval's own pipeline and metrics over our data, prompts and engines.

Read from lighteval 0.13.0. Its registry imports all of its thousands of tasks, some of which download files, and its
loader fetches data sets; here it gets our tasks and our problems instead, and nothing is fetched. Its metric runs in
this process, in the main thread (its time limits are alarms), without the memory limits of ours.
"""

import json
import logging
import random
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.benches import Bench
from gpg_cli.evaluation.journal import Sample
from gpg_cli.evaluation.lighteval_results import problem_limit, results_file_name
from gpg_cli.evaluation.prompting import Prepared
from gpg_cli.evaluation.record import Record
from gpg_cli.run_folder import write_json

# Inside an evaluation's folder.
LIGHTEVAL_FOLDER = "lighteval"

_KNOWN_VERSION = "0.13"
_TASK_NAME = re.compile(r"[\w.-]+")


def check_lighteval(benches: Iterable[Bench]) -> None:
    """Check, before anything loads, that lighteval is installed and can judge these benchmarks.

    Raises:
        GpgError: it is not, or in a version that this was not made for; or a benchmark is judged by a rule that its
            metric does not have, or has a name that it cannot take.
    """
    _check_installed()
    for bench in benches:
        if not bench.rule.startswith("math-"):
            raise GpgError(
                f"lighteval has no metric like the rule {bench.rule} of {bench.name}", "Leave --harness out for it."
            )
        if not _TASK_NAME.fullmatch(bench.name):
            raise GpgError(
                f"lighteval cannot name a task {bench.name!r}",
                "Rename the benchmark's file: letters, digits and . _ - only.",
            )


def _check_installed() -> None:
    install = 'pip install "gpg-cli[lighteval]"'
    try:
        found = metadata.version("lighteval")
    except metadata.PackageNotFoundError:
        raise GpgError("--harness lighteval needs lighteval, which is not installed", install) from None
    if not found.startswith(f"{_KNOWN_VERSION}."):
        raise GpgError(f"--harness lighteval needs lighteval {_KNOWN_VERSION}, and {found} is installed", install)
    if not metadata.version("xxhash").startswith(("2.", "3.")):
        raise GpgError("lighteval does not work with xxhash 4 and newer", install)


def run_lighteval(
    prepared: Sequence[Prepared],
    sample: Callable[[], Iterable[Sample]],
    record: Record,
    folder: Path | None,
) -> dict[str, Any]:
    """Let lighteval ask, and judge, the problems of some benchmarks.

    The random states of `random` and numpy are afterwards as they were.

    Args:
        prepared: the benchmarks, at least one.
        sample: makes all samples, or gives those that are there; called once, from within lighteval's pipeline.
        record: of the evaluation.
        folder: of the evaluation; the results file is written into `lighteval/` there. None writes none.

    Returns:
        lighteval's results, as they stand in its file.

    Raises:
        GpgError: see `check_lighteval`, and whatever `sample` raises.
    """
    check_lighteval(item.planned.bench for item in prepared)
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("lighteval's metrics need the main thread: elsewhere they call every answer wrong")
    results = _evaluate(prepared, sample, record)
    if folder is not None:
        target = folder / LIGHTEVAL_FOLDER
        target.mkdir(exist_ok=True)
        write_json(target / results_file_name(record.created), results)
    return results


def _evaluate(prepared: Sequence[Prepared], sample: Callable[[], Iterable[Sample]], record: Record) -> dict[str, Any]:
    from lighteval.logging.evaluation_tracker import EnhancedJSONEncoder, EvaluationTracker
    from lighteval.models.model_input import GenerationParameters
    from lighteval.pipeline import ParallelismManager, Pipeline, PipelineParameters
    from lighteval.tasks.lighteval_task import LightevalTask
    from lighteval.tasks.registry import Registry

    from gpg_cli.evaluation.lighteval_model import EngineConfig, EngineModel

    tasks = [_task(item, record.samples) for item in prepared]
    by_name = {task.name: item for task, item in zip(tasks, prepared, strict=True)}

    def load_configs(*args: Any, **kwargs: Any) -> dict[str, Any]:
        return {task.name: task for task in tasks}

    def load_data(task: LightevalTask) -> dict[str, list[dict[str, Any]]]:
        places = range(len(by_name[task.name].prompts))
        return {task.config.evaluation_splits[0]: [{"place": place} for place in places]}

    sampling = {name: item.planned.sampling.model_dump() for name, item in by_name.items()}
    config = EngineConfig(
        model_name=record.model,
        engine=record.engine,
        sampling=sampling,
        generation_parameters=GenerationParameters(**_in_all(sampling.values())),
    )
    with ExitStack() as stack:
        stack.enter_context(_quiet())
        stack.enter_context(_random_state_kept())
        stack.enter_context(_replaced(Registry, "load_all_task_configs", staticmethod(load_configs)))
        stack.enter_context(_replaced(LightevalTask, "download_dataset_worker", staticmethod(load_data)))
        tracker = EvaluationTracker(output_dir=".", save_details=False)
        pipeline = Pipeline(
            tasks=",".join(f"{task.name}|0" for task in tasks),
            pipeline_parameters=PipelineParameters(
                ParallelismManager.CUSTOM,
                max_samples=problem_limit(record.benches.values()),
                # Reasoning is judged with the answer, as in the published protocol; 0.13 would cut it off.
                remove_reasoning_tags=False,
            ),
            evaluation_tracker=tracker,
            model=EngineModel(config, {f"{name}|0": item for name, item in by_name.items()}, sample, record.samples),
        )
        pipeline.evaluate()
    results = json.loads(json.dumps(tracker.results, cls=EnhancedJSONEncoder))
    return {section: _in_order(values, [f"{name}|0" for name in by_name]) for section, values in results.items()}


def _task(prepared: Prepared, samples: int) -> Any:
    """A benchmark as a task whose data are the places of its problems, so that lighteval asks just those."""
    from gpg_cli.evaluation.lighteval_tasks import as_doc, task_config

    planned = prepared.planned

    def ask(row: dict[str, Any], task: str) -> Any:
        return as_doc(planned.bench, planned.problems.problems[row["place"]], task)

    asked = planned.bench.model_copy(update={"sampling": planned.sampling})
    return task_config(asked, samples=samples, prompt_function=ask)


def _in_order(values: Mapping[str, Any], tasks: Sequence[str]) -> dict[str, Any]:
    """Tasks in our order: lighteval's is that of a set, another one in each process."""
    return {key: values[key] for key in dict.fromkeys([*(task for task in tasks if task in values), *values])}


def _in_all(sampling: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What all tasks share, in lighteval's words."""
    found = {}
    for ours, theirs in (("temperature", "temperature"), ("top_p", "top_p"), ("max_tokens", "max_new_tokens")):
        values = {each[ours] for each in sampling}
        if len(values) == 1:
            found[theirs] = values.pop()
    return found


@contextmanager
def _replaced(owner: type, name: str, value: Any) -> Iterator[None]:
    """Replace a static method of a class for a while."""
    before = vars(owner)[name]
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep lighteval from printing every completion in which it finds no answer."""
    logger = logging.getLogger("lighteval")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def _random_state_kept() -> Iterator[None]:
    """lighteval seeds the global generators."""
    import numpy as np

    python, numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
