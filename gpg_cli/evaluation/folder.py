"""Where an evaluation is written, and what of it is there already."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, count
from pathlib import Path

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.journal import SAMPLES_FILE, Sample
from gpg_cli.evaluation.masks.bench import MASKS_FILE
from gpg_cli.evaluation.plan import Plan
from gpg_cli.evaluation.prompting import Prepared
from gpg_cli.evaluation.record import RECORD_FILE, Record, differences, read_record
from gpg_cli.evaluation.results import RESULTS_FILE
from gpg_cli.evaluation.samples_file import read_samples
from gpg_cli.evaluation.writing import LOCK_FILE, sole_writer, told_in_words
from gpg_cli.run_folder import EVAL_FOLDER, MODEL_FOLDER, check_output_folder, empty_folder

_WRITTEN_BY_US = (RESULTS_FILE, SAMPLES_FILE, MASKS_FILE, RECORD_FILE)
# What a kill before the first sample leaves: nobody misses it.
_LEFT_OVER = (LOCK_FILE, f"{RECORD_FILE}.tmp")
_SHOWN = 3


@contextmanager
def chosen_folder(plan: Plan, record: Record) -> Iterator[Path | None]:
    """The folder that `choose_folder` says, for this process alone; None where nothing is to be kept.

    Raises:
        GpgError: another process is writing there; see `choose_folder`.
    """
    while (folder := choose_folder(plan, record)) is not None:
        with sole_writer(folder):
            # Another evaluation may have come and gone before the folder was ours.
            if choose_folder(plan, record) == folder:
                yield folder
                return
    yield None


def choose_folder(plan: Plan, record: Record) -> Path | None:
    """The folder of an evaluation: the one that was named, or the first free one, or one to go on with; not made yet.

    What is in it may change until it is this process's alone: see `chosen_folder`.

    Raises:
        GpgError: the folder that was named holds another evaluation (what differs is told), or something else.
    """
    request = plan.request
    if not request.keep:
        return None
    if request.output_dir is not None:
        if _is_free(request.output_dir):
            return request.output_dir
        if request.overwrite or not _holds_evaluation(request.output_dir):
            check_output_folder(request.output_dir, overwrite=request.overwrite, written_by_us=_WRITTEN_BY_US)
        else:
            _refuse_differences(request.output_dir, differences(read_record(request.output_dir), record))
        return request.output_dir
    first = _default_folder(plan)
    numbered = (first.with_name(f"{first.name}-{number}") for number in count(2))
    return next(folder for folder in chain([first], numbered) if _is_free(folder) or _can_go_on(folder, record))


def continued(record: Record, folder: Path | None, *, overwrite: bool) -> Record:
    """The record with the date, and the time taken, of the evaluation that is gone on with, where there is one."""
    if folder is None or overwrite or not _holds_evaluation(folder):
        return record
    stored = read_record(folder)
    return record.model_copy(update={"created": stored.created, "seconds": stored.seconds})


def open_folder(folder: Path, record: Record, *, overwrite: bool) -> None:
    """Empty the folder where it is to be overwritten, and write down what is asked for.

    Raises:
        GpgError: it cannot be written.
    """
    with told_in_words(folder):
        if overwrite:
            empty_folder(folder, last=_WRITTEN_BY_US, keep=(LOCK_FILE,))
        # What is there was made from fewer samples.
        (folder / RESULTS_FILE).unlink(missing_ok=True)
        record.write(folder)


def finished_samples(folder: Path | None, prepared: Iterable[Prepared], *, overwrite: bool) -> list[Sample]:
    """The samples that a folder holds already.

    Raises:
        GpgError: one of them is of another prompt; the file is damaged.
    """
    if folder is None or overwrite or not (folder / SAMPLES_FILE).is_file():
        return []
    prompts = {
        (item.planned.bench.name, problem.index): prompt.text
        for item in prepared
        for problem, prompt in zip(item.planned.problems.problems, item.prompts, strict=True)
    }
    samples = read_samples(folder / SAMPLES_FILE)
    for sample in samples:
        if prompts.get((sample.bench, sample.index)) != sample.prompt:
            _refuse_differences(folder, [f"{sample.bench}: problem {sample.index + 1} has another prompt there"])
    return samples


def _refuse_differences(folder: Path, found: list[str]) -> None:
    if found:
        more = f", and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise GpgError(
            f"{folder} holds another evaluation: {'; '.join(found[:_SHOWN])}{more}",
            "Name another --output-dir, or pass --overwrite to replace what is in it.",
        )


def _default_folder(plan: Plan) -> Path:
    name = Path(plan.model.location).resolve().name if plan.model.is_local else plan.model.location.replace("/", "--")
    # A suite inside another is named by it.
    suites = [one.name for one in plan.suites if not any(set(one.benches) < set(two.benches) for two in plan.suites)]
    members = {bench for suite in plan.suites for bench in suite.benches}
    benches = "+".join([*suites, *(item.bench.name for item in plan.benches if item.bench.name not in members)])
    if plan.model.run is None:
        return Path("runs") / f"eval-{name}-{benches}"
    # RUN/eval is about the final model alone: `gpg export` takes its scores for the model card.
    return plan.model.run / (EVAL_FOLDER if name == MODEL_FOLDER else f"{EVAL_FOLDER}-{name}") / benches


def _is_free(folder: Path) -> bool:
    return not folder.exists() or (folder.is_dir() and {path.name for path in folder.iterdir()} <= set(_LEFT_OVER))


def _holds_evaluation(folder: Path) -> bool:
    return (folder / RECORD_FILE).is_file()


def _can_go_on(folder: Path, record: Record) -> bool:
    try:
        return _holds_evaluation(folder) and not differences(read_record(folder), record)
    except GpgError:  # damaged: somebody may want to look at it
        return False
