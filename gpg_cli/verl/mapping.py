"""Which setting of ours is which of verl's: one table, from which both the command and docs/verl.md are made.

Read in verl 0.9.1 (verl/trainer/config/_generated_ppo_trainer.yaml, verl/trainer/ppo/core_algos.py).
"""

from dataclasses import dataclass

VERL_VERSION = "0.9.1"


@dataclass(frozen=True)
class Mapped:
    """A row of the table.

    Attributes:
        ours: keys of a recipe.
        theirs: keys of verl's configuration.
        how: what there is to say about it.
    """

    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    how: str = "the same"


@dataclass(frozen=True)
class Unmapped:
    """A setting that verl has nothing for.

    Attributes:
        ours: keys of a recipe.
        instead: what verl does.
    """

    ours: tuple[str, ...]
    instead: str


_ACTOR, _ROLLOUT, _MODEL = "actor_rollout_ref.actor", "actor_rollout_ref.rollout", "actor_rollout_ref.model"

MAPPED = (
    Mapped(("model_name_or_path",), (f"{_MODEL}.path",)),
    Mapped(("dtype",), (f"{_ACTOR}.fsdp_config.model_dtype",), "fp32 or bf16: the weights that the optimiser moves"),
    Mapped(
        ("attn_implementation",),
        (f"+{_MODEL}.override_config.attn_implementation",),
        "verl's own default is flash_attention_2",
    ),
    Mapped(("gradient_checkpointing",), (f"{_MODEL}.enable_gradient_checkpointing",)),
    Mapped(
        ("use_peft", "lora_r", "lora_alpha", "lora_target_modules"),
        (f"{_MODEL}.lora_rank", f"{_MODEL}.lora_alpha", f"{_MODEL}.target_modules"),
        "where use_peft is on; lora_dropout has no counterpart",
    ),
    Mapped(
        ("use_chat_template", "chat_template"),
        (f"{_MODEL}.custom_chat_template",),
        "without a chat template: one that writes the contents of the messages and nothing else",
    ),
    Mapped(("freeze_vision",), (f"{_ACTOR}.freeze_vision_tower",)),
    Mapped(
        ("dataset_name", "system_prompt", "prompt_template"),
        ("data.train_files", "data.val_files", "data.image_key"),
        "`gpg data verl` writes the file, prompts included",
    ),
    Mapped(
        ("max_prompt_length",),
        ("data.max_prompt_length", "data.filter_overlong_prompts", "data.truncation"),
        "longer prompts are left out, never cut",
    ),
    Mapped(("max_completion_length",), ("data.max_response_length",)),
    Mapped(("num_generations",), (f"{_ROLLOUT}.n",)),
    Mapped(
        ("per_device_train_batch_size", "gradient_accumulation_steps"),
        ("data.train_batch_size", f"{_ACTOR}.ppo_mini_batch_size", f"{_ACTOR}.ppo_epochs"),
        "verl counts prompts, ours completions; one optimiser step a batch",
    ),
    Mapped(
        ("per_device_train_batch_size",),
        (f"{_ACTOR}.ppo_micro_batch_size_per_gpu", f"{_ROLLOUT}.log_prob_micro_batch_size_per_gpu"),
        "a limit of memory alone",
    ),
    Mapped(
        ("max_tokens_per_microbatch",),
        (f"{_ACTOR}.use_dynamic_bsz", f"{_ACTOR}.ppo_max_token_len_per_gpu"),
        "verl wants room for the longest row",
    ),
    Mapped(("learning_rate",), (f"{_ACTOR}.optim.lr",)),
    Mapped(("weight_decay",), (f"{_ACTOR}.optim.weight_decay",)),
    Mapped(("adam_beta1", "adam_beta2"), (f"{_ACTOR}.optim.betas",)),
    Mapped(("max_grad_norm",), (f"{_ACTOR}.optim.clip_grad", f"{_ACTOR}.grad_clip")),
    Mapped(
        ("lr_scheduler_type", "lr_scheduler_kwargs", "warmup_steps"),
        (
            f"{_ACTOR}.optim.lr_scheduler_type",
            f"{_ACTOR}.optim.min_lr_ratio",
            f"{_ACTOR}.optim.lr_warmup_steps",
            f"{_ACTOR}.optim.lr_warmup_steps_ratio",
        ),
        "verl has constant and cosine, both with warmup",
    ),
    Mapped(
        ("temperature", "top_p", "top_k"),
        (f"{_ROLLOUT}.temperature", f"{_ROLLOUT}.top_p", f"{_ROLLOUT}.top_k"),
        "top_k: 0 is -1 there",
    ),
    Mapped(
        ("scale_rewards", "adjust_gd"),
        ("algorithm.adv_estimator", "algorithm.norm_adv_by_std_in_grpo"),
        "with adjust_gd: gpg, whose alpha is another one (see below); without: grpo's advantage, which is F = 1 or F = "
        "std of the group exactly",
    ),
    Mapped(("algorithm",), (f"{_ACTOR}.policy_loss.loss_mode",), "gpg: no ratio, no clipping; vanilla for the others"),
    Mapped(("epsilon", "epsilon_high"), (f"{_ACTOR}.clip_ratio_low", f"{_ACTOR}.clip_ratio_high"), "of the others"),
    Mapped(
        ("loss_reduction", "loss_type"),
        (f"{_ACTOR}.loss_agg_mode",),
        "token: token-mean; sequence: seq-mean-token-mean; microbatch: token-mean, which is near",
    ),
    Mapped(
        ("beta",),
        (f"{_ACTOR}.use_kl_loss", f"{_ACTOR}.kl_loss_coef", "algorithm.use_kl_in_reward", f"{_ACTOR}.entropy_coeff"),
        "off in GPG",
    ),
    Mapped(
        ("vllm_importance_sampling_correction",),
        ("algorithm.rollout_correction.rollout_is", "algorithm.rollout_correction.rollout_is_threshold"),
        "weights of tokens, cut off above",
    ),
    Mapped(
        ("use_vllm", "vllm_gpu_memory_utilization", "vllm_tensor_parallel_size", "vllm_enable_sleep_mode"),
        (
            f"{_ROLLOUT}.name",
            f"{_ROLLOUT}.gpu_memory_utilization",
            f"{_ROLLOUT}.tensor_model_parallel_size",
            f"{_ROLLOUT}.free_cache_engine",
        ),
        "verl always samples with an engine, which shares the GPUs",
    ),
    Mapped(
        ("reward_funcs", "reward_weights"),
        (
            "reward.custom_reward_function.path",
            "reward.custom_reward_function.name",
            "+reward.custom_reward_function.reward_kwargs",
        ),
        "our rewards themselves: gpg_cli.verl.reward",
    ),
    Mapped(("max_steps", "num_train_epochs"), ("trainer.total_training_steps", "trainer.total_epochs")),
    Mapped(("save_steps",), ("trainer.save_freq",), "steps; -1 is never"),
    Mapped(("seed",), ("data.seed", f"{_ACTOR}.data_loader_seed", f"{_ROLLOUT}.seed")),
    Mapped(("report_to",), ("trainer.logger",), "the console; add wandb, tensorboard, ..."),
    Mapped(("--num-processes", "--num-machines"), ("trainer.n_gpus_per_node", "trainer.nnodes")),
)

UNMAPPED = (
    Unmapped(
        ("adjust_gd", "alpha_by", "inverse_alpha_floor"),
        "the gpg estimator multiplies by (completions of the batch) / (completions with a reward other than 0), not by "
        "B / (B - M) over groups with signal: with rewards of 0 and 1 that is 1 / accuracy",
    ),
    Unmapped(
        ("min_inverse_alpha", "max_resample_rounds"),
        "no threshold; nearest is algorithm.filter_groups, by which DAPO's trainer keeps groups with signal alone",
    ),
    Unmapped(("sample_strategy",), "prompts are drawn in shuffled order, each as often as the others"),
    Unmapped(("scale_rewards: batch",), "no standard deviation of the whole batch in either estimator"),
    Unmapped(("lr_scheduler_type: linear",), "constant or cosine only"),
    Unmapped(("cosine_in_tokens",), "a reward function is given the text, not the tokens: lengths are in characters"),
    Unmapped(("accelerate",), "FSDP in every case (or Megatron: another configuration)"),
    Unmapped(
        ("use_chat_template: false, with pictures",),
        "a picture's place is written by a chat template, so the model's own is used",
    ),
    Unmapped(("min_pixels", "max_pixels"), "the processor's own limits, or sizes given in the data"),
    Unmapped(("eval_bench", "eval_every", "eval_limit"), "trainer.test_freq on data.val_files, with the same reward"),
    Unmapped(("mask_truncated_completions",), "completions that were cut off count like the others"),
    Unmapped(("max_failed_rewards", "reward_timeout", "max_nonfinite_steps"), "nothing of the kind"),
)

REWARD_PATH = "pkg://gpg_cli.verl.reward"
REWARD_NAME = "compute_score"


def as_markdown() -> str:
    """The two tables, for docs/verl.md."""

    def cell(keys: tuple[str, ...]) -> str:
        return ", ".join(f"`{key}`" for key in keys)

    lines = [f"| gpg | verl {VERL_VERSION} | |", "|---|---|---|"]
    lines += [f"| {cell(row.ours)} | {cell(row.theirs)} | {row.how} |" for row in MAPPED]
    lines += ["", "What does not map:", "", "| gpg | what verl does instead |", "|---|---|"]
    lines += [f"| {cell(row.ours)} | {row.instead} |" for row in UNMAPPED]
    return "\n".join(lines) + "\n"
