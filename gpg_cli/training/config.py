"""The settings of the trainers: TRL's, with what GPG adds and without what GPG has not."""

from dataclasses import dataclass, field
from typing import Any, Literal

from trl import GRPOConfig

# Settings of TRL that would change a GRPO loss and have no meaning in GPG, with the value that leaves them off.
NOT_IN_GPG: dict[str, Any] = {
    "beta": 0.0,
    "num_iterations": 1,
    "delta": None,
    "top_entropy_quantile": 1.0,
    "entropy_coef": 0.0,
    "use_adaptive_entropy": False,
    "off_policy_mask_threshold": None,
    "multi_objective_aggregation": "sum_then_normalize",
    "importance_sampling_level": "token",
}


@dataclass
class TrainerConfig(GRPOConfig):
    """Settings of every trainer of ours, whatever its objective.

    Raises:
        ValueError: a setting is outside its range.
    """

    reward_timeout: float = field(
        default=300.0, metadata={"help": "Seconds a reward function may take for the completions of a step."}
    )
    max_failed_rewards: float = field(
        default=0.5, metadata={"help": "Share of a step's completions whose reward may fail before the run ends."}
    )
    max_nonfinite_steps: int = field(
        default=10, metadata={"help": "Steps in a row with a NaN or infinite loss or gradient before the run ends."}
    )
    keep_completions: int = field(
        default=4,
        metadata={"help": "Completions of each step that are kept, chosen at random, for `gpg report`; 0 keeps none."},
    )
    # One line of metrics a step is what every other part of the program reads.
    logging_steps: float = field(default=1, metadata={"help": "Every step is logged, whatever is given here."})
    report_to: str | list[str] = field(
        default="none", metadata={"help": "Trackers to report to: tensorboard, wandb, trackio, none."}
    )
    # transformers replaces a NaN loss in its log by an average of earlier ones, which hides what must be seen.
    logging_nan_inf_filter: bool = field(default=False, metadata={"help": "Leave it off: NaN must be seen."})

    def __post_init__(self) -> None:
        self.logging_steps, self.logging_nan_inf_filter = 1, False
        if self.num_generations is not None and self.num_generations < 2:
            raise ValueError(
                f"num_generations must be at least 2, not {self.num_generations}: a completion is compared with the "
                "others of its prompt"
            )
        super().__post_init__()
        _require_between(self, "max_failed_rewards", 0, 1)
        if self.reward_timeout <= 0 or self.max_nonfinite_steps <= 0:
            raise ValueError("reward_timeout and max_nonfinite_steps must be above 0")

    @property
    def completions_per_step(self) -> int:
        """Completions of an optimiser step over all processes."""
        return self.per_device_train_batch_size * self.gradient_accumulation_steps * self.world_size


@dataclass
class GPGConfig(TrainerConfig):
    """Settings of `GPGTrainer`.

    The upstream repository holds three trainers of this name; each is a setting of this one:

    - open-rs (GPG-RS1, GPG-RS3): `scale_rewards="group"`, `adjust_gd=False`.
    - open-r1 before May 2025: `scale_rewards="none"`, `adjust_gd=True`, `inverse_alpha_floor=0.05`.
    - open-r1 since: the same with `min_inverse_alpha` above 0 (further prompts are sampled until that share of the
      groups has signal).

    `scale_rewards` is F of the paper: "none" is 1, "group" and "batch" are standard deviations.

    Raises:
        ValueError: a setting is outside its range, or belongs to GRPO and has no meaning here.
    """

    scale_rewards: Literal["none", "group", "batch"] | bool = field(
        default="none", metadata={"help": "F of the paper: none (1), group or batch (standard deviation)."}
    )
    adjust_gd: bool = field(
        default=True,
        metadata={"help": "Multiply the loss by alpha = B / (B - M), which undoes what M dead groups take from it."},
    )
    alpha_by: Literal["groups", "tokens"] = field(
        default="groups",
        metadata={"help": "groups: alpha as published; tokens: live tokens are what the loss is divided by (exact)."},
    )
    inverse_alpha_floor: float = field(
        default=0.0, metadata={"help": "Never take 1 / alpha below this (upstream before May 2025: 0.05)."}
    )
    min_inverse_alpha: float = field(
        default=0.0, metadata={"help": "Sample further prompts until this share of the groups has signal; 0 never."}
    )
    max_resample_rounds: int = field(
        default=20, metadata={"help": "Further rounds of sampling in a step at most; then it trains on what there is."}
    )
    sample_strategy: Literal["uniform", "hard", "soft", "medium"] = field(
        default="uniform", metadata={"help": "How often prompts come again: by the share of right answers they got."}
    )
    loss_reduction: Literal["token", "sequence", "microbatch"] = field(
        default="token",
        metadata={
            "help": "token: mean over all completion tokens of a step; sequence: within completions first; microbatch: "
            "within each per_device_train_batch_size completions first, as upstream's text trainer did."
        },
    )
    max_tokens_per_microbatch: int | None = field(
        default=None,
        metadata={"help": "Tokens of a micro-batch at most; replaces per_device_train_batch_size as its limit."},
    )
    temper_log_probs: bool = field(
        default=True,
        metadata={"help": "Take log-probabilities of the distribution sampled from (logits / temperature)."},
    )
    log_entropy: bool = field(default=False, metadata={"help": "Compute and log the entropy of the policy."})
    max_sampling_difference: float = field(
        default=0.2,
        metadata={"help": "Mean difference of log-probabilities between vLLM and the trainer that ends a run."},
    )
    # TRL's default masks whole sequences; this truncates the weight of each token.
    vllm_importance_sampling_mode: str = field(
        default="token_truncate",
        metadata={"help": "token_truncate, token_mask, sequence_truncate or sequence_mask."},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, off in NOT_IN_GPG.items():
            if getattr(self, name) != off:
                raise ValueError(
                    f"{name} belongs to GRPO and has no meaning in GPG: leave it at {off!r}, or take --algorithm grpo"
                )
        for name in _CHOICES:
            if getattr(self, name) not in _CHOICES[name]:
                raise ValueError(f"{name} must be {', '.join(_CHOICES[name])}, not {getattr(self, name)!r}")
        for name in ("inverse_alpha_floor", "min_inverse_alpha"):
            _require_between(self, name, 0, 1)
        if self.gradient_accumulation_steps % self.steps_per_generation:
            raise ValueError(
                "steps_per_generation must divide gradient_accumulation_steps: GPG has no importance ratio, so every "
                "optimiser step samples anew"
            )


@dataclass
class BaselineConfig(TrainerConfig):
    """Settings of TRL's own objectives (GRPO, Dr. GRPO, DAPO), for comparison."""


_CHOICES = {
    "scale_rewards": ("none", "group", "batch"),
    "alpha_by": ("groups", "tokens"),
    "sample_strategy": ("uniform", "hard", "soft", "medium"),
    "loss_reduction": ("token", "sequence", "microbatch"),
    "vllm_importance_sampling_mode": ("token_truncate", "token_mask", "sequence_truncate", "sequence_mask"),
}


def _require_between(config: TrainerConfig, name: str, low: float, high: float) -> None:
    if not low <= getattr(config, name) <= high:
        raise ValueError(f"{name} must lie between {low} and {high}, not {getattr(config, name)}")
