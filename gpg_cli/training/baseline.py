"""TRL's own objectives on our runs: GRPO with its KL term, reference model and clipping, Dr. GRPO, DAPO."""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import gather_object
from datasets import Dataset
from torch.utils.data import Sampler

from gpg_cli.training.checkpoints import read_facts
from gpg_cli.training.config import BaselineConfig
from gpg_cli.training.kept_completions import SampledGroup
from gpg_cli.training.objective import group_advantages, weighted_reward
from gpg_cli.training.prompts import PromptStream
from gpg_cli.training.reliable import ReliableTrainer
from gpg_cli.training.rollout import as_accuracy
from gpg_cli.training.sampling import seed_of

# Which row of the data set an example is; TRL hands examples on without it.
_ROW = "prompt_row"


class BaselineTrainer(ReliableTrainer):
    """TRL's GRPOTrainer, its loss and its batches untouched, with seeds, checkpoints and metrics like GPG's.

    So that a comparison compares objectives: the same prompts, rewards, samples and reports.
    """

    args: BaselineConfig

    def __init__(self, *args: Any, train_dataset: Dataset, **kwargs: Any) -> None:
        self._steps_done = 0
        self._lengths: list[tuple[int, bool]] = []
        self._sampled: list[SampledGroup] = []
        numbered = train_dataset.add_column(_ROW, list(range(len(train_dataset))))
        super().__init__(*args, train_dataset=numbered, **kwargs)

    def train(self, resume_from_checkpoint: str | None = None, **kwargs: Any) -> Any:
        if resume_from_checkpoint:
            self._steps_done = read_facts(Path(resume_from_checkpoint))["step"]
        return super().train(resume_from_checkpoint=resume_from_checkpoint, **kwargs)

    def _get_train_sampler(self, dataset: Any = None) -> Sampler:
        """GPG's order of prompts; TRL's sampler would also begin with the first epoch's order after a resume."""
        prompts = self.args.generation_batch_size // self.num_generations
        repeats = self.num_iterations * self.args.steps_per_generation
        updates = self.num_iterations * self.args.steps_per_generation // self.args.gradient_accumulation_steps
        epoch = len(self.train_dataset) // prompts * max(1, updates)
        return _Repeated(
            PromptStream(len(self.train_dataset), self.args.seed),
            prompts=prompts,
            generations=self.num_generations,
            repeats=repeats,
            epochs_done=self._steps_done // max(1, epoch),
        )

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
        drawn: Counter[int] = Counter()
        self._row_seeds, self._lengths = [], []
        for row, example in enumerate(inputs, start=first):
            prompt = example[_ROW]
            drawn[prompt] += row % generations == 0
            sample = (drawn[prompt] - 1) * generations + row % generations
            self._row_seeds.append(seed_of(self.args.seed, self.state.global_step, prompt, sample))
        batch = super()._generate_and_score_completions(self.decoded_examples(inputs))
        if self.model.training:
            self.report_rewards()
            rewards = weighted_reward(self._gathered.cpu(), self.reward_weights.cpu())
            valid = group_advantages(rewards, generations, "none").valid
            self._metrics["train"]["groups/valid"].append(valid.sum().item())
            self._metrics["train"]["groups/total"].append(valid.numel())
            self._note_sampled([example[_ROW] for example in inputs], rewards.tolist())
        return batch

    def _note_sampled(self, rows: list[int], totals: list[float]) -> None:
        """What TRL has gathered of all processes for its own log, as groups."""
        # Of an environment with several turns there is a length for each of them.
        lengths = self._lengths if len(self._lengths) == len(rows) else [(0, False)] * len(rows)
        rows_and_lengths = gather_object(list(zip(rows, lengths, strict=True)))
        if not self.accelerator.is_main_process:
            return
        count, generations = len(totals), self.num_generations
        completions, advantages = (list(self._logs[name])[-count:] for name in ("completion", "advantages"))
        known = [as_accuracy(value) for value in self._logs["extra"].get("accuracy", ())]
        accuracies = known[-count:] if len(known) >= count else [None] * count
        rewards = self._gathered.tolist()
        for start in range(0, count, generations):
            part = slice(start, start + generations)
            self._sampled.append(
                SampledGroup(
                    row=rows_and_lengths[start][0],
                    completions=completions[part],
                    tokens=[tokens for _, (tokens, _) in rows_and_lengths[part]],
                    truncated=[truncated for _, (_, truncated) in rows_and_lengths[part]],
                    accuracies=accuracies[part],
                    rewards=rewards[part],
                    totals=totals[part],
                    advantages=advantages[part],
                )
            )

    def take_sampled(self) -> list[SampledGroup]:
        sampled, self._sampled = self._sampled, []
        return sampled

    def _generate_single_turn(self, *args: Any, **kwargs: Any) -> Any:
        with self.phase("generate"):
            made = super()._generate_single_turn(*args, **kwargs)
        ends = {*self.eos_token_ids, self._tokenizer.pad_token_id}
        self._lengths = [(len(ids), not ids or ids[-1] not in ends) for ids in made[0]]
        return made

    def _calculate_rewards(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        with self.phase("reward"):
            self._gathered = super()._calculate_rewards(*args, **kwargs)
        return self._gathered


class _Repeated(Sampler):
    """The rows of a stream as TRL's loop wants them: each generation batch several times, each prompt G times."""

    def __init__(self, stream: PromptStream, prompts: int, generations: int, repeats: int, epochs_done: int) -> None:
        self._stream = stream
        self._prompts, self._generations, self._repeats = prompts, generations, repeats
        self._batches = stream.count // prompts
        stream.take(epochs_done * self._batches * prompts)

    def __iter__(self) -> Iterator[int]:
        for _ in range(self._batches):
            rows = self._stream.take(self._prompts)
            for _ in range(self._repeats):
                for row in rows:
                    yield from [row] * self._generations

    def __len__(self) -> int:
        return self._batches * self._prompts * self._generations * self._repeats
