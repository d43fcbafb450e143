"""`RolloutTrainer`: the sampling half of a GPG step, joined to TRL's engines and logs."""

import copy
import json
import math
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from accelerate.utils import gather_object
from torch import Tensor
from torch.utils.data import DataLoader

from gpg_cli.console import say
from gpg_cli.training.config import GPGConfig
from gpg_cli.training.kept_completions import SampledGroup
from gpg_cli.training.metrics import accuracy_of, rollout_metrics
from gpg_cli.training.objective import RewardScale, group_advantages, weighted_reward
from gpg_cli.training.prompts import PromptStream
from gpg_cli.training.reliable import ReliableTrainer
from gpg_cli.training.rollout import FilledBatch, Group, Rollout, fill_batch
from gpg_cli.training.sampling import seed_of


class RolloutTrainer(ReliableTrainer):
    """Samples and scores what one optimiser step trains on; every process knows the whole of it."""

    args: GPGConfig

    def __init__(self, model: Any, reward_funcs: Any, args: GPGConfig, **kwargs: Any) -> None:
        whole_step = copy.copy(args)
        # One batch of transformers' loop is one optimiser step; TRL sizes its engines by the product of these.
        whole_step.per_device_train_batch_size = args.completions_per_step // args.world_size
        whole_step.gradient_accumulation_steps = whole_step.steps_per_generation = 1
        whole_step.generation_batch_size = args.completions_per_step
        self._empty_rows: list[int] = []
        if kwargs.get("rollout_func") is not None:
            kwargs["rollout_func"] = partial(self._roll_out, kwargs["rollout_func"])
        super().__init__(model, reward_funcs, whole_step, **kwargs)
        self._microbatch_rows = args.per_device_train_batch_size
        self._rows_at_once = args.generation_batch_size // args.world_size
        self._prompts = PromptStream(len(self.train_dataset), args.seed, args.sample_strategy)
        self._prompts_before = self._prompts.state_dict()
        self._batch: FilledBatch | None = None

    def get_train_dataloader(self) -> DataLoader:
        """One empty item a step: prompts come from the stream, which knows of further rounds and of checkpoints."""
        groups = self.args.generation_batch_size // self.num_generations
        return DataLoader([{}] * max(1, len(self.train_dataset) // groups), batch_size=1, collate_fn=lambda _: {})

    @property
    def last_batch(self) -> FilledBatch | None:
        """What the last step was trained on, and all that was sampled for it."""
        return self._batch

    def sample_batch(self) -> FilledBatch:
        """Sample and score the prompts of a step, and further ones until enough groups carry signal."""
        self._prompts_before = self._prompts.state_dict()
        drawn: Counter[int] = Counter()
        processes = self.accelerator.num_processes
        size = self.args.generation_batch_size // self.num_generations
        batch = fill_batch(
            lambda count: self._sample_groups(count, drawn),
            size=size,
            threshold=self.args.min_inverse_alpha,
            max_rounds=self.args.max_resample_rounds,
            multiple=processes // math.gcd(processes, self.num_generations),
        )
        for group in batch.generated:
            self._prompts.observe(group.prompt, self._score(group))
        self._log_rollouts(batch)
        self._batch = batch
        return batch

    def _score(self, group: Group) -> float:
        """How well a prompt is mastered: its share of right answers, or its mean reward where nothing grades it."""
        accuracy = accuracy_of(group.rollouts)
        if accuracy is not None:
            return accuracy
        reward = self.weighted([rollout.rewards for rollout in group.rollouts]).nanmean().item()
        return 0.0 if math.isnan(reward) else reward

    def _sample_groups(self, count: int, drawn: Counter[int]) -> list[Group]:
        """Sample and score that many further prompts; every process gets all groups, having made its share of them."""
        generations = self.num_generations
        rows: list[tuple[int, int]] = []  # (prompt, sample index within the step)
        for prompt in self._prompts.take(count):
            rows += [(prompt, drawn[prompt] * generations + sample) for sample in range(generations)]
            drawn[prompt] += 1
        share = len(rows) // self.accelerator.num_processes
        own = rows[self.accelerator.process_index * share :][:share]
        # An engine with a scheduler of its own takes all at once; padded generation is held to the batch asked for.
        at_once = share if self.use_vllm else self._rows_at_once
        made: list[Rollout] = []
        for start in range(0, share, at_once):
            made += self._sample_rows(own[start : start + at_once])
        rollouts = gather_object(made)
        groups = [rollouts[start : start + generations] for start in range(0, len(rollouts), generations)]
        rewards = self.weighted([rollout.rewards for rollout in rollouts])
        valid = group_advantages(rewards, generations, "none").valid.tolist()
        prompts = [prompt for prompt, _ in rows[::generations]]
        return [Group(*parts) for parts in zip(prompts, groups, valid, strict=True)]

    # TRL 1.16 looks at the last token of every completion (`_generate`), and fails where there is none.

    def _roll_out(self, function: Any, prompts: list, trainer: Any) -> dict[str, Any]:
        made = function(prompts, trainer)
        ids, log_probs = self._fill_empty(made["completion_ids"], made["logprobs"])
        masks = made.get("env_mask")
        filled = {} if masks is None else {"env_mask": [list(mask) or [0] for mask in masks]}
        return {**made, "completion_ids": ids, "logprobs": log_probs, **filled}

    def _generate_single_turn(self, *args: Any, **kwargs: Any) -> tuple[list[list[int]], Any]:
        return self._fill_empty(*super()._generate_single_turn(*args, **kwargs))

    def _fill_empty(self, ids: list[list[int]], log_probs: Any) -> tuple[list[list[int]], Any]:
        """A padding token for each completion without a token, and which those are."""
        self._empty_rows = [row for row, tokens in enumerate(ids) if not tokens]
        if log_probs is not None:
            log_probs = [list(values) or [math.nan] for values in log_probs]
        return [list(tokens) or [self._tokenizer.pad_token_id] for tokens in ids], log_probs

    def _sample_rows(self, rows: Sequence[tuple[int, int]]) -> list[Rollout]:
        examples = {prompt: self.example(prompt) for prompt in dict.fromkeys(prompt for prompt, _ in rows)}
        inputs = [dict(examples[prompt]) for prompt, _ in rows]
        step = self.state.global_step
        self._row_seeds = [seed_of(self.args.seed, step, prompt, sample) for prompt, sample in rows]
        prompts = [row["prompt"] for row in inputs]
        with self.phase("generate"):
            prompt_ids, completion_ids, loss_masks, completions, log_probs, extra, _, _ = self._generate(prompts)
        for row in self._empty_rows:
            for values in (completion_ids, loss_masks, log_probs):
                if values is not None:
                    values[row] = []
        for name, values in extra.items():
            for example, value in zip(
                inputs, values if isinstance(values, list) else [values] * len(inputs), strict=False
            ):
                example[name] = value
        with self.phase("reward"):
            rewards = self._calculate_rewards(inputs, prompts, completions, completion_ids)
        own = slice(self.accelerator.process_index * len(rows), (self.accelerator.process_index + 1) * len(rows))
        columns = {name: values for name, values in self._pending_extra_logs.items() if len(values) == len(rows)}
        self._pending_extra_logs.clear()
        ends = {*self.eos_token_ids, self._tokenizer.pad_token_id}
        rollouts = []
        for row, ids in enumerate(completion_ids):
            truncated = not ids or ids[-1] not in ends
            mask = None if loss_masks is None else loss_masks[row]
            rollouts.append(
                Rollout(
                    prompt_ids=list(prompt_ids[row]),
                    completion_ids=list(ids),
                    truncated=truncated,
                    rewards=rewards[own][row].tolist(),
                    completion=completions[row],
                    columns={name: values[row] for name, values in columns.items()},
                    sampling_log_probs=None if log_probs is None else list(log_probs[row]),
                    loss_mask=[0] * len(ids) if truncated and self.mask_truncated_completions else mask,
                )
            )
        return rollouts

    def weighted(self, rewards: list[list[float]]) -> Tensor:
        """The sum of the reward functions for each completion; `rewards` is (completions, functions)."""
        return weighted_reward(torch.tensor(rewards), self.reward_weights.cpu())

    # What is written down

    def _log_rollouts(self, batch: FilledBatch) -> None:
        rollouts = [rollout for group in batch.generated for rollout in group.rollouts]
        rewards = self.weighted([rollout.rewards for rollout in rollouts])
        metrics = self._metrics["train"]
        # TRL's are of single rounds and processes; values that reward functions log wait for a method that is not run.
        for name in [name for name in metrics if name.startswith("completions/")]:
            del metrics[name]
        for values in gather_object([dict(self._pending_metrics)]):
            for name, logged in values.items():
                metrics[name] += logged
        self._pending_metrics.clear()
        for name, value in rollout_metrics(batch, rewards.tolist(), self.reward_func_names).items():
            metrics[name] = [float("nan") if value is None else value]
        if batch.short and self.accelerator.is_main_process:
            say(
                f"[yellow]step {self.state.global_step + 1}: {batch.valid} of {len(batch.groups)} groups carry signal "
                f"after {batch.rounds} further rounds; training on those[/]"
            )
        if self.log_completions:
            advantages = group_advantages(rewards, self.num_generations, "none").advantages
            prompts = [self.train_dataset[group.prompt]["prompt"] for group in batch.generated for _ in group.rollouts]
            self._logs["prompt"].extend(prompts)
            self._logs["completion"].extend(rollout.completion for rollout in rollouts)
            self._logs["advantages"].extend(advantages.tolist())
            for number, name in enumerate(self.reward_func_names):
                self._logs["rewards"][name].extend(rollout.rewards[number] for rollout in rollouts)

    def take_sampled(self) -> list[SampledGroup]:
        if self._batch is None or not self.accelerator.is_main_process:
            return []
        generations = self.num_generations
        trained, sampled = (
            self.weighted([rollout.rewards for group in groups for rollout in group.rollouts])
            for groups in (self._batch.groups, self._batch.generated)
        )
        judged = group_advantages(trained, generations, cast(RewardScale, self.args.scale_rewards))
        # A group that is trained on is one of those that were sampled.
        known = zip(map(id, self._batch.groups), judged.advantages.view(-1, generations).tolist(), strict=True)
        advantages = dict(known)
        return [
            SampledGroup(
                row=group.prompt,
                completions=[rollout.completion for rollout in group.rollouts],
                tokens=[len(rollout.completion_ids) for rollout in group.rollouts],
                truncated=[rollout.truncated for rollout in group.rollouts],
                accuracies=[rollout.accuracy for rollout in group.rollouts],
                rewards=[rollout.rewards for rollout in group.rollouts],
                totals=totals,
                advantages=advantages.get(id(group)),
            )
            for group, totals in zip(self._batch.generated, sampled.view(-1, generations).tolist(), strict=True)
        ]

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        if "loss" in logs and self._batch is not None:
            rollouts = [rollout for group in self._batch.generated for rollout in group.rollouts]
            trained = [rollout for group in self._batch.groups if group.valid for rollout in group.rollouts]
            for name, counted in (("generate", rollouts), ("train", trained)):
                seconds = self._seconds.get(name, 0.0)
                tokens = sum(rollout.tokens if name == "train" else len(rollout.completion_ids) for rollout in counted)
                logs[f"speed/{name}_tokens_per_s"] = round(tokens / seconds, 1) if seconds else 0.0
        super().log(logs, start_time)

    def save_offenders(self) -> Path | None:
        path = Path(self.args.output_dir) / "nonfinite" / f"step-{self.state.global_step + 1}.jsonl"
        if self._batch is None or not self.accelerator.is_main_process:
            return None
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = [
            {"prompt": self.train_dataset[group.prompt]["prompt"], "completion": rollout.completion}
            | {"rewards": rollout.rewards, "tokens": rollout.tokens}
            for group in self._batch.groups
            for rollout in group.rollouts
        ]
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
        return path

    def own_state(self) -> dict[str, Any]:
        return super().own_state() | {
            "prompts": self._prompts_before if self._repeat_step else self._prompts.state_dict()
        }

    def load_own_state(self, state: dict[str, Any]) -> None:
        super().load_own_state(state)
        self._prompts.load_state_dict(state["prompts"])

    def prediction_step(self, model: Any, inputs: Any, prediction_loss_only: bool, ignore_keys: Any = None) -> tuple:
        """Evaluation measures rewards; a policy-gradient loss on held-out prompts means nothing and is not computed."""
        self._row_seeds = []
        self._generate_and_score_completions(inputs)
        return None, None, None
