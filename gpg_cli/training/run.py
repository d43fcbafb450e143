"""The story of `gpg train`: settings -> data -> model -> training -> saving -> summary."""

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from rich.markup import escape

from gpg_cli.console import say
from gpg_cli.errors import GpgError, Interrupted
from gpg_cli.metrics_file import read_metrics
from gpg_cli.reward_picture import draw_reward
from gpg_cli.run_folder import (
    MODEL_FOLDER,
    REWARD_PICTURE,
    RUN_FILE,
    make_new_folder,
    prepare_output_folder,
    read_json,
    write_json,
)
from gpg_cli.training.build import build_trainer, model_location, save_model
from gpg_cli.training.checkpoints import tidy
from gpg_cli.training.curve import HeldOut, ScoreCurve
from gpg_cli.training.data import BenchQuestions
from gpg_cli.training.disk import disk_faults_in_words
from gpg_cli.training.going_on import resume_command
from gpg_cli.training.interruption import StopAtRequest, require_checkpoint, stop_in_words, stopped_at_once
from gpg_cli.training.kept_completions import CompletionsFile
from gpg_cli.training.launch import is_started_by_us, launch, process_rank
from gpg_cli.training.library_output import library_output_on_stderr
from gpg_cli.training.lost_peer import ends_when_a_peer_is_lost
from gpg_cli.training.parallel import leave_process_group
from gpg_cli.training.plan import Plan, TrainRequest, make_plan
from gpg_cli.training.progress import LiveProgress
from gpg_cli.training.pushing import Publisher, PushCheckpoints
from gpg_cli.training.record import MetricsFile, RunRecord
from gpg_cli.training.reliable import ReliableTrainer
from gpg_cli.training.stopping import StopRequests
from gpg_cli.training.trackers import Trackers
from gpg_cli.training.uploads import Uploads

# Files that stand in for the data of benchmarks.
BenchData = Mapping[str, Path]


@dataclass(frozen=True)
class Benchmarks:
    """What training is given of evaluation, which is another part of the program, of which it knows nothing.

    Attributes:
        questions: gives what the setting `decontaminate` compares the data with.
        measure: (model folder, benchmark, data, first problems only or None, whether to keep samples and scores in the
            run folder) to the share of right answers.
        held_out: (benchmark, data, first problems only or None, model, seed) to what is asked while training.
    """

    questions: BenchQuestions
    measure: Callable[[Path, str, BenchData, int | None, bool], float]
    held_out: Callable[[str, BenchData, int | None, str, int], HeldOut]


# What the first of several processes tells the one that started them.
_OUTCOME_FILE = ".outcome.json"


@dataclass(frozen=True)
class TrainResult:
    """The summary of a run.

    Attributes:
        output_dir: the run folder.
        steps: optimiser steps done.
        interrupted: whether it was asked to stop before its end; it can be gone on with.
        seconds: of the whole command, evaluations included.
        eval_bench: the benchmark that was measured before and after, where the settings name one.
        accuracy_before: share of right answers before training.
        accuracy_after: and after.
        measured_by: the benchmark to measure the model with.
        repo_url: where on the Hub the model is; None where it was not pushed.
        not_pushed: revisions that were to be pushed and could not be.
    """

    output_dir: str
    steps: int
    interrupted: bool
    seconds: float
    eval_bench: str | None
    accuracy_before: float | None
    accuracy_after: float | None
    measured_by: str
    repo_url: str | None = None
    not_pushed: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class _Outcome:
    """How the training part ended: steps done, and whether it was asked to stop before."""

    steps: int
    interrupted: bool


def train(request: TrainRequest, benchmarks: Benchmarks, publisher: Publisher) -> TrainResult | None:
    """Train a model and leave a run folder (gpg_cli/run_folder.py has its layout), and a repository if asked to.

    Returns:
        The summary; None in a process that is one of several and not the one to report.

    Raises:
        GpgError: everything a user can mend; found before the model loads wherever it can be.
    """
    started = time.perf_counter()
    plan = make_plan(request, benchmarks.questions, publisher.check)
    is_one_of_several = is_started_by_us() or process_rank() > 0
    if plan.checkpoint is None and request.machine_rank == 0 and not is_one_of_several:
        plan = _with_folder(plan, request)
    with disk_faults_in_words(plan.output_dir), stop_in_words(plan.output_dir):
        if is_one_of_several:
            _work(plan, benchmarks)
            return None
        if request.machine_rank > 0:
            _launch(plan, request)
            return None
        return _train(plan, request, benchmarks, publisher, started)


def _with_folder(plan: Plan, request: TrainRequest) -> Plan:
    """Make the folder of a new run. A name that was made up is no other run's, not even of one of the same second."""
    if request.output_dir or plan.settings.output_dir:
        prepare_output_folder(plan.output_dir, overwrite=request.overwrite, written_by_us=(RUN_FILE,))
        return plan
    folder = make_new_folder(plan.output_dir)
    plan.config.output_dir = str(folder)
    return replace(plan, output_dir=folder)


def _train(
    plan: Plan, request: TrainRequest, benchmarks: Benchmarks, publisher: Publisher, started: float
) -> TrainResult:
    """In the one process that tells the story; `started` is its clock's time."""
    # A run that was killed may have left it, and go on with one process.
    (plan.output_dir / _OUTCOME_FILE).unlink(missing_ok=True)
    record = RunRecord(plan)
    final_model = plan.output_dir / MODEL_FOLDER
    before, after = record.accuracy_before, None
    # One of several processes that somebody else started has no time to measure while the others wait.
    measures = plan.settings.run.eval_bench is not None and plan.config.world_size == 1
    uploads = Uploads(plan.output_dir, plan.push, publisher) if plan.push else None
    with library_output_on_stderr(), uploads or contextlib.nullcontext(), Trackers(plan) as trackers:
        if not plan.machines:
            trackers.open()
        if measures and plan.checkpoint is None:
            before = _measure(benchmarks, Path(model_location(plan)), plan, keep=False)
            record.begin(before)
        outcome = _launch(plan, request) if plan.machines else _train_here(plan, benchmarks, trackers)
        if measures and not outcome.interrupted:
            after = _measure(benchmarks, final_model, plan, keep=True)
        trackers.report(_scores(plan, before, after), outcome.steps)
        title = plan.settings.preset or Path(plan.settings.run.model_name_or_path).name
        picture = plan.output_dir / REWARD_PICTURE
        draw_reward(read_metrics(plan.output_dir), picture, f"{title}, seed {plan.config.seed}")
        result = TrainResult(
            output_dir=str(plan.output_dir),
            steps=outcome.steps,
            interrupted=outcome.interrupted,
            seconds=round(time.perf_counter() - started, 1),
            eval_bench=plan.settings.run.eval_bench,
            accuracy_before=before,
            accuracy_after=after,
            measured_by=plan.settings.run.eval_bench or plan.settings.run.measured_by,
        )
        if not outcome.interrupted:
            record.finish(result.to_dict())
        if uploads is not None:
            pushed = uploads.finish(None if outcome.interrupted else final_model)
            result = replace(result, repo_url=pushed.repo_url, not_pushed=pushed.missing)
            if outcome.interrupted and plan.push:
                say(escape(f"Going on, it is pushed only if told again: {' '.join(plan.push.options())}"))
    return result


def _train_here(plan: Plan, benchmarks: Benchmarks, trackers: Trackers) -> _Outcome:
    """Build the trainer, train, and write the final model unless the run was asked to stop."""
    with plan.config.main_process_first(desc="the model's files"):
        model = model_location(plan)
    with StopRequests(_announce_stop) as requests, LiveProgress() as progress:
        stopper = StopAtRequest(requests)
        metrics = MetricsFile(plan.output_dir, plan.checkpoint)
        trainer = build_trainer(plan, model, [metrics, trackers, progress, stopper])
        if plan.push is not None and plan.push.every is not None:
            trainer.add_callback(PushCheckpoints(plan.output_dir, plan.push.every))
        kept = (trainer, plan.config.keep_completions, plan.config.seed)
        trainer.add_callback(CompletionsFile(plan.output_dir, plan.checkpoint, *kept))
        _add_curve(trainer, plan, model, benchmarks)
        trainer.train(resume_from_checkpoint=str(plan.checkpoint) if plan.checkpoint else None)
        if trainer.accelerator.is_main_process:
            tidy(plan.output_dir, plan.config.save_total_limit)
            if stopper.interrupted:
                require_checkpoint(plan.output_dir, trainer.state.global_step)
        if not stopper.interrupted:
            save_model(trainer, plan, model, plan.output_dir / MODEL_FOLDER)
    return _Outcome(trainer.state.global_step, stopper.interrupted)


def _work(plan: Plan, benchmarks: Benchmarks) -> None:
    """The part of one of several processes."""
    with ends_when_a_peer_is_lost(process_rank()), library_output_on_stderr(), Trackers(plan) as trackers:
        outcome = _train_here(plan, benchmarks, trackers)
    if process_rank() == 0 and is_started_by_us():
        write_json(plan.output_dir / _OUTCOME_FILE, asdict(outcome))
    leave_process_group()


def _launch(plan: Plan, request: TrainRequest) -> _Outcome:
    """Start the processes of this machine, and wait for them; the first machine's tell how it ended."""
    assert plan.machines is not None
    report = plan.output_dir / _OUTCOME_FILE
    code = launch(plan.machines, request.arguments(plan.output_dir, plan.checkpoint))
    if code == Interrupted.exit_code:
        raise stopped_at_once(plan.output_dir)
    if not code and plan.machines.machine_rank > 0:
        return _Outcome(0, interrupted=False)
    if plan.machines.machine_rank > 0 or not report.exists():
        raise GpgError(
            f"training ended with exit code {code}; what its processes said stands above",
            f"Mend it, then go on from the last checkpoint, if there is one: {resume_command(plan.output_dir)}",
        )
    if code:
        # The outcome is written when all processes are through. Gloo's threads may still abort one that ends (SIGABRT).
        say(f"[yellow]A process ended with exit code {code} when all its work was done; the run is whole.[/]")
    outcome = _Outcome(**read_json(report))
    report.unlink()
    return outcome


def _announce_stop(signal_name: str) -> None:
    say(f"[yellow]{signal_name}: finishing the step, then saving; Ctrl-C again stops at once.[/]")


def _measure(benchmarks: Benchmarks, model: Path, plan: Plan, *, keep: bool) -> float:
    run = plan.settings.run
    bench = str(run.eval_bench)
    accuracy = benchmarks.measure(model, bench, _data_of(bench, plan), run.eval_limit, keep)
    say(f"accuracy {'after' if keep else 'before'} training: [bold]{accuracy:.1%}[/] of {escape(bench)}")
    return accuracy


def _scores(plan: Plan, before: float | None, after: float | None) -> dict[str, float]:
    """What trackers are told of a run's benchmark, under the names that run.json's summary has."""
    named = {"accuracy_before": before, "accuracy_after": after, f"eval/{plan.settings.run.eval_bench}/accuracy": after}
    return {name: value for name, value in named.items() if value is not None}


def _add_curve(trainer: ReliableTrainer, plan: Plan, model: str, benchmarks: Benchmarks) -> None:
    """Have the benchmark measured while the model trains, where the settings say how often."""
    run = plan.settings.run
    if run.eval_every is None:
        return
    bench = str(run.eval_bench)
    held_out = benchmarks.held_out(bench, _data_of(bench, plan), run.eval_limit, model, plan.config.seed)
    trainer.add_callback(ScoreCurve(trainer, held_out, run.eval_every, plan.config.max_completion_length))


def _data_of(bench: str, plan: Plan) -> dict[str, Path]:
    """The file that stands in for a benchmark's data, where `bench_data` names one."""
    return {name: Path(path) for name, path in (plan.settings.run.bench_data or {}).items() if name == bench}
