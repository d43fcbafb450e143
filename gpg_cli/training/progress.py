"""What a person watching a run sees: one live line on a terminal, a line now and then in a log."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from gpg_cli.console import messages, say

# A log file gets a line for every twentieth of the run.
_LOG_LINES = 20


class LiveProgress(TrainerCallback):
    """Shows reward, accuracy, groups with signal and speed after each step."""

    def __init__(self) -> None:
        self._progress = _bar("{task.fields[facts]}")

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._task = self._progress.add_task("training", total=state.max_steps, completed=state.global_step, facts="")
        if messages.is_terminal and state.is_world_process_zero:
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
        if not logs or "loss" not in logs or not state.is_world_process_zero:
            return
        facts = _facts(logs)
        self._progress.update(self._task, completed=state.global_step, facts=facts)
        every = max(1, state.max_steps // _LOG_LINES)
        if not messages.is_terminal and (state.global_step % every == 0 or state.global_step == state.max_steps):
            say(f"step {state.global_step}/{state.max_steps}  {facts}")


@contextmanager
def counting(description: str) -> Iterator[Any]:
    """A progress bar for a task with a known number of steps; yields `update(done, total)`, which shows it."""
    progress = _bar("")
    task: TaskID | None = None

    def update(done: int, total: int) -> None:
        nonlocal task
        if task is None:
            task = progress.add_task(description, total=total)
            if messages.is_terminal:
                progress.start()
            else:
                say(f"{description} ...")
        progress.update(task, completed=done)

    try:
        yield update
    finally:
        if task is not None and messages.is_terminal:
            progress.stop()


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


def _facts(logs: dict[str, Any]) -> str:
    parts = [f"reward {logs['reward']:.3f}" if logs.get("reward") is not None else "reward -"]
    if logs.get("accuracy") is not None:
        parts.append(f"accuracy {logs['accuracy']:.1%}")
    if "groups/valid" in logs:
        parts.append(f"valid groups {logs['groups/valid']:.0f}/{logs['groups/total']:.0f}")
    if logs.get("resampling/rounds"):
        parts.append(f"+{logs['resampling/rounds']:.0f} rounds")
    if logs.get("skipped/dead") or logs.get("skipped/nonfinite"):
        parts.append("[yellow]skipped[/]")
    parts.append(f"{logs['time/step']:.1f} s (sampling {logs['time/generate'] / max(logs['time/step'], 1e-9):.0%})")
    return "  ".join(parts)
