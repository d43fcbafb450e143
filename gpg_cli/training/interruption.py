"""A run that is asked to stop ends its step, saves, and stops, on all processes at the same step."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import reduce
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from gpg_cli.errors import GpgError, Interrupted
from gpg_cli.training.going_on import resume_command
from gpg_cli.training.stopping import StopRequests


class StopAtRequest(TrainerCallback):
    """Ends training at the end of the step in which any process was asked to stop.

    Attributes:
        interrupted: whether that happened.
    """

    def __init__(self, requests: StopRequests) -> None:
        self._requests = requests
        self.interrupted = False

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        requested = self._requests.requested
        if args.world_size > 1:
            # A signal may reach one process a step earlier than another; a step more on one of them would hang it.
            flag = torch.tensor(float(requested), device=PartialState().device)
            requested = reduce(flag, reduction="sum").item() > 0
        if requested and state.global_step < state.max_steps:
            self.interrupted = True
            control.should_save = True
            control.should_training_stop = True


def require_checkpoint(run: Path, step: int) -> None:
    """Of a run that stopped because it was asked to.

    Raises:
        GpgError: its checkpoint could not be written.
    """
    if not (run / f"checkpoint-{step}").is_dir():
        raise GpgError(
            f"stopped after {step} steps, but could not write their checkpoint",
            f"Make room, then go on from the last checkpoint, if there is one: {resume_command(run)}",
        )


@contextlib.contextmanager
def stop_in_words(run: Path) -> Iterator[None]:
    """
    Raises:
        Interrupted: Ctrl-C, a second time or when nothing was left to finish.
    """
    try:
        yield
    except KeyboardInterrupt as stop:
        raise stopped_at_once(run) from stop


def stopped_at_once(run: Path) -> Interrupted:
    return Interrupted("stopped at once", f"Go on from the last checkpoint, if there is one: {resume_command(run)}")
