"""The settings of the GPG objective in words, for the model card."""

from typing import Any

_SCALES = {
    "none": "F = 1: rewards minus their group's mean",
    "group": "F = std: rewards minus their group's mean, divided by the group's standard deviation",
    "batch": "F = std of the batch: rewards minus their group's mean, divided by the batch's standard deviation",
}
_REDUCTIONS = {
    "token": "averaged over all completion tokens of a step",
    "sequence": "averaged within each completion, then over completions",
    "microbatch": "averaged over the completion tokens of each micro-batch, then over micro-batches",
}


def describe(settings: dict[str, Any]) -> list[str]:
    """One sentence each for F, the advantage's scale, for alpha, the loss reduction and resampling, where it is known.

    The names are those of the paper (arXiv 2504.02546, section 3).
    """
    lines = []
    given = str(settings.get("scale_rewards"))
    # TRL takes a Boolean for the first two as well.
    scale = {"True": "group", "False": "none"}.get(given, given)
    if scale in _SCALES:
        lines.append(f"Advantage: {_SCALES[scale]}.")
    if isinstance(settings.get("adjust_gd"), bool):
        on = "alpha = B / (B - M), for M of B groups without a gradient"
        if settings.get("alpha_by") == "tokens":
            on = "the loss is divided by the tokens of the groups with a gradient alone, which is alpha to the token"
        lines.append(f"Gradient scale: {on if settings['adjust_gd'] else 'alpha = 1'}.")
    reduction = str(settings.get("loss_reduction"))
    if reduction in _REDUCTIONS:
        lines.append(f"Loss: {_REDUCTIONS[reduction]}; no critic, no reference model, no clipping.")
    threshold = settings.get("min_inverse_alpha")
    if isinstance(threshold, int | float) and threshold > 0:
        lines.append(f"Resampling: more prompts while less than {threshold:g} of the groups have a gradient.")
    return lines
