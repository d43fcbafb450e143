"""`GPGTrainer`: the objective joined to TRL's GRPOTrainer, which keeps everything else (rollouts, rewards, saving).

Three methods are overridden, all of them private to TRL. They were read in TRL 1.16.0; tests/training/test_trainer.py
fails when their signatures change.
"""

from typing import Any, cast

import torch
from torch import Tensor
from trl import GRPOTrainer

from gpg_cli.training.config import GPGConfig
from gpg_cli.training.objective import RewardScale, gpg_loss, group_advantages, inverse_alpha, weighted_reward


class GPGTrainer(GRPOTrainer):
    """Group Policy Gradient on TRL's GRPOTrainer; takes the same arguments, with a `GPGConfig` as `args`."""

    args: GPGConfig
    _tag_names = ["trl", "gpg"]  # noqa: RUF012 (declared so in TRL)
    _name = "GPG"

    def _calculate_rewards(
        self, inputs: list[dict[str, Any]], prompts: list, completions: list, completion_ids_list: list[list[int]]
    ) -> Tensor:
        # TRL keeps the rewards in a local variable of _generate_and_score_completions; this is where they pass by,
        # gathered over all processes, shape (all completions, functions).
        self._rewards_per_function = super()._calculate_rewards(inputs, prompts, completions, completion_ids_list)
        return self._rewards_per_function

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """Let TRL sample and score, then replace its advantages and add what the loss needs.

        Adds `inverse_alpha` (scalar) and `num_completions` (scalar), both of the whole generation batch over all
        processes; TRL's `num_items_in_batch` is the same for tokens.
        """
        batch = super()._generate_and_score_completions(inputs)
        training = self.model.training
        rewards = weighted_reward(self._rewards_per_function, self.reward_weights.to(self._rewards_per_function.device))
        generations = self.num_generations if training else self.num_generations_eval
        groups = group_advantages(rewards, generations, cast(RewardScale, self.args.scale_rewards))
        share = inverse_alpha(groups.valid, self.args.inverse_alpha_floor) if self.args.adjust_gd else 1.0
        own = slice(self.accelerator.process_index * len(inputs), (self.accelerator.process_index + 1) * len(inputs))
        batch["advantages"] = groups.advantages[own]
        batch["inverse_alpha"] = torch.tensor(share)
        batch["num_completions"] = torch.tensor(float(rewards.numel()))
        metrics = self._metrics["train" if training else "eval"]
        metrics["groups/valid"].append(groups.valid.sum().item())
        metrics["groups/total"].append(groups.valid.numel())
        metrics["alpha"].append(1.0 / share)
        return batch

    def _compute_loss(self, model: torch.nn.Module, inputs: dict[str, Any]) -> Tensor:
        """The loss of one micro-batch, scaled so that micro-batches and processes add up to the step's gradient."""
        completion_mask = inputs["completion_mask"]
        mask = completion_mask * inputs["tool_mask"] if "tool_mask" in inputs else completion_mask
        log_probs, _, _ = self._get_per_token_logps_and_entropies(
            model,
            torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], dim=1),
            torch.cat([inputs["prompt_mask"], completion_mask], dim=1),
            completion_mask.size(1),
            **{name: inputs[name] for name in _MULTIMODAL_INPUTS if name in inputs},
        )
        total = inputs["num_items_in_batch" if self.args.loss_reduction == "token" else "num_completions"].clamp(min=1)
        if self.model.training:
            # The totals span a generation batch, of which one accumulation window may be a part.
            total = total * self.current_gradient_accumulation_steps / self.args.steps_per_generation
        return gpg_loss(
            log_probs,
            inputs["advantages"],
            mask,
            # Data-parallel training averages gradients over the processes; here they are to be summed.
            total=total / self.accelerator.num_processes,
            inverse_alpha=inputs["inverse_alpha"].item(),
            reduction=self.args.loss_reduction,
            token_weights=inputs.get("importance_sampling_ratio"),
        )

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: TRL would write a card for GRPO into the run folder; `gpg export` writes one that knows the run."""


# What _get_per_token_logps_and_entropies takes besides tokens (TRL 1.16.0).
_MULTIMODAL_INPUTS = (
    "pixel_values",
    "image_grid_thw",
    "num_images",
    "pixel_attention_mask",
    "spatial_shapes",
    "num_tiles",
    "image_sizes",
    "token_type_ids",
    "mm_token_type_ids",
    "image_position_ids",
)
