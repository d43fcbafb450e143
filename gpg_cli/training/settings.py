"""The settings of one run: a preset, a recipe file, `--set` and options, laid over each other and checked.

Recipes are flat YAML in the style of open-r1 and TRL: the keys of `RunSettings` (model, data, rewards) and those of
`GPGConfig` (the trainer's) side by side. Nothing is loaded before every key and value is known to be right.
"""

import dataclasses
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from gpg_cli.catalog import find_preset
from gpg_cli.errors import GpgError
from gpg_cli.training.config import GPGConfig
from gpg_cli.yaml_file import did_you_mean, read_yaml_mapping


class RunSettings(BaseModel):
    """What a run needs besides the trainer's settings: the model, the data, the rewards."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    description: str = ""
    model_name_or_path: str
    model_revision: str | None = None
    # float32 holds the master weights; mixed precision is the trainer's `bf16`. AdamW on bfloat16 weights alone loses
    # updates of 1e-6 to rounding.
    dtype: Literal["float32", "bfloat16", "float16", "auto"] = "float32"
    attn_implementation: str | None = None
    dataset_name: str
    dataset_config: str | None = None
    dataset_split: str = "train"
    problem_column: str | None = None
    answer_column: str | None = None
    solution_column: str | None = None
    system_prompt: str | None = None
    use_chat_template: bool = True
    max_prompt_length: int | None = Field(default=None, ge=1)
    reward_funcs: list[str] = Field(min_length=1)
    cosine_min_value_wrong: float = 0.0
    cosine_max_value_wrong: float = -0.5
    cosine_min_value_correct: float = 0.5
    cosine_max_value_correct: float = 1.0
    cosine_max_len: int = Field(default=1000, ge=1)
    eval_bench: str | None = None


# Numbers that make no sense at 0; all other numbers of the trainer must not be negative, unless their default is.
_POSITIVE = {
    "num_generations",
    "per_device_train_batch_size",
    "per_device_eval_batch_size",
    "gradient_accumulation_steps",
    "max_completion_length",
    "learning_rate",
    "num_train_epochs",
    "temperature",
    "logging_steps",
    "save_steps",
    "steps_per_generation",
    "generation_batch_size",
}
_TRAINER_FIELDS = {field.name: field for field in dataclasses.fields(GPGConfig) if field.init}
_TRAINER_TYPES = typing.get_type_hints(GPGConfig)
# What a reader of run.json must know to call the method by its name.
OBJECTIVE = ("scale_rewards", "adjust_gd", "loss_reduction", "inverse_alpha_floor", "min_inverse_alpha")
_OUTSIDE_RECIPES = {"output_dir": "--output-dir", "resume_from_checkpoint": "--resume"}


@dataclass(frozen=True)
class Settings:
    """Everything one run is a function of.

    Attributes:
        run: model, data and rewards.
        trainer: keyword arguments of `GPGConfig` that were set, without `output_dir`.
        preset: the preset's name, where one was named.
    """

    run: RunSettings
    trainer: dict[str, Any]
    preset: str | None

    def to_dict(self) -> dict[str, Any]:
        """Flat, as a recipe has it: what was set, and what defines the objective even where it was not."""
        own = {key: value for key, value in self.run.model_dump().items() if value is not None}
        return own | {key: _TRAINER_FIELDS[key].default for key in OBJECTIVE} | self.trainer

    def to_yaml(self) -> str:
        """The same as YAML that `--config` reads back."""
        return yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True, width=110)

    def trainer_config(self, output_dir: Path) -> GPGConfig:
        """The trainer's configuration, checked as a whole.

        Raises:
            GpgError: values that do not go together (a batch that num_generations does not divide, say).
        """
        try:
            return GPGConfig(output_dir=str(output_dir), **self.trainer)
        except (ValueError, TypeError) as error:
            raise GpgError(f"these settings do not go together: {error}", "Change one of them with --set.") from error


@dataclass(frozen=True)
class _Given:
    """One value and where it was given: `presets/x.yaml:12`, `--set` or an option's name."""

    value: Any
    where: str


def resolve_settings(
    *,
    preset: str | None = None,
    config: Path | None = None,
    assignments: list[str] | None = None,
    options: dict[str, tuple[str, Any]] | None = None,
) -> Settings:
    """Lay preset < recipe file < `--set` < options over each other and check every value.

    Args:
        preset: name of a preset.
        config: a recipe file.
        assignments: `key=value` texts; the value is read as YAML.
        options: key to (name of the option, value), for the options that stand for a key.

    Raises:
        GpgError: an unknown key (with file, line and the nearest names), a value of the wrong type or out of range, a
            key that is missing, no preset and no recipe.
    """
    if preset is None and config is None:
        raise GpgError("nothing to train: no preset and no recipe", "Try `gpg train --preset quickstart`.")
    given: dict[str, _Given] = {}
    for path in ([find_preset(preset)] if preset else []) + ([config] if config else []):
        mapping = read_yaml_mapping(path)
        given |= {key: _Given(value, mapping.where(key)) for key, value in mapping.values.items()}
    given |= dict(_parse_assignment(text) for text in assignments or [])
    given |= {key: _Given(value, option) for key, (option, value) in (options or {}).items()}
    for key, item in given.items():
        _check_known(key, item)
    own = {key: item for key, item in given.items() if key in RunSettings.model_fields}
    trainer = {key: _check_trainer_value(key, item) for key, item in given.items() if key not in own}
    return Settings(_check_own_values(own), trainer, preset)


def _parse_assignment(text: str) -> tuple[str, _Given]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise GpgError(f"--set {text!r} is not of the form key=value", "For example: --set learning_rate=1e-6")
    try:
        return key.strip(), _Given(yaml.safe_load(value), f"--set {key.strip()}")
    except (yaml.YAMLError, ValueError) as error:
        raise GpgError(f"--set {text!r}: the value is not valid YAML", "Quote it: --set 'key=\"value\"'") from error


def _check_known(key: str, item: _Given) -> None:
    if key in _OUTSIDE_RECIPES:
        raise GpgError(f"{item.where}: {key} is not a setting of a recipe", f"Use the option {_OUTSIDE_RECIPES[key]}.")
    known = RunSettings.model_fields.keys() | _TRAINER_FIELDS.keys()
    if key not in known:
        hint = did_you_mean(key, known) or "`gpg presets open-rs1` shows a recipe; all keys of TRL's GRPOConfig work. "
        raise GpgError(f"{item.where}: unknown setting {key!r}", hint.strip())


def _check_own_values(own: dict[str, _Given]) -> RunSettings:
    try:
        return RunSettings(**{key: item.value for key, item in own.items()})
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0])
        if first["type"] == "missing":
            raise GpgError(f"the setting {key} is missing", f"Give it with --set {key}=...") from error
        raise _wrong_value(key, own[key], first["msg"]) from error


def _check_trainer_value(key: str, item: _Given) -> Any:
    field = _TRAINER_FIELDS[key]
    try:
        value = TypeAdapter(_TRAINER_TYPES[key]).validate_python(item.value)
    except ValidationError as error:
        raise _wrong_value(key, item, error.errors()[0]["msg"]) from error
    if isinstance(value, int | float) and not isinstance(value, bool):
        may_be_negative = isinstance(field.default, int | float) and field.default < 0
        if value != value or (value < 0 and not (may_be_negative and value == field.default)):
            raise _wrong_value(key, item, "Input should not be negative")
        if value == 0 and key in _POSITIVE:
            raise _wrong_value(key, item, "Input should be greater than 0")
    # Enumerations of transformers are given as text, so that the settings can be written back as YAML.
    return getattr(value, "value", value)


def _wrong_value(key: str, item: _Given, reason: str) -> GpgError:
    what = reason[0].lower() + reason[1:]
    return GpgError(f"{item.where}: {key} = {item.value!r} is refused: {what}", f"Give {key} another value.")
