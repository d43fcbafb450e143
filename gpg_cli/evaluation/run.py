"""The story of `gpg eval`: benchmarks -> prompts -> samples -> verdicts -> scores -> files."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.markup import escape

from gpg_cli.console import say
from gpg_cli.evaluation.engine import Engine
from gpg_cli.evaluation.engines import choose_engine, open_engine
from gpg_cli.evaluation.folder import chosen_folder, continued, finished_samples, open_folder
from gpg_cli.evaluation.harness import LIGHTEVAL, OURS, check_harness, judged_by_lighteval
from gpg_cli.evaluation.journal import SAMPLES_FILE, Journal, Sample, in_order, rewrite_samples
from gpg_cli.evaluation.lighteval_results import write_lighteval_results
from gpg_cli.evaluation.masks.bench import Scores, fitting, prepare_masks, read_masks, write_masks
from gpg_cli.evaluation.model_text import load_model_text
from gpg_cli.evaluation.page import write_page
from gpg_cli.evaluation.plan import EvalRequest, check
from gpg_cli.evaluation.progress import watching
from gpg_cli.evaluation.prompting import prepare
from gpg_cli.evaluation.record import Record, make_record, read_record
from gpg_cli.evaluation.rescoring import judge_again
from gpg_cli.evaluation.results import EvalResult, assemble, write_results
from gpg_cli.evaluation.samples_file import read_samples
from gpg_cli.evaluation.sampling import Wanted, sample_all, still_wanted
from gpg_cli.evaluation.surprises import mention_surprises
from gpg_cli.evaluation.writing import sole_writer, told_in_words
from gpg_cli.vision.images import Picture

PAGE_FILE = "report.html"

__all__ = ["EvalRequest", "EvalResult", "evaluate", "rescore"]


def evaluate(request: EvalRequest, *, html: bool = False, harness: str = OURS) -> EvalResult:
    """Measure a model on benchmarks, going on with an evaluation that was interrupted.

    Leaves evaluation.json, samples.jsonl, results.json and lighteval's results file in the output folder, and where
    there are masks masks.json. The random
    state, the environment and the memory of this process are afterwards as they were.

    Args:
        html: write report.html too.
        harness: one of `HARNESSES`; lighteval's pipeline asks and judges beside our grader.

    Raises:
        GpgError: everything a user can mend; found before the model loads wherever it can be.
    """
    started = time.perf_counter()
    plan = check(request)
    check_harness(harness, [planned.bench for planned in plan.benches])
    location = plan.model.location
    shown_in = [planned.bench.name for planned in plan.benches if planned.bench.shows_pictures]
    text = load_model_text(location, shown_in=shown_in, max_pixels=request.pictures.max_pixels)
    prepared = [prepare(planned, text) for planned in plan.benches]
    mention_surprises(plan, prepared, text)
    options = choose_engine(request.engine, location)
    record = make_record(plan, prepared, options)
    with chosen_folder(plan, record) as folder:
        record = continued(record, folder, overwrite=request.overwrite)
        samples = finished_samples(folder, prepared, overwrite=request.overwrite)
        wanted = still_wanted(prepared, request.samples, request.seed, samples)
        kept = {} if request.overwrite else read_masks(folder)
        masks = prepare_masks(prepared, samples, request.masks, kept, finished=not wanted)

        def make_samples() -> list[Sample]:
            if wanted:
                longest = max(item.max_model_length for item in prepared) or 1
                with open_engine(options, location, text, longest) as engine:
                    if folder:
                        open_folder(folder, record, overwrite=request.overwrite)
                    samples.extend(_sample(wanted, engine, folder, before=samples, shown=request.show_progress))
            elif folder:
                say(f"All {len(samples)} samples are in {escape(str(folder))} already; --overwrite samples anew.")
            return samples

        theirs = judged_by_lighteval(prepared, make_samples, record, folder) if harness == LIGHTEVAL else None
        if theirs is None:
            make_samples()
        scores = masks.scores(samples)
        seconds = time.perf_counter() - started if wanted else 0.0
        pictures = {
            (item.planned.bench.name, problem.index): problem.pictures[0]
            for item in prepared
            for problem in item.planned.problems.problems
            if problem.pictures
        }
        return _finish(record, samples, folder, seconds, html=html, theirs=theirs, masks=scores, pictures=pictures)


def rescore(folder: Path, *, html: bool = False) -> EvalResult:
    """Judge the samples of an evaluation again, without a model, and write its results anew.

    Raises:
        GpgError: the folder holds no evaluation, or a damaged one.
    """
    record = read_record(folder)
    with sole_writer(folder):
        samples = judge_again(read_samples(folder / SAMPLES_FILE), record)
        return _finish(record, samples, folder, 0.0, html=html, masks=fitting(read_masks(folder), samples))


def _sample(
    wanted: Sequence[Wanted], engine: Engine, folder: Path | None, *, before: Sequence[Sample], shown: bool
) -> list[Sample]:
    """Make the samples that are missing, with a live line for a person."""
    right = sum(sample.score for sample in before)
    with (
        Journal(folder / SAMPLES_FILE if folder else None) as journal,
        watching("sampling", len(before) + len(wanted), done=len(before), right=right, shown=shown) as count,
    ):
        return sample_all(wanted, engine, journal, lambda sample: count(sample.score))


def _finish(
    record: Record,
    samples: list[Sample],
    folder: Path | None,
    seconds: float,
    *,
    html: bool,
    masks: Scores,
    theirs: dict[str, float] | None = None,
    pictures: Mapping[tuple[str, int], Picture] | None = None,
) -> EvalResult:
    """Sum up, and write what the folder is to hold."""
    record = record.model_copy(update={"seconds": round(record.seconds + seconds, 2)})
    # In one order, whatever the order in which they finished: equal evaluations leave equal files.
    samples = in_order(samples)
    result = assemble(record, samples, folder, theirs, masks)
    if folder:
        with told_in_words(folder):
            rewrite_samples(folder / SAMPLES_FILE, samples)
            record.write(folder)
            write_masks(folder, masks)
            write_results(folder, result)
            write_lighteval_results(folder, record, samples)
        if html:
            say("Writing the page ...")
            write_page(folder, folder / PAGE_FILE, pictures)
    return result
