"""Batches of foreign recipes that do not hold whole groups on as many processes as there are here."""

import dataclasses
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpg_cli.training.settings import Settings

# TRL's, where a recipe is silent.
_GENERATIONS, _ROWS, _ACCUMULATION = 8, 8, 1


def fit_batch(settings: "Settings", processes: int) -> tuple["Settings", list[str]]:
    """Make a step of a foreign recipe a whole number of groups, and say how.

    The trainer that these recipes were written for wants whole groups in every process and micro-batch, TRL in every
    round over all processes; several published recipes have neither on the processes at hand, because they say nothing
    about their number. Here a group may span micro-batches and processes, so only the step must hold whole groups.

    Args:
        settings: of a run; those that are not of a foreign recipe stay as they are.
        processes: how many will train.
    """
    given = settings.trainer
    if not settings.foreign or given.get("steps_per_generation") or given.get("generation_batch_size"):
        return settings, []
    generations = given.get("num_generations", _GENERATIONS)
    rows = given.get("per_device_train_batch_size", _ROWS)
    accumulation = given.get("gradient_accumulation_steps", _ACCUMULATION)
    whole = generations // math.gcd(generations, rows * processes)
    fitting = math.ceil(accumulation / whole) * whole
    step = rows * fitting * processes
    size = f"{rows} x {fitting} x {processes} processes = {step} completions, {step // generations} prompts a step"
    if fitting != accumulation:
        note = (
            f"num_generations {generations} does not divide {rows} x {accumulation} x {processes} processes = "
            f"{rows * accumulation * processes} completions: gradient_accumulation_steps is {fitting} ({size})."
        )
        trainer = given | {"gradient_accumulation_steps": fitting}
        return dataclasses.replace(settings, trainer=trainer), [note]
    if rows % generations:
        note = (
            f"num_generations {generations} does not divide per_device_train_batch_size {rows}, which the trainer this "
            f"recipe was written for needs; here a group may span micro-batches and processes ({size})."
        )
        return settings, [note]
    return settings, []
