"""A recipe that another project wrote, read as it was meant there: what it leaves open, and what its names promise."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpg_cli.training.config import NOT_IN_GPG
from gpg_cli.training.recipes.translate import Translation

# What people write into recipes of ours as well.
_NO_MARKS = {"warmup_ratio"}
# Settings of GPG that the paper's code has not: whoever writes one writes for this program.
_OURS = {"algorithm", "loss_reduction", "alpha_by", "inverse_alpha_floor", "temper_log_probs"}
# Only TRL 0.14 to 0.17 had these, and with them a temperature of 0.9 and a KL term of 0.04 where nothing was said.
_OF_EARLY_TRL = {"vllm_device", "vllm_max_model_len", "vllm_dtype", "vllm_enable_prefix_caching"}
_EARLY_TEMPERATURE = 0.9
_EARLY_BETA = 0.04
# Settings of TRL's objectives that a run of GPG carries about without reading them.
_UNREAD_BY_GPG = ("loss_type", "epsilon", "epsilon_high", "sync_ref_model", "use_bias_correction_kl")
# A sentence of open-rs's system prompt. Its `format` asks for less than open-r1's, where it is called format_v2.
_OPEN_RS_PROMPT = "Note that respond by English"


@dataclass(frozen=True)
class Foreign:
    """A recipe of another project.

    Attributes:
        values: its settings, without what the objective that is trained has not.
        notes: a sentence for each thing that a reader of it would not expect.
        early: whether it was written for TRL 0.14 to 0.17.
    """

    values: dict[str, Any]
    notes: tuple[str, ...]
    early: bool


def read_foreign(
    recipe: Translation, path: Path, written: Mapping[str, Any], algorithm: str, *, named: bool, alone: bool
) -> Foreign | None:
    """Read a recipe as it was meant where it comes from; None where it was written for this program.

    Args:
        recipe: the translated file.
        path: the file.
        written: what stands in it.
        algorithm: what is trained.
        named: whether somebody chose that, or it is only what is trained by default.
        alone: whether there is no preset below, which would fill in what the recipe leaves open.
    """
    if not recipe.marks - _NO_MARKS or recipe.values.keys() & _OURS:
        return None
    values = dict(recipe.values)
    early = bool(recipe.marks & _OF_EARLY_TRL)
    notes = _broken_promises(path, written, values, algorithm, early=early, alone=alone)
    notes += _name_rewards(values)
    if algorithm == "gpg":
        if not named:
            notes.append("trained with GPG; --algorithm grpo trains with TRL's GRPO instead")
        notes += _without_grpo(values)
    return Foreign(values, tuple(f"{path}: {note}." for note in notes), early)


def meant_then(given: Mapping[str, Any], foreign: Foreign, source: str, algorithm: str) -> tuple[dict[str, Any], str]:
    """What a foreign recipe meant where neither it nor anything laid over it says something, and a note.

    Every TRL divides by the group's standard deviation unless told otherwise. With that F the published runs have no
    alpha, and the paper (version 4) measures both together as worse than either alone: 44.1 against 45.3 and 47.8.
    """
    meant: dict[str, Any] = {}
    if "scale_rewards" not in given:
        meant["scale_rewards"] = "group"
    divides = (meant | dict(given))["scale_rewards"] != "none"
    if algorithm == "gpg" and divides and "adjust_gd" not in given:
        meant["adjust_gd"] = False
    if foreign.early and "temperature" not in given:
        meant["temperature"] = _EARLY_TEMPERATURE
    if given.get("use_vllm") and "vllm_mode" not in given:
        served = any(key.startswith("vllm_server_") for key in given)
        meant["vllm_mode"] = "server" if served else "colocate"
        if not served and "vllm_enable_sleep_mode" not in given:
            meant["vllm_enable_sleep_mode"] = True
    if not meant:
        return {}, ""
    listed = ", ".join(f"{key}: {str(value).lower()}" for key, value in meant.items())
    note = f"{source}: what it leaves open is as it was there: {listed}."
    if "adjust_gd" in meant:
        note += " The paper's own objective: --set scale_rewards=none --set adjust_gd=true."
    return meant, note


def _without_grpo(values: dict[str, Any]) -> list[str]:
    """Leave out what belongs to TRL's objectives."""
    asked = [key for key, off in NOT_IN_GPG.items() if key in values and values[key] not in (off, None)]
    asked += [key for key in _UNREAD_BY_GPG if key in values]
    if not asked:
        return []
    listed = ", ".join(f"{key} {values.pop(key)}" for key in asked)
    return [f"left out, because GPG has no KL term and no clipping: {listed}"]


def _name_rewards(values: dict[str, Any]) -> list[str]:
    """open-rs's `format` under the name it has here."""
    names = values.get("reward_funcs")
    from_open_rs = _OPEN_RS_PROMPT in str(values.get("system_prompt"))
    if not from_open_rs or not isinstance(names, list) or not {"format", "cosine"} <= {str(name) for name in names}:
        return []
    values["reward_funcs"] = ["format_v2" if name == "format" else name for name in names]
    return ["with open-rs's system prompt `format` means open-rs's, which is format_v2 here"]


def _broken_promises(
    path: Path, written: Mapping[str, Any], values: Mapping[str, Any], algorithm: str, *, early: bool, alone: bool
) -> list[str]:
    """What the recipe's names say and its values do not (config_demo_woSTD and the like, as published)."""
    names = [path.stem, *(str(written[key]) for key in ("output_dir", "hub_model_id", "run_name") if key in written)]
    said = {what: next(filter(None, (_without(what, name) for name in names)), None) for what in ("std", "kl")}
    notes = []
    scale = values.get("scale_rewards", "group" if alone else "none")
    if said["std"] and scale != "none":
        why = f"scale_rewards is {scale}" if "scale_rewards" in values else "it has no scale_rewards, which means group"
        notes.append(
            f"its name says {said['std']!r}, but {why}: loaded as written. --set scale_rewards=none does what it says"
        )
    beta = values.get("beta", _EARLY_BETA if early or alone else 0)
    if said["kl"] and beta:
        why = f"beta is {beta}" if "beta" in values else f"it has no beta, which meant {_EARLY_BETA} until TRL 0.18"
        here = "GPG has no KL term anyway" if algorithm == "gpg" else "loaded as written; --set beta=0 leaves it out"
        notes.append(f"its name says {said['kl']!r}, but {why}: {here}")
    return notes


def _without(what: str, name: str) -> str | None:
    """`wostd`, `wo-std`, `no_std`, `nostd`, in any case, as a word of a name."""
    found = re.search(rf"(?<![a-z])(?:wo|no|without)[-_]?{what}(?![a-z])", name, re.IGNORECASE)
    return found.group(0) if found else None
