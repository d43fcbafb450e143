"""What a person watching a run sees: one live line on a terminal, a line now and then in a log."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from gpg_cli.console import messages, say

# A log file gets a line for every twentieth of the run.
_LOG_LINES = 20


class LiveProgress(TrainerCallback):
    """Shows reward, accuracy, groups with signal and speed after each step."""

    def __init__(self) -> None:
        self._progress = _bar("{task.fields[facts]}")
        self._step_started = 0.0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._task = self._progress.add_task("training", total=state.max_steps, completed=state.global_step, facts="")
        self._step_started = time.perf_counter()
        if messages.is_terminal:
            self._progress.start()

    def __enter__(self) -> "LiveProgress":
        return self

    def __exit__(self, *exception: object) -> None:
        # Leave the terminal as it was, also when training ends with an exception.
        self._progress.stop()

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if not logs or "loss" not in logs:
            return
        now = time.perf_counter()
        seconds, self._step_started = now - self._step_started, now
        facts = _facts(logs, seconds, completions=args.generation_batch_size)
        self._progress.update(self._task, completed=state.global_step, facts=facts)
        every = max(1, state.max_steps // _LOG_LINES)
        if not messages.is_terminal and (state.global_step % every == 0 or state.global_step == state.max_steps):
            say(f"step {state.global_step}/{state.max_steps}  {facts}")


@contextmanager
def counting(description: str) -> Iterator[Any]:
    """A progress bar for a task with a known number of steps; yields `update(done, total)`."""
    progress = _bar("")
    task = progress.add_task(description, total=None)
    if not messages.is_terminal:
        say(f"{description} ...")
        yield lambda done, total: None
        return
    with progress:
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _bar(facts: str) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn(facts),
        TimeRemainingColumn(compact=True),
        console=messages,
    )


def _facts(logs: dict[str, Any], seconds: float, completions: int) -> str:
    parts = [f"reward {logs['reward']:.3f}" if logs.get("reward") is not None else "reward -"]
    if logs.get("accuracy") is not None:
        parts.append(f"accuracy {logs['accuracy']:.1%}")
    parts.append(f"valid groups {logs['groups/valid']:.0f}/{logs['groups/total']:.0f}")
    tokens = logs.get("completions/mean_length", 0.0) * completions
    parts.append(f"{tokens / seconds:,.0f} tok/s" if seconds > 0 else "")
    return "  ".join(parts)
