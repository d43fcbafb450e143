"""A run that is asked to stop ends its step, saves, and stops, on all processes at the same step."""

from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import reduce
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

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
