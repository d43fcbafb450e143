"""TRL's own objectives on our runs: GRPO with its KL term, reference model and clipping, Dr. GRPO, DAPO."""

import time
from collections import Counter
from typing import Any

import torch

from gpg_cli.training.config import BaselineConfig
from gpg_cli.training.objective import group_advantages, weighted_reward
from gpg_cli.training.reliable import ReliableTrainer
from gpg_cli.training.sampling import seed_of


class BaselineTrainer(ReliableTrainer):
    """TRL's GRPOTrainer, its loss and its batches untouched, with seeds, checkpoints and metrics like GPG's.

    So that a comparison compares objectives: the same prompts, rewards, samples and reports.
    """

    args: BaselineConfig

    def training_step(self, model: torch.nn.Module, inputs: Any, num_items_in_batch: Any = None) -> torch.Tensor:
        if self._step % self.args.gradient_accumulation_steps == 0:
            self.seed_step()
        before = sum(self._seconds.values())
        started = time.perf_counter()
        loss = super().training_step(model, inputs, num_items_in_batch)
        # Sampling and rewards happen inside; what remains is the training.
        inside = sum(self._seconds.values()) - before
        self._seconds["train"] = self._seconds.get("train", 0.0) + time.perf_counter() - started - inside
        # A NaN returned here would stay in transformers' running sum; the gradient's norm tells of it.
        return loss.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        generations = self.num_generations if self.model.training else self.num_generations_eval
        first = self.accelerator.process_index * len(inputs)
        drawn: Counter[str] = Counter()
        self._row_seeds = []
        for row, example in enumerate(inputs, start=first):
            if row % generations == 0:
                drawn[repr(example["prompt"])] += 1
            key = repr(example["prompt"])
            sample = (drawn[key] - 1) * generations + row % generations
            prompt = seed_of(*key.encode())
            self._row_seeds.append(seed_of(self.args.seed, self.state.global_step, prompt, sample))
        batch = super()._generate_and_score_completions(inputs)
        if self.model.training:
            self.report_rewards()
            rewards = weighted_reward(self._gathered, self.reward_weights.to(self._gathered.device))
            valid = group_advantages(rewards, generations, "none").valid
            self._metrics["train"]["groups/valid"].append(valid.sum().item())
            self._metrics["train"]["groups/total"].append(valid.numel())
        return batch

    def _generate_single_turn(self, *args: Any, **kwargs: Any) -> Any:
        with self.phase("generate"):
            return super()._generate_single_turn(*args, **kwargs)

    def _calculate_rewards(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        with self.phase("reward"):
            self._gathered = super()._calculate_rewards(*args, **kwargs)
        return self._gathered
