"""The story of `gpg train`: settings -> data -> model -> training -> saving -> summary."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gpg_cli.console import say
from gpg_cli.run_folder import MODEL_FOLDER, RUN_FILE, prepare_output_folder
from gpg_cli.training.build import build_trainer, model_location, save_model
from gpg_cli.training.plan import Plan, TrainRequest, make_plan
from gpg_cli.training.progress import LiveProgress
from gpg_cli.training.record import RunRecord, draw_reward

# Measures a model folder on a benchmark, keeping samples and scores in the run folder or not, and returns the share of
# right answers. Evaluation is another part of the program, of which training knows nothing: the command line hands the
# function over.
Evaluate = Callable[[Path, str, bool], float]


@dataclass(frozen=True)
class TrainResult:
    """The summary of a run.

    Attributes:
        output_dir: the run folder.
        steps: optimiser steps done.
        seconds: of the whole command, evaluations included.
        eval_bench: the benchmark that was measured before and after, where the settings name one.
        accuracy_before: share of right answers before training.
        accuracy_after: and after.
    """

    output_dir: str
    steps: int
    seconds: float
    eval_bench: str | None
    accuracy_before: float | None
    accuracy_after: float | None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def train(request: TrainRequest, evaluate: Evaluate) -> TrainResult:
    """Train a model and leave a run folder (gpg_cli/run_folder.py has its layout).

    Raises:
        GpgError: everything a user can mend; found before the model loads wherever it can be.
    """
    started = time.perf_counter()
    plan = make_plan(request)
    if not request.resume:
        prepare_output_folder(plan.output_dir, overwrite=request.overwrite, written_by_us=(RUN_FILE,))
    record = RunRecord(plan)
    final_model = plan.output_dir / MODEL_FOLDER
    with _library_output_on_stderr():
        model = model_location(plan)
        before = _measure(evaluate, Path(model), plan, keep=False)
        with LiveProgress() as progress:
            trainer = build_trainer(plan, model, progress)
            trainer.train(resume_from_checkpoint=request.resume or None)
        save_model(trainer, final_model)
        after = _measure(evaluate, final_model, plan, keep=True)
        draw_reward(plan.output_dir, f"{plan.settings.preset or Path(model).name}, seed {plan.config.seed}")
    result = TrainResult(
        output_dir=str(plan.output_dir),
        steps=trainer.state.global_step,
        seconds=round(time.perf_counter() - started, 1),
        eval_bench=plan.settings.run.eval_bench,
        accuracy_before=before,
        accuracy_after=after,
    )
    record.finish(result.to_dict())
    return result


def _measure(evaluate: Evaluate, model: Path, plan: Plan, *, keep: bool) -> float | None:
    bench = plan.settings.run.eval_bench
    if bench is None:
        return None
    accuracy = evaluate(model, bench, keep)
    say(f"accuracy {'after' if keep else 'before'} training: [bold]{accuracy:.1%}[/] of {bench}")
    return accuracy


@contextlib.contextmanager
def _library_output_on_stderr() -> Iterator[None]:
    """Keep stdout for results: what libraries print meanwhile goes to stderr, and their progress bars nowhere."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        if shown:
            logging.enable_progress_bar()
