"""`GPGTrainer`: sample until enough groups carry signal, then one optimiser step on what has a gradient.

It joins rollout.py, objective.py and batching.py to TRL, which keeps models, engines, tokenizers and logging. Each
`training_step` is one whole optimiser step: the micro-batches inside it are cut after sampling, when it is known which
rows have a gradient and how long they are.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import torch
from torch import Tensor
from trl.trainer.utils import add_fused_lm_head

from gpg_cli.errors import GpgError
from gpg_cli.training import batching
from gpg_cli.training.batching import MicroBatch, collate, plan_microbatches
from gpg_cli.training.config import GPGConfig
from gpg_cli.training.objective import (
    ImportanceMode,
    RewardScale,
    gpg_loss,
    group_advantages,
    importance_weights,
    inverse_alpha,
    token_weights,
)
from gpg_cli.training.pictures import ShownPictures
from gpg_cli.training.rollout import FilledBatch, Rollout
from gpg_cli.training.rollout_trainer import RolloutTrainer


class GPGTrainer(RolloutTrainer):
    """Group Policy Gradient on TRL's GRPOTrainer; takes the same arguments, with a `GPGConfig` as `args`."""

    args: GPGConfig
    _tag_names = ["trl", "gpg"]  # noqa: RUF012 (declared so in TRL)
    _name = "GPG"

    def __init__(self, model: Any, reward_funcs: Any, args: GPGConfig, **kwargs: Any) -> None:
        super().__init__(model, reward_funcs, args, **kwargs)
        self._sampling_checked = False
        self._attention = str(getattr(self.model.config, "_attn_implementation", ""))
        self._replace_fused_head()

    def _replace_fused_head(self) -> None:
        """TRL's head also computes the entropy, which nothing here needs; and T19 may ask for untempered logits."""
        model = self.accelerator.unwrap_model(self.model)
        add_fused_lm_head(
            model.get_base_model() if hasattr(model, "peft_config") else model,
            temperature=self.temperature if self.args.temper_log_probs else 1.0,
            cast_lm_head_to_fp32=self.args.cast_lm_head_to_fp32,
            outputs=("log_probs", "entropy") if self.args.log_entropy else ("log_probs",),
        )

    # The story of a step

    def training_step(self, model: torch.nn.Module, inputs: Any, num_items_in_batch: Any = None) -> Tensor:
        """Sample, judge, and run forward and backward passes of one optimiser step; returns its loss."""
        self.seed_step()
        model.train()
        batch = self.sample_batch()
        self.report_rewards()
        # Once more, for dropout: a reward function may have seeded or drawn from the same generators.
        self.seed_step()
        with self.phase("train"):
            loss = self._train_on(model, batch)
        # A NaN returned here would stay in transformers' running sum; the gradient's norm tells of it.
        return loss.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)

    def _train_on(self, model: torch.nn.Module, batch: FilledBatch) -> Tensor:
        rollouts = [rollout for group in batch.groups for rollout in group.rollouts]
        prompts = [group.prompt for group in batch.groups for _ in group.rollouts]
        coefficients = self._coefficients(batch, rollouts)
        live = [row for row, value in enumerate(coefficients) if value != 0 and rollouts[row].loss_tokens]
        self._metrics["train"]["groups/rows_trained"].append(float(len(live)))
        if not live:
            # No forward pass on any process; no gradient means that the optimiser moves nothing.
            self.skip_step("dead")
            return torch.zeros((), device=self.accelerator.device)
        plan = plan_microbatches(
            [rollouts[row].tokens for row in live],
            processes=self.accelerator.num_processes,
            max_rows=None if self.args.max_tokens_per_microbatch else self._microbatch_rows,
            max_tokens=self.args.max_tokens_per_microbatch,
            launch_cost=batching.LAUNCH_COST_TOKENS.get(self.accelerator.device.type, 512),
        )
        shortest = min(live, key=lambda row: rollouts[row].tokens)
        total = torch.zeros((), device=self.accelerator.device)
        difference = torch.zeros(2, device=self.accelerator.device)
        # DeepSpeed would divide by its own count of accumulation steps.
        unscaled = {"scale_wrt_gas": False} if self.is_deepspeed_enabled else {}
        for number, share in enumerate(plan):
            rows = [live[position] for position in share[self.accelerator.process_index]]
            # A process without rows runs one of no weight: collective operations need all processes.
            weights = torch.tensor([coefficients[row] for row in rows] or [0.0], device=self.accelerator.device)
            chosen = rows or [shortest]
            micro = collate([rollouts[row] for row in chosen], self._tokenizer.pad_token_id, self.accelerator.device)
            shown = self.shown_prompts([prompts[row] for row in chosen])
            last = number == len(plan) - 1
            with self._accumulating(model, last=last):
                log_probs = self._log_probs(model, micro, shown)
                loss = gpg_loss(log_probs, weights, micro.mask, self._importance(log_probs, micro, difference))
                total += loss.detach()
                if last and not total.isfinite():
                    # An infinite loss may have a finite gradient. This way all processes see that the step is void.
                    loss = loss * torch.nan
                # Data-parallel training averages gradients over processes; these are shares of one sum.
                self.accelerator.backward(loss * self.accelerator.num_processes, **unscaled)
        self._check_sampling(difference)
        return total * self.accelerator.num_processes

    def _coefficients(self, batch: FilledBatch, rollouts: Sequence[Rollout]) -> list[float]:
        """alpha * A_i * (weight of a token of completion i), for each completion of the step."""
        generations = self.num_generations
        rewards = self.weighted([rollout.rewards for rollout in rollouts])
        judged = group_advantages(rewards, generations, cast(RewardScale, self.args.scale_rewards))
        lengths = torch.tensor([rollout.loss_tokens for rollout in rollouts])
        weights = token_weights(lengths, self.args.loss_reduction, self._microbatch_rows)
        in_group = (weights * lengths).view(-1, generations).sum(dim=1) if self.args.alpha_by == "tokens" else None
        share = inverse_alpha(judged.valid, in_group, self.args.inverse_alpha_floor) if self.args.adjust_gd else 1.0
        self._metrics["train"]["alpha"].append(1.0 / share)
        return (judged.advantages * weights / share).tolist()

    def _accumulating(self, model: torch.nn.Module, *, last: bool) -> AbstractContextManager:
        """Gradients are exchanged once, with the last micro-batch."""
        self.accelerator.gradient_state._set_sync_gradients(last)
        if last or self.is_deepspeed_enabled:
            return nullcontext()
        return self.accelerator.no_sync(model)

    def _log_probs(self, model: torch.nn.Module, micro: MicroBatch, shown: ShownPictures | None) -> Tensor:
        """Log-probabilities of the completions' tokens, shape (batch, tokens - 1), by TRL's chunked head.

        The logits of a whole micro-batch never exist, so memory does not grow with tokens x vocabulary.
        """
        inputs: dict[str, Tensor] = {"input_ids": micro.input_ids}
        # Causal attention never sees padding at the right end; flash attention leaves it out where it knows of it.
        if self._is_vlm or self._attention.startswith("flash"):
            inputs["attention_mask"] = micro.attention_mask
        with self.accelerator.autocast(), self.showing(shown, micro.input_ids) as pictures:
            output = model(**inputs, **pictures, labels=micro.labels, fused_lm_head=True)
        if self.args.log_entropy:
            mean = (output.entropy * micro.mask).sum() / micro.mask.sum().clamp(min=1)
            self._metrics["train"]["entropy"].append(mean.item())
        return output.log_probs

    # An engine's probabilities

    def _importance(self, log_probs: Tensor, micro: MicroBatch, difference: Tensor) -> Tensor | None:
        """Weights for tokens that an engine sampled; adds to `difference`: (sum of |log-ratio|, tokens)."""
        if micro.sampling_log_probs is None:
            return None
        known = micro.mask.bool() & ~micro.sampling_log_probs.isnan()
        difference += torch.stack([(log_probs.detach() - micro.sampling_log_probs)[known].abs().sum(), known.sum()])
        if not self.args.vllm_importance_sampling_correction:
            return None
        low, high = self.args.vllm_importance_sampling_clip_min, self.args.vllm_importance_sampling_clip_max
        return importance_weights(
            log_probs,
            micro.sampling_log_probs,
            micro.mask,
            cast(ImportanceMode, self.args.vllm_importance_sampling_mode),
            low if low is not None else 0.0,
            high if high is not None else float("inf"),
        )

    def _check_sampling(self, difference: Tensor) -> None:
        """Compare the engine's log-probabilities with the trainer's; on the first batch, refuse to go on far apart."""
        if not difference[1] and not self.use_vllm:
            return
        total, tokens = self.accelerator.reduce(difference, reduction="sum").tolist()
        mean = total / max(tokens, 1.0)
        self._metrics["train"]["sampling/logp_difference/mean"].append(mean)
        if not self._sampling_checked and mean > self.args.max_sampling_difference:
            raise GpgError(
                f"the engine that samples and the trainer disagree: their log-probabilities differ by {mean:.3f} on "
                f"average (at most max_sampling_difference = {self.args.max_sampling_difference})",
                "Suspects: stale weights in the engine, another temperature there, sampling that is cut off (top_k, "
                "top_p, min_p must be off), another precision.",
            )
        self._sampling_checked = True
