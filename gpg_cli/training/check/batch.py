"""The arithmetic of a step."""

import math

from gpg_cli.training.check.findings import Finding, Level, Section


def check_batch(
    *, prompts: int, prompts_per_step: int, generations: int, max_steps: int, epochs: float, threshold: float
) -> Section:
    """What a step takes, and how often the data is seen.

    Args:
        prompts: in the data set, short enough.
        prompts_per_step: B, without further rounds.
        generations: G.
        max_steps: optimiser steps; not positive where `epochs` counts.
        threshold: `min_inverse_alpha`.
    """
    an_epoch = prompts // prompts_per_step
    steps = max_steps if max_steps > 0 else math.ceil(an_epoch * epochs)
    lines = [
        f"{prompts_per_step} prompts x {generations} completions = {prompts_per_step * generations} a step",
        f"{steps} steps are {steps * prompts_per_step} prompts, {steps * prompts_per_step / prompts:.2g} epochs",
    ]
    findings = []
    if generations < 2:
        text = "a group of one completion has nothing to compare with: no step moves anything"
        findings.append(Finding(Level.PROBLEM, text, "num_generations"))
    if prompts < prompts_per_step:
        text = f"there are {prompts} prompts, fewer than the {prompts_per_step} of one step"
        findings.append(Finding(Level.PROBLEM, text, "gradient_accumulation_steps or per_device_train_batch_size"))
    if threshold > 0.9:
        text = f"min_inverse_alpha = {threshold} asks for signal in nearly every group: many further rounds"
        findings.append(Finding(Level.WARNING, text, "min_inverse_alpha (the paper's best are 0.6 to 0.8)"))
    return Section("Batch", findings or [Finding(Level.OK, "a step can be filled")], lines)
