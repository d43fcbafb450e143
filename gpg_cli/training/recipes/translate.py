"""Settings under the names and with the values of other projects -> ours, with a sentence for what was changed."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from gpg_cli.errors import GpgError
from gpg_cli.training.recipes.keys import ACCELERATE, REFUSED, RENAMED, WITHOUT_EFFECT

# Names of TRL's rewards for what is called otherwise here.
_REWARDS = {"accuracy_reward": "accuracy"}
_FLOATS_OF_HALF_WIDTH = ("bfloat16", "float16", "auto")


@dataclass(frozen=True)
class Translation:
    """Settings of ours.

    Attributes:
        values: key to value.
        notes: a sentence for each thing that is not done as it was written.
        marks: the keys of other projects, by which a file is known to be one of theirs.
        origin: key to the name under which it was given, where that is another one.
    """

    values: dict[str, Any]
    notes: tuple[str, ...]
    marks: frozenset[str]
    origin: dict[str, str]


@dataclass
class _Reading:
    """A translation half done."""

    values: dict[str, Any]
    source: str
    where: Callable[[str], str]
    notes: list[str] = field(default_factory=list)
    marks: set[str] = field(default_factory=set)
    origin: dict[str, str] = field(default_factory=dict)

    def take(self, key: str) -> Any:
        """Remove a key of another project."""
        self.marks.add(key)
        return self.values.pop(key)

    def put(self, key: str, value: Any, given_as: str) -> None:
        """Set a key of ours, unless it was given as well: whoever writes both means the newer one."""
        if key in self.values:
            self.note(f"{given_as} is left out, because {key} is given too")
            return
        self.values[key] = value
        self.origin[key] = given_as

    def note(self, text: str) -> None:
        self.notes.append(f"{self.source}: {text}.")


def translate(
    values: Mapping[str, Any], source: str, where: Callable[[str], str], own: Collection[str] = ()
) -> Translation:
    """Say settings of other projects in our words.

    Args:
        values: key to value as given.
        source: what they stand in, for the notes: a file's name, or the command line.
        where: the place of a key, for an error message.
        own: keys that are settings of ours whatever they mean elsewhere.

    Raises:
        GpgError: a setting asks for something that cannot be left out and is not done here.
    """
    reading = _Reading(dict(values), source, where)
    _refuse(reading, own)
    for convert in (
        _rename,
        _dtype,
        _warmup_ratio,
        _scale_rewards,
        _save_strategy,
        _weighted_sample,
        _optimizer,
        _reentrant,
        _way_of_sharing,
        _rewards,
    ):
        convert(reading)
    _drop_without_effect(reading, own)
    return Translation(reading.values, tuple(reading.notes), frozenset(reading.marks), reading.origin)


def _refuse(reading: _Reading, own: Collection[str]) -> None:
    for key in reading.values.keys() & REFUSED.keys() - set(own):
        harmless, reason, hint = REFUSED[key]
        if reading.take(key) not in harmless:
            raise GpgError(f"{reading.where(key)}: {key} cannot be honoured: {reason}", hint)


def _rename(reading: _Reading) -> None:
    renamed = [key for key in reading.values if key in RENAMED]
    for key in renamed:
        reading.put(RENAMED[key], reading.take(key), key)
    if renamed:
        reading.note("renamed since: " + ", ".join(f"{key} is {RENAMED[key]}" for key in renamed))


def _dtype(reading: _Reading) -> None:
    if "torch_dtype" not in reading.values:
        return
    asked = str(reading.take("torch_dtype") or "float32").removeprefix("torch.")
    if "dtype" in reading.values:
        return
    if asked in _FLOATS_OF_HALF_WIDTH:
        computing = "float32" if reading.values.get("bf16") is False else "bfloat16 (bf16)"
        computing = "float16 (fp16)" if reading.values.get("fp16") else computing
        reading.note(
            f"torch_dtype {asked}: the weights are kept in float32 and computing is done in {computing}; on weights of "
            f"16 bits AdamW loses updates of 1e-6. --set dtype={asked} loads them so all the same"
        )
        asked = "float32"
    reading.put("dtype", asked, "torch_dtype")


def _warmup_ratio(reading: _Reading) -> None:
    """A share of all steps, which is what warmup_steps below 1 means since transformers 5."""
    if "warmup_ratio" not in reading.values:
        return
    share = reading.take("warmup_ratio")
    if share is None:
        return
    try:
        share = float(share)
    except (TypeError, ValueError):
        share = -1.0
    if not 0 <= share < 1:
        raise GpgError(
            f"{reading.where('warmup_ratio')}: warmup_ratio must be at least 0 and below 1, a share of all steps",
            "Give a number of steps as warmup_steps.",
        )
    # transformers 4 took a number of steps, where one was given, and the share otherwise.
    if not reading.values.get("warmup_steps"):
        reading.values.pop("warmup_steps", None)
        reading.put("warmup_steps", share, "warmup_ratio")


def _scale_rewards(reading: _Reading) -> None:
    """The switch of TRL 0.16 to 0.21."""
    if isinstance(reading.values.get("scale_rewards"), bool):
        reading.values["scale_rewards"] = "group" if reading.values["scale_rewards"] else "none"


def _save_strategy(reading: _Reading) -> None:
    """`no` without quotation marks is false in YAML."""
    if reading.values.get("save_strategy") is False:
        reading.values["save_strategy"] = "no"


def _weighted_sample(reading: _Reading) -> None:
    """The paper's code has a switch besides the strategy, without which the strategy is not read."""
    if "weighted_sample" not in reading.values:
        return
    if not reading.take("weighted_sample"):
        reading.values["sample_strategy"] = "uniform"
    reading.values.setdefault("sample_strategy", "uniform")
    reading.origin["sample_strategy"] = "weighted_sample"


def _optimizer(reading: _Reading) -> None:
    if "adafactor" in reading.values and reading.take("adafactor"):
        reading.put("optim", "adafactor", "adafactor")


def _reentrant(reading: _Reading) -> None:
    """A switch of TRL's ScriptArguments until 0.26."""
    if "gradient_checkpointing_use_reentrant" in reading.values:
        reentrant = reading.take("gradient_checkpointing_use_reentrant")
        given = reading.values.get("gradient_checkpointing_kwargs") or {}
        reading.values["gradient_checkpointing_kwargs"] = {"use_reentrant": bool(reentrant)} | given


def _way_of_sharing(reading: _Reading) -> None:
    """accelerate's, DeepSpeed's and FSDP's configurations -> `accelerate`."""
    values = reading.values
    for key, kind in (("accelerate_config", _accelerate_kind), ("deepspeed", _zero_stage), ("fsdp", _fsdp)):
        if key not in values:
            continue
        asked = reading.take(key)
        if asked:
            reading.put("accelerate", kind(asked), key)
            reading.note(f"{key} {_short(asked)} is done as accelerate: {values['accelerate']}")
    if isinstance(values.get("accelerate"), str):
        asked = values["accelerate"]
        values["accelerate"] = _accelerate_kind(asked)
        if values["accelerate"] != asked:
            reading.note(f"accelerate {_short(asked)} is done as {values['accelerate']}")


def _accelerate_kind(asked: Any) -> Any:
    """A name of TRL's or open-r1's, or a path to a file that is called so."""
    name = re.sub(r"\.ya?ml$", "", str(asked).rpartition("/")[2])
    return ACCELERATE.get(name, asked)


def _zero_stage(asked: Any) -> str:
    """Of a DeepSpeed configuration: the configuration itself, or the name of its file."""
    if isinstance(asked, dict):
        stage = (asked.get("zero_optimization") or {}).get("stage")
    else:
        found = re.search(r"(?:zero|stage|z)[-_]?(\d)", str(asked), re.IGNORECASE)
        stage = found and found.group(1)
    return "zero3" if str(stage) == "3" else "zero2"


def _fsdp(asked: Any) -> str:
    return "fsdp"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _rewards(reading: _Reading) -> None:
    values = reading.values
    for key in ("reward_funcs", "reward_weights"):
        if isinstance(values.get(key), str):
            values[key] = [part for part in re.split(r"[\s,]+", values[key]) if part]
        elif key in values and isinstance(values[key], int | float):
            values[key] = [values[key]]
    names = values.get("reward_funcs")
    if isinstance(names, list):
        values["reward_funcs"] = [_REWARDS.get(name, name) if isinstance(name, str) else name for name in names]


def _drop_without_effect(reading: _Reading, own: Collection[str]) -> None:
    """One note for the keys that share a reason, and one for all that have a reason of their own."""
    dropped = [key for key in reading.values if key in WITHOUT_EFFECT and key not in own]
    by_reason: dict[str, list[str]] = {}
    for key in dropped:
        reading.take(key)
        by_reason.setdefault(WITHOUT_EFFECT[key], []).append(key)
    alone = [f"{keys[0]} ({reason})" for reason, keys in by_reason.items() if len(keys) == 1]
    if alone:
        reading.note(f"without effect here: {', '.join(alone)}")
    for reason, keys in by_reason.items():
        if len(keys) > 1:
            reading.note(f"without effect here: {', '.join(keys)}: {reason}")
