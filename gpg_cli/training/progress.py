"""What a person watching a run sees: one live line on a terminal, a line now and then in a log."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from gpg_cli.console import say
from gpg_cli.live_line import LiveLine, is_watched
from gpg_cli.training.step_facts import step_facts

# A log gets a line for every twentieth of the run, and of a long one every ten minutes.
_LOG_PARTS = 20
_LOG_EVERY_S = 600.0


class LiveProgress(TrainerCallback):
    """Shows reward, accuracy, groups with signal and speed after each step."""

    def __init__(self) -> None:
        self._line = LiveLine("training", unit="step", log_parts=_LOG_PARTS, log_every_s=_LOG_EVERY_S)

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if state.is_world_process_zero:
            self._line.start(state.global_step, state.max_steps)

    def __enter__(self) -> "LiveProgress":
        return self

    def __exit__(self, *exception: object) -> None:
        # Leave the terminal as it was, also when training ends with an exception.
        self._line.stop()

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if logs and "loss" in logs and state.is_world_process_zero:
            self._line.show(state.global_step, step_facts(logs))


@contextmanager
def counting(description: str) -> Iterator[Any]:
    """A progress bar for a task with a known number of steps; yields `update(done, total)`, which shows it."""
    line = LiveLine(description)
    started = False

    def update(done: int, total: int) -> None:
        nonlocal started
        if not started:
            started = True
            if not is_watched():
                say(f"{description} ...")
            line.start(0, total)
        line.show(done)

    with line:
        yield update
