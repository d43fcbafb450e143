"""The card's section on the training: the objective in words, what it cost, and the settings one asks for first."""

from gpg_cli.publishing import objective
from gpg_cli.publishing.facts import RunFacts
from gpg_cli.publishing.markdown import code, inline, table

# All settings stand in run.json.
_SETTINGS = (
    "algorithm",
    "learning_rate",
    "lr_scheduler_type",
    "num_generations",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "generation_batch_size",
    "temperature",
    "max_prompt_length",
    "max_completion_length",
    "reward_funcs",
    "reward_weights",
    "beta",
    "use_peft",
    "lora_r",
    "lora_alpha",
    "lora_target_modules",
)


def training(facts: RunFacts | None) -> str:
    """The section's text; empty for a model that is no run's."""
    if facts is None:
        return ""
    lines = [f"- {line}" for line in objective.describe(facts.settings)]
    if facts.steps is not None:
        of = f" of {facts.all_steps}" if facts.all_steps and facts.all_steps > facts.steps else ""
        lines.append(f"- Optimiser steps: {facts.steps}{of}")
    if facts.seconds is not None:
        where = f" on {inline(facts.hardware)}" if facts.hardware else ""
        lines.append(f"- Time: {duration(facts.seconds)}{where}")
    rows = [[code(key), code(_shown(facts.settings[key]))] for key in _SETTINGS if facts.settings.get(key) is not None]
    return "\n\n".join(part for part in ("\n".join(lines), table(["Setting", "Value"], rows) if rows else "") if part)


def duration(seconds: float) -> str:
    """In minutes, or in hours from two on."""
    return f"{seconds / 3600:.1f} hours" if seconds >= 7200 else f"{seconds / 60:.1f} minutes"


def _shown(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, list) else value
