"""The settings of one run: a preset, a recipe file, `--set` and options, laid over each other and checked.

Recipes are flat YAML in the style of open-r1 and TRL: the keys of `RunSettings` (model, data, rewards) and those of
`GPGConfig` (the trainer's) side by side. Nothing is loaded before every key and value is known to be right.
"""

import dataclasses
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from gpg_cli.catalog import find_preset
from gpg_cli.errors import GpgError
from gpg_cli.recipe_file import read_layers
from gpg_cli.rewards import RewardSettings, parameters_of
from gpg_cli.secrets import refuse_secret
from gpg_cli.training.config import BaselineConfig, GPGConfig, TrainerConfig
from gpg_cli.training.recipes import Foreign, chat_template_text, meant_then, read_foreign, translate
from gpg_cli.trust import REMOTE_CODE
from gpg_cli.yaml_file import YamlMapping, did_you_mean, read_yaml_value

# In a prompt template, what the problem replaces.
PROBLEM = "{problem}"


class RunSettings(BaseModel, RewardSettings, frozen=True):
    """What a run needs besides the trainer's settings: the model, the data, the rewards and their parameters."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, protected_namespaces=())

    description: str = ""
    # For the list of presets: no part of a run, so neither written down nor compared.
    gpus: str | None = Field(default=None, exclude=True)
    published_average: float | None = Field(default=None, ge=0, le=100, exclude=True)
    # What the end of a run suggests to measure its model with, where `eval_bench` names nothing.
    measured_by: str = Field(default="math500", exclude=True)
    model_name_or_path: str
    model_revision: str | None = None
    # float32 holds the master weights; mixed precision is the trainer's `bf16`. AdamW on bfloat16 weights alone loses
    # updates of 1e-6 to rounding.
    dtype: Literal["float32", "bfloat16", "float16", "auto"] = "float32"
    attn_implementation: str | None = None
    dataset_name: str
    dataset_config: str | None = None
    dataset_split: str = "train"
    dataset_revision: str | None = None
    # Only the first rows of the split.
    dataset_rows: int | None = Field(default=None, ge=1)
    problem_column: str | None = None
    answer_column: str | None = None
    solution_column: str | None = None
    # Of data with pictures: the column that holds them, what to do with rows whose picture cannot be used, and how many
    # pixels of one the model is shown (None leaves that to its processor).
    image_column: str | None = None
    faulty_pictures: Literal["error", "skip"] = "error"
    min_pixels: int | None = Field(default=None, ge=1)
    max_pixels: int | None = Field(default=None, ge=1)
    # Train only the language model, or only the vision tower, of a vision-language model.
    freeze_vision: bool = False
    freeze_llm: bool = False
    system_prompt: str | None = None
    # What is put around each problem: a text with {problem} in it.
    prompt_template: str | None = None
    use_chat_template: bool = True
    # Instead of the tokenizer's: the template, or the path of a .jinja file, which is read at once.
    chat_template: str | None = None
    max_prompt_length: int | None = Field(default=None, ge=1)
    # Leave out problems that a benchmark has too; `bench_data` names files that stand in for a benchmark's data.
    decontaminate: bool = False
    bench_data: dict[str, str] | None = None
    reward_funcs: list[str] = Field(min_length=1)
    # A benchmark to measure before and after; while training too, every so many steps, on its first so many problems.
    eval_bench: str | None = None
    eval_every: int | None = Field(default=None, ge=1)
    eval_limit: int | None = Field(default=None, ge=1)
    # Which objective: GPG, or one of TRL's own for comparison.
    algorithm: Literal["gpg", "grpo", "dr_grpo", "dapo"] = "gpg"
    # How several processes share the work; see gpg_cli/training/parallel.
    accelerate: Literal["ddp", "zero2", "zero3", "fsdp"] = "ddp"
    # LoRA, by the names of TRL's ModelConfig.
    use_peft: bool = False
    lora_r: int = Field(default=16, ge=1)
    lora_alpha: int = Field(default=32, ge=1)
    lora_dropout: float = Field(default=0.05, ge=0, le=1)
    lora_target_modules: list[str] | str | None = None
    lora_modules_to_save: list[str] | None = None
    use_rslora: bool = False
    use_dora: bool = False

    @field_validator("prompt_template")
    @classmethod
    def _holds_the_problem(cls, value: str | None) -> str | None:
        if value is not None and PROBLEM not in value:
            raise ValueError(f"it lacks {PROBLEM}, in whose place the problem is put")
        return value


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
# numpy's largest seed; no other number of a training comes near it.
_LARGEST = 2**32 - 1
# Gradients that are not clipped.
_MAY_BE_INFINITE = {"max_grad_norm"}
# Of a value that is refused, so many characters are shown.
_SHOWN = 200
_MAY_BE_NO = {"save_strategy", "eval_strategy", "logging_strategy"}
# What an algorithm of TRL means by its name: the formula, its F, its KL term, its clipping. GRPO as the paper compares
# with it (DeepSeekMath's beta), Dr. GRPO of arXiv 2503.20783, DAPO of arXiv 2503.14476 (without its own resampling).
_ALGORITHMS: dict[str, dict[str, Any]] = {
    "gpg": {},
    "grpo": {"loss_type": "grpo", "scale_rewards": "group", "beta": 0.04, "epsilon": 0.2},
    "dr_grpo": {"loss_type": "dr_grpo", "scale_rewards": "none", "beta": 0.0, "epsilon": 0.2},
    "dapo": {"loss_type": "dapo", "scale_rewards": "group", "beta": 0.0, "epsilon": 0.2, "epsilon_high": 0.28},
}
_TRAINER_FIELDS = {field.name: field for field in dataclasses.fields(GPGConfig) if field.init}
_TRAINER_TYPES = typing.get_type_hints(GPGConfig)
# What a reader of run.json must know to call the method by its name.
OBJECTIVE = ("scale_rewards", "adjust_gd", "alpha_by", "loss_reduction", "inverse_alpha_floor", "min_inverse_alpha")
_BASELINE_FIELDS = {field.name for field in dataclasses.fields(BaselineConfig)}


@dataclass(frozen=True)
class Settings:
    """Everything one run is a function of.

    Attributes:
        run: model, data and rewards.
        trainer: keyword arguments of `GPGConfig` that were set, without `output_dir`.
        preset: the preset's name, where one was named.
        output_dir: the run folder that a recipe names.
        foreign: whether the recipe was written for another project.
        notes: a sentence for each thing of a recipe that is not done as it was written.
        places: key to where it was given.
    """

    run: RunSettings
    trainer: dict[str, Any]
    preset: str | None
    output_dir: Path | None = None
    foreign: bool = False
    notes: tuple[str, ...] = ()
    places: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Flat, as a recipe has it: what was set, and what defines the objective even where it was not."""
        defaults = RunSettings.model_fields
        of_rewards = {field.name for field in dataclasses.fields(RewardSettings)}
        values = self.run.model_dump(exclude=of_rewards) | self.run.model_dump(
            include=parameters_of(self.run.reward_funcs) | (self.run.model_fields_set & of_rewards)
        )
        own = {
            key: value
            for key, value in values.items()
            if value is not None and not (key.startswith(("lora_", "use_")) and value == defaults[key].default)
        }
        objective = {key: _TRAINER_FIELDS[key].default for key in OBJECTIVE if self.run.algorithm == "gpg"}
        return own | objective | self.trainer

    def to_yaml(self) -> str:
        """The same as YAML that `--config` reads back."""
        return yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True, width=110)

    def trainer_config(self, output_dir: Path, processes_to_start: int = 1, **more: Any) -> TrainerConfig:
        """The trainer's configuration, checked as a whole.

        Args:
            output_dir: the run folder.
            processes_to_start: where this process will only start others: how many, so that the batch is theirs.
            more: arguments that are no settings of a recipe.

        Raises:
            GpgError: values that do not go together (a batch that num_generations does not divide, say).
        """
        given = self.trainer | more
        if processes_to_start > 1:
            rows = given.get("per_device_train_batch_size", _TRAINER_FIELDS["per_device_train_batch_size"].default)
            given["per_device_train_batch_size"] = rows * processes_to_start
        try:
            if self.run.algorithm == "gpg":
                return GPGConfig(output_dir=str(output_dir), **given)
            return BaselineConfig(output_dir=str(output_dir), **given)
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
    base: dict[str, Any] | None = None,
    base_preset: str | None = None,
) -> Settings:
    """Lay preset < recipe file < `--set` < options over each other and check every value.

    Args:
        preset: name of a preset.
        config: a recipe file.
        assignments: `key=value` texts; the value is read as YAML.
        options: key to (name of the option, value), for the options that stand for a key.
        base: settings below all others: those of a run that goes on.
        base_preset: the preset which that run was started with.

    Raises:
        GpgError: an unknown key (with file, line and the nearest names), a value of the wrong type or out of range, a
            key that is missing, no preset and no recipe.
    """
    if preset is None and config is None and base is None:
        raise GpgError("nothing to train: no preset and no recipe", "Try `gpg train --preset quickstart`.")
    layers: list[dict[str, _Given]] = [{key: _Given(value, "run.json") for key, value in (base or {}).items()}]
    # What a recipe builds on stands below it, as a preset does.
    *bases, recipe_file = read_layers(config) if config else [None]
    below = [*(read_layers(find_preset(preset)) if preset else []), *filter(None, bases)]
    layers += [{key: _Given(value, each.where(key)) for key, value in each.values.items()} for each in below]
    assigned, notes = _translated(dict(_parse_assignment(text) for text in assignments or []), "the command line")
    above = [assigned, {key: _Given(value, option) for key, (option, value) in (options or {}).items()}]
    foreign = None
    if recipe_file:
        recipe, foreign, recipe_notes = _read_recipe(recipe_file, above, alone=not below)
        layers.append(recipe)
        notes = [*recipe_notes, *notes]
    given = _lay_over_each_other([*layers, *above])
    if foreign and not below:
        algorithm = given["algorithm"].value if "algorithm" in given else "gpg"
        meant, note = meant_then({key: item.value for key, item in given.items()}, foreign, str(config), algorithm)
        given |= {key: _Given(value, str(config)) for key, value in meant.items()}
        notes += [note] if note else []
    _refuse_trust(given)
    output_dir = given.pop("output_dir", None)
    for key, item in given.items():
        _check_known(key, item)
        refuse_secret(item.where, key, item.value)
    own = {key: item for key, item in given.items() if key in RunSettings.model_fields}
    trainer = {key: _check_trainer_value(key, item) for key, item in given.items() if key not in own}
    run = _check_own_values(own)
    if run.chat_template is not None:
        text = chat_template_text(run.chat_template, own["chat_template"].where)
        run = run.model_copy(update={"chat_template": text})
    if run.algorithm != "gpg":
        # A preset's settings of GPG mean nothing to TRL's objectives, and would only look as if they did.
        trainer = {key: value for key, value in trainer.items() if key in _BASELINE_FIELDS}
    return Settings(
        run,
        trainer,
        preset or base_preset,
        output_dir=Path(str(output_dir.value)) if output_dir and output_dir.value else None,
        foreign=foreign is not None,
        notes=tuple(notes),
        places={key: item.where for key, item in given.items()},
    )


def setting_types() -> dict[str, Any]:
    """The type of every setting of a recipe, by key."""
    own = {key: field.annotation for key, field in RunSettings.model_fields.items()}
    return {key: _TRAINER_TYPES[key] for key in _TRAINER_FIELDS} | own


def _translated(layer: dict[str, _Given], source: str) -> tuple[dict[str, _Given], list[str]]:
    """A layer under the names of today."""
    values = {key: item.value for key, item in layer.items()}
    done = translate(values, source, lambda key: layer[key].where, RunSettings.model_fields)
    places = {key: layer[done.origin.get(key, key)].where for key in done.values}
    return {key: _Given(value, places[key]) for key, value in done.values.items()}, list(done.notes)


def _read_recipe(
    mapping: YamlMapping, above: list[dict[str, _Given]], *, alone: bool
) -> tuple[dict[str, _Given], Foreign | None, list[str]]:
    """A recipe file as a layer, with what is to be said about it.

    Args:
        mapping: the file.
        above: the layers that are laid over it.
        alone: whether there is no preset below.
    """
    path = mapping.path
    recipe = translate(mapping.values, str(path), mapping.where, RunSettings.model_fields)
    named = next((layer["algorithm"] for layer in reversed(above) if "algorithm" in layer), None)
    algorithm = str(named.value) if named else "gpg"
    foreign = read_foreign(recipe, path, mapping.values, algorithm, named=named is not None, alone=alone)
    values = foreign.values if foreign else recipe.values
    layer = {key: _Given(value, mapping.where(recipe.origin.get(key, key))) for key, value in values.items()}
    if foreign and named and algorithm == "grpo":
        # Its objective is GRPO's already, so what that means here goes below it and not over it.
        layer["algorithm"] = named
        for upper in above:
            upper.pop("algorithm", None)
    return layer, foreign, [*recipe.notes, *(foreign.notes if foreign else ())]


def _lay_over_each_other(layers: list[dict[str, _Given]]) -> dict[str, _Given]:
    """Later layers win. Where one names an algorithm, its objective replaces what the layers below said of theirs."""
    given: dict[str, _Given] = {}
    for layer in layers:
        named = layer.get("algorithm")
        if named is not None and isinstance(named.value, str) and named.value in _ALGORITHMS:
            given |= {key: _Given(value, named.where) for key, value in _ALGORITHMS[named.value].items()}
        given |= layer
    return given


def _parse_assignment(text: str) -> tuple[str, _Given]:
    """`key=value` of --set, or `--key=value` of TRL's style."""
    option, equals, value = text.partition("=")
    key = option.strip().removeprefix("--")
    if not equals or not key:
        raise GpgError(f"--set {text!r} is not of the form key=value", "For example: --set learning_rate=1e-6")
    where = f"--{key}" if option.startswith("--") else f"--set {key}"
    try:
        return key, _Given(read_yaml_value(value), where)
    except ValueError as error:
        raise GpgError(f"{where}: {_shown(value)} is not valid YAML", f"Quote it: {where}='\"value\"'") from error


def _refuse_trust(given: dict[str, _Given]) -> None:
    """No setting lets a model run its own code, whoever wrote it: recipes and run folders come from strangers too."""
    wish = given.pop("trust_remote_code", None)
    if wish is not None and wish.value not in (False, None):
        raise GpgError(
            f"{wish.where}: trust_remote_code is no setting: it would run code that comes with the model",
            f"Leave it out; if you have read and trust that code, pass the option {REMOTE_CODE}.",
        )


def _check_known(key: str, item: _Given) -> None:
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
    # YAML reads `no` without quotes as false.
    given = "no" if item.value is False and key in _MAY_BE_NO else item.value
    try:
        value = TypeAdapter(_TRAINER_TYPES[key]).validate_python(given)
    except ValidationError as error:
        raise _wrong_value(key, item, error.errors()[0]["msg"]) from error
    if dataclasses.is_dataclass(value):  # it could not be written down again
        raise _wrong_value(key, item, f"A {type(value).__name__} is nothing that a recipe can hold")
    if isinstance(value, int | float) and not isinstance(value, bool):
        may_be_negative = isinstance(field.default, int | float) and field.default < 0
        if value != value or (value < 0 and not (may_be_negative and value == field.default)):
            raise _wrong_value(key, item, "Input should not be negative")
        if value == 0 and key in _POSITIVE:
            raise _wrong_value(key, item, "Input should be greater than 0")
        if value > _LARGEST and key not in _MAY_BE_INFINITE:
            raise _wrong_value(key, item, f"Input should be at most {_LARGEST}")
    # Enumerations of transformers are given as text, so that the settings can be written back as YAML.
    return getattr(value, "value", value)


def _wrong_value(key: str, item: _Given, reason: str) -> GpgError:
    what = reason[0].lower() + reason[1:]
    return GpgError(f"{item.where}: {key} = {_shown(item.value)} is refused: {what}", f"Give {key} another value.")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
