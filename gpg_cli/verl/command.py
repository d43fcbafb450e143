"""`gpg train --print-verl`: a recipe as the command line of verl, and what of it verl cannot do."""

import dataclasses
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gpg_cli.errors import GpgError
from gpg_cli.verl.data import PLAIN_TEMPLATE
from gpg_cli.verl.mapping import REWARD_NAME, REWARD_PATH, UNMAPPED

if TYPE_CHECKING:
    from gpg_cli.training.settings import Settings

_ACTOR, _ROLLOUT, _MODEL = "actor_rollout_ref.actor", "actor_rollout_ref.rollout", "actor_rollout_ref.model"
_REWARD = "reward.custom_reward_function"
_DTYPES = {"float32": "fp32", "bfloat16": "bf16", "float16": "fp16"}
# "microbatch" differs from "token" by how much micro-batches differ in length.
_REDUCTIONS = {"token": "token-mean", "microbatch": "token-mean", "sequence": "seq-mean-token-mean"}
_LOSS_TYPES = {"grpo": "seq-mean-token-mean", "dr_grpo": "seq-mean-token-sum-norm"}
_PROMPT_TOKENS = 512


@dataclass(frozen=True)
class VerlCommand:
    """What to run.

    Attributes:
        data: the command that writes the data.
        overrides: of Hydra, key to value as it is written there.
        notes: a sentence for each thing that verl does otherwise.
    """

    data: list[str]
    overrides: dict[str, str]
    notes: list[str]

    @property
    def arguments(self) -> list[str]:
        """The command line."""
        return ["python3", "-m", "verl.trainer.main_ppo", *(f"{key}={value}" for key, value in self.overrides.items())]

    def text(self) -> str:
        """For a shell: the data, the command with an override a line, and the notes as comments."""
        start, *overrides = [shlex.join(self.arguments[:3]), *map(shlex.quote, self.arguments[3:])]
        lines = [shlex.join(self.data), "", " \\\n    ".join([start, *overrides]), ""]
        return "\n".join([*lines, *(f"# {note}" for note in self.notes)])


def verl_command(settings: "Settings", origin: Sequence[str], gpus: int, machines: int = 1) -> VerlCommand:
    """Translate checked settings; see mapping.py for the table.

    Args:
        origin: `--preset` and the other options that the settings came from.
        gpus: in all.

    Raises:
        GpgError: the model or the data are built in; or the completions of a step are no whole number of groups.
    """
    run = settings.run
    if run.model_name_or_path.startswith("builtin:") or run.dataset_name.startswith("builtin:"):
        raise GpgError(
            "the quickstart's model and problems are made by gpg itself, and verl cannot load them",
            "Choose another preset (`gpg presets`), or give --model and --dataset.",
        )
    value = _Values(settings)
    completions = value("per_device_train_batch_size") * value("gradient_accumulation_steps") * gpus
    prompts, rest = divmod(completions, value("num_generations"))
    if rest:
        raise GpgError(
            f"{completions} completions a step on {gpus} GPUs are no whole number of groups of "
            f"{value('num_generations')}",
            "Change the number of GPUs, or gradient_accumulation_steps with --set.",
        )
    overrides: dict[str, Any] = {
        **_objective(settings, value),
        **_data(settings, value, prompts),
        **_model(settings),
        **_optimiser(value, prompts),
        **_rollout(value),
        **_rewards(settings),
        **_trainer(value, gpus, machines),
    }
    return VerlCommand(
        ["gpg", "data", "verl", *origin, "--to", "train.parquet"],
        {key: _hydra(each) for key, each in overrides.items()},
        _notes(settings, value),
    )


class _Values:
    """A setting of the trainer: given, or TRL's default."""

    def __init__(self, settings: "Settings") -> None:
        from gpg_cli.training.config import GPGConfig

        self._given = settings.trainer
        self._defaults = {field.name: field.default for field in dataclasses.fields(GPGConfig)}

    def __call__(self, key: str) -> Any:
        given = self._given.get(key)
        return self._defaults.get(key) if given is None else given


def _objective(settings: "Settings", value: _Values) -> dict[str, Any]:
    gpg = settings.run.algorithm == "gpg"
    alpha = gpg and value("adjust_gd")
    beta = float(value("beta") or 0)
    reduction = _REDUCTIONS[value("loss_reduction")] if gpg else _LOSS_TYPES.get(value("loss_type"), "token-mean")
    made: dict[str, Any] = {"algorithm.adv_estimator": "gpg" if alpha else "grpo"}
    if not alpha:
        made["algorithm.norm_adv_by_std_in_grpo"] = value("scale_rewards") in ("group", "batch", True)
    made |= {
        "algorithm.use_kl_in_reward": False,
        f"{_ACTOR}.policy_loss.loss_mode": "gpg" if gpg else "vanilla",
        f"{_ACTOR}.loss_agg_mode": reduction,
        f"{_ACTOR}.use_kl_loss": beta > 0,
        f"{_ACTOR}.entropy_coeff": 0,
    }
    if beta > 0:
        made[f"{_ACTOR}.kl_loss_coef"] = beta
    if not gpg:
        low = float(value("epsilon"))
        made |= {f"{_ACTOR}.clip_ratio_low": low, f"{_ACTOR}.clip_ratio_high": float(value("epsilon_high") or low)}
    if value("vllm_importance_sampling_correction"):
        made["algorithm.rollout_correction.rollout_is"] = "token"
        if value("vllm_importance_sampling_clip_max") is not None:
            threshold = float(value("vllm_importance_sampling_clip_max"))
            made["algorithm.rollout_correction.rollout_is_threshold"] = threshold
    return made


def _data(settings: "Settings", value: _Values, prompts: int) -> dict[str, Any]:
    made = {
        "data.train_files": "train.parquet",
        # verl insists on a file; before_train and test_freq leave it alone.
        "data.val_files": "train.parquet",
        "data.train_batch_size": prompts,
        "data.max_prompt_length": settings.run.max_prompt_length or _PROMPT_TOKENS,
        "data.max_response_length": value("max_completion_length"),
        "data.filter_overlong_prompts": True,
        "data.truncation": "error",
        "data.seed": value("seed"),
    }
    if settings.run.image_column:
        made["data.image_key"] = "images"
    return made


def _model(settings: "Settings") -> dict[str, Any]:
    run = settings.run
    made: dict[str, Any] = {f"{_MODEL}.path": run.model_name_or_path, f"{_MODEL}.use_remove_padding": True}
    if run.dtype in _DTYPES:
        made[f"{_ACTOR}.fsdp_config.model_dtype"] = _DTYPES[run.dtype]
    if run.attn_implementation and run.attn_implementation != "flash_attention_2":
        made[f"+{_MODEL}.override_config.attn_implementation"] = run.attn_implementation
    template = run.chat_template if run.use_chat_template else PLAIN_TEMPLATE
    if template and (run.use_chat_template or not run.image_column):
        made[f"{_MODEL}.custom_chat_template"] = template
    if run.freeze_vision:
        made[f"{_ACTOR}.freeze_vision_tower"] = True
    if run.use_peft:
        made |= {f"{_MODEL}.lora_rank": run.lora_r, f"{_MODEL}.lora_alpha": run.lora_alpha}
        modules = run.lora_target_modules
        if modules == ["all-linear"] or modules is None:
            modules = "all-linear"
        made[f"{_MODEL}.target_modules"] = modules
    return made


def _optimiser(value: _Values, prompts: int) -> dict[str, Any]:
    optim = f"{_ACTOR}.optim"
    kind = str(value("lr_scheduler_type"))
    made: dict[str, Any] = {
        f"{_MODEL}.enable_gradient_checkpointing": bool(value("gradient_checkpointing")),
        f"{_ACTOR}.ppo_mini_batch_size": prompts,
        f"{_ACTOR}.ppo_epochs": 1,
        f"{_ACTOR}.ppo_micro_batch_size_per_gpu": value("per_device_train_batch_size"),
        f"{_ACTOR}.data_loader_seed": value("seed"),
        f"{_ACTOR}.grad_clip": float(value("max_grad_norm")),
        f"{optim}.clip_grad": float(value("max_grad_norm")),
        f"{optim}.lr": float(value("learning_rate")),
        f"{optim}.weight_decay": float(value("weight_decay")),
        f"{optim}.betas": [float(value("adam_beta1")), float(value("adam_beta2"))],
        f"{optim}.lr_scheduler_type": "cosine" if kind.startswith("cosine") else "constant",
    }
    if value("max_tokens_per_microbatch"):
        del made[f"{_ACTOR}.ppo_micro_batch_size_per_gpu"]
        made |= {
            f"{_ACTOR}.use_dynamic_bsz": True,
            f"{_ACTOR}.ppo_max_token_len_per_gpu": value("max_tokens_per_microbatch"),
        }
    warmup = float(value("warmup_steps") or 0)
    if 0 < warmup < 1:
        made[f"{optim}.lr_warmup_steps_ratio"] = warmup
    elif warmup and kind != "constant":
        made[f"{optim}.lr_warmup_steps"] = int(warmup)
    lowest = (value("lr_scheduler_kwargs") or {}).get("min_lr_rate") if value("lr_scheduler_kwargs") else None
    if lowest is not None:
        made[f"{optim}.min_lr_ratio"] = float(lowest)
    return made


def _rollout(value: _Values) -> dict[str, Any]:
    colocated = value("use_vllm") and value("vllm_mode") == "colocate"
    made = {
        f"{_ROLLOUT}.name": "vllm",
        f"{_ROLLOUT}.n": value("num_generations"),
        f"{_ROLLOUT}.temperature": float(value("temperature")),
        f"{_ROLLOUT}.top_p": float(value("top_p")),
        f"{_ROLLOUT}.top_k": value("top_k") or -1,
        f"{_ROLLOUT}.tensor_model_parallel_size": value("vllm_tensor_parallel_size") if colocated else 1,
        f"{_ROLLOUT}.gpu_memory_utilization": float(value("vllm_gpu_memory_utilization")) if colocated else 0.4,
        f"{_ROLLOUT}.free_cache_engine": True,
        f"{_ROLLOUT}.seed": value("seed"),
    }
    if not value("max_tokens_per_microbatch"):
        made[f"{_ROLLOUT}.log_prob_micro_batch_size_per_gpu"] = value("per_device_train_batch_size")
    return made


def _rewards(settings: "Settings") -> dict[str, Any]:
    from gpg_cli.rewards import RewardSettings, parameters_of

    run = settings.run
    made: dict[str, Any] = {
        f"{_REWARD}.path": REWARD_PATH,
        f"{_REWARD}.name": REWARD_NAME,
        f"+{_REWARD}.reward_kwargs.reward_funcs": list(run.reward_funcs),
    }
    if (weights := settings.trainer.get("reward_weights")) is not None:
        made[f"+{_REWARD}.reward_kwargs.reward_weights"] = [float(weight) for weight in weights]
    for key in sorted(parameters_of(run.reward_funcs) - {"cosine_in_tokens"}):
        if getattr(run, key) != getattr(RewardSettings, key):  # the class has its defaults
            made[f"+{_REWARD}.reward_kwargs.{key}"] = getattr(run, key)
    return made


def _trainer(value: _Values, gpus: int, machines: int) -> dict[str, Any]:
    made = {
        "trainer.n_gpus_per_node": gpus // machines,
        "trainer.nnodes": machines,
        "trainer.critic_warmup": 0,
        "trainer.val_before_train": False,
        "trainer.test_freq": -1,
        "trainer.logger": ["console"],
        "trainer.save_freq": int(value("save_steps")) if value("save_strategy") == "steps" else -1,
    }
    steps = int(value("max_steps") or -1)
    if steps > 0:
        return made | {"trainer.total_training_steps": steps}
    return made | {"trainer.total_epochs": max(1, round(float(value("num_train_epochs"))))}


def _notes(settings: "Settings", value: _Values) -> list[str]:
    """What of these settings verl does otherwise, by the table."""
    run = settings.run
    gpg = run.algorithm == "gpg"
    uses = {
        "adjust_gd": gpg and value("adjust_gd"),
        "min_inverse_alpha": gpg and value("min_inverse_alpha"),
        "sample_strategy": gpg and value("sample_strategy") != "uniform",
        "scale_rewards: batch": value("scale_rewards") == "batch",
        "lr_scheduler_type: linear": str(value("lr_scheduler_type")) == "linear",
        "cosine_in_tokens": run.cosine_in_tokens,
        "accelerate": run.accelerate not in ("ddp", "fsdp"),
        "min_pixels": run.min_pixels or run.max_pixels,
        "use_chat_template: false, with pictures": run.image_column and not run.use_chat_template,
        "eval_bench": run.eval_bench,
        "mask_truncated_completions": value("mask_truncated_completions"),
    }
    notes = [f"{', '.join(row.ours)}: {row.instead}." for row in UNMAPPED if uses.get(row.ours[0])]
    if gpg and value("adjust_gd"):
        notes.append("Without any alpha: algorithm.adv_estimator=grpo algorithm.norm_adv_by_std_in_grpo=False")
    elif gpg:
        notes.append(
            "alpha = 1 here: verl's grpo advantage with its gpg loss is that; its gpg advantage always has an alpha."
        )
    if gpg and value("loss_reduction") == "microbatch":
        notes.append("loss_reduction: microbatch is taken for token-mean, over the whole batch.")
    if value("save_strategy") == "epoch":
        notes.append("save_strategy: epoch: verl counts steps; set trainer.save_freq.")
    notes.append("gpg-cli must be installed beside verl on every node: the rewards are gpg's own.")
    return notes


def _hydra(value: Any) -> str:
    """A value as Hydra's grammar reads it; texts are quoted where they must be."""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_hydra, value)) + "]"
    if not isinstance(value, str):
        return repr(value)
    # What Hydra 1.3 reads as one word without quotes (its grammar's ID, and some signs).
    if value and all(sign.isalnum() or sign in "_-./" for sign in value) and value[0] not in "-.":
        return value
    # Only quotes are escaped, and backslashes before one.
    escaped = re.sub(r'(\\*)("|$)', lambda found: found[1] * 2 + ('\\"' if found[2] else ""), value)
    return f'"{escaped}"'
