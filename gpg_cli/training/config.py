"""The settings of the trainer: TRL's, with what GPG adds and without what GPG has not."""

from dataclasses import dataclass, field
from typing import Any, Literal

from trl import GRPOConfig

# Settings of TRL that would change a GRPO loss and have no meaning in GPG, with the value that leaves them off.
_NOT_IN_GPG: dict[str, Any] = {
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
class GPGConfig(GRPOConfig):
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
    inverse_alpha_floor: float = field(
        default=0.0, metadata={"help": "Never take 1 / alpha below this (upstream before May 2025: 0.05)."}
    )
    min_inverse_alpha: float = field(
        default=0.0, metadata={"help": "Sample further prompts until this share of the groups has signal; 0 never."}
    )
    loss_reduction: Literal["token", "sequence"] = field(
        default="token",
        metadata={"help": "token: mean over all completion tokens of a step; sequence: within completions first."},
    )
    # One line of metrics a step is what every other part of the program reads.
    logging_steps: float = field(default=1, metadata={"help": "Log every so many steps."})
    report_to: str | list[str] = field(
        default="none", metadata={"help": "Trackers to report to: tensorboard, wandb, trackio, none."}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, off in _NOT_IN_GPG.items():
            if getattr(self, name) != off:
                raise ValueError(f"{name} belongs to GRPO and has no meaning in GPG: leave it at {off!r}")
        if self.scale_rewards not in ("none", "group", "batch"):
            raise ValueError(f"scale_rewards must be none, group or batch, not {self.scale_rewards!r}")
        if self.loss_reduction not in ("token", "sequence"):
            raise ValueError(f"loss_reduction must be token or sequence, not {self.loss_reduction!r}")
        for name in ("inverse_alpha_floor", "min_inverse_alpha"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie between 0 and 1, not {getattr(self, name)}")
        if self.min_inverse_alpha > 0:
            # Refused rather than ignored: a run that silently trains without its threshold would be another method.
            raise ValueError("min_inverse_alpha above 0 (resampling) is not supported by this version: set it to 0")
