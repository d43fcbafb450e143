"""Trackers: TensorBoard, trackio and Weights & Biases get what the run folder gets, and never cost the run.

transformers has callbacks for them too. Those rename metrics (`train/reward`), end before a model is measured, send
the whole environment of the run with it, and a tracker that fails ends the training.
"""

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.markup import escape
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from gpg_cli.console import say
from gpg_cli.run_folder import RUN_FILE, read_json
from gpg_cli.secrets import hidden
from gpg_cli.training import tracker_backends
from gpg_cli.training.plan import Plan
from gpg_cli.training.tracker_backends import TrackedRun, Tracker

_OPENERS: dict[str, Callable[[TrackedRun], Tracker]] = {
    "tensorboard": tracker_backends.TensorBoard,
    "trackio": tracker_backends.Trackio,
    "wandb": tracker_backends.Wandb,
}
# What transformers says where nobody has.
_PROJECT_OF_TRANSFORMERS = "huggingface"
_PROJECT = "gpg"


class Trackers(TrainerCallback):
    """The trackers of a run, opened when there is something to tell them; a context manager that closes them.

    What they get: the settings that run.json has, each line of metrics.jsonl under the same names, and scores. A
    tracker that cannot be opened or written to is said once, and left alone from then on.

    Args:
        plan: names the trackers and the run. The run folder must hold run.json when the first of them is opened.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._open: dict[str, Tracker] | None = None

    def __enter__(self) -> "Trackers":
        return self

    def __exit__(self, *exception: object) -> None:
        if self._open:
            self._each(lambda tracker: tracker.close())
        self._open = {}

    def open(self) -> None:
        """Open them now, so that what is wrong with one is said before the training starts."""
        if self._open is not None:
            return
        self._open = {}
        for name in self._plan.trackers:
            try:
                self._open[name] = _OPENERS[name](_tracked(self._plan))
            except Exception as error:
                self._give_up(name, error)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        # The last line of Trainer, of totals, is no step; metrics.jsonl has none of it either.
        if not state.is_world_process_zero or not logs or "loss" not in logs:
            return
        self.open()
        values = _numbers(logs)
        self._each(lambda tracker: tracker.log(values, state.global_step))

    def report(self, scores: Mapping[str, float], step: int) -> None:
        """Tell what was measured of the model, such as `accuracy_after`: the run's final scores, at its last step."""
        if scores:
            self.open()
            self._each(lambda tracker: tracker.report(scores, step))

    def _each(self, tell: Callable[[Tracker], None]) -> None:
        assert self._open is not None
        for name, tracker in list(self._open.items()):
            try:
                tell(tracker)
            except Exception as error:
                del self._open[name]
                self._give_up(name, error)

    def _give_up(self, name: str, error: Exception) -> None:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        say(f"[yellow]{name} failed: {escape(reason)}. The run goes on without it; metrics.jsonl has every step.[/]")


def _tracked(plan: Plan) -> TrackedRun:
    facts = read_json(plan.output_dir / RUN_FILE)
    config = {key: facts.get(key) for key in ("preset", "model", "dataset", "hardware", "processes", "versions")}
    settings = json.loads(hidden(json.dumps({**facts["settings"], "run": config}, default=str)))
    project = getattr(plan.config, "project", None)
    return TrackedRun(
        name=plan.config.run_name or Path(plan.output_dir).resolve().name,
        folder=plan.output_dir,
        started=str(facts.get("started")),
        project=_PROJECT if project in (None, _PROJECT_OF_TRANSFORMERS) else str(project),
        settings=settings,
        # Whoever starts the processes that train comes back when they have ended, to tell the scores.
        resumed_at=None if plan.machines else _step_of(plan.checkpoint),
        goes_on=plan.checkpoint is not None or plan.machines is not None,
    )


def _step_of(checkpoint: Path | None) -> int | None:
    if checkpoint is None:
        return None
    step = checkpoint.name.rpartition("-")[2]
    return int(step) if step.isdecimal() else None


def _numbers(logs: Mapping[str, Any]) -> dict[str, float]:
    """Those that a curve can show; metrics.jsonl keeps what is unknown, NaN and infinite."""
    return {
        name: float(value) for name, value in logs.items() if isinstance(value, int | float) and math.isfinite(value)
    }
