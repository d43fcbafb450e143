"""Canned rollouts for trainer tests: what is sampled and paid is known in advance, whoever trains on it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from gpg_cli.training.config import GPGConfig
from gpg_cli.training.sampling import seed_of
from gpg_cli.training.trainer import GPGTrainer

LETTERS = "0123456789+="


class Canned:
    """Completions that depend on the prompt, its place and the step alone, and rewards by prompt.

    Args:
        tokenizer: of the model that trains.
        pay: reward of sample `index` of a prompt at a step.
        log_probs: what the engine says the probabilities were; None where it says nothing.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        pay: Callable[[str, int, int], float | None],
        generations: int = 4,
        log_probs: float | None = None,
    ) -> None:
        self._tokenizer = tokenizer
        self._pay = pay
        self._generations = generations
        self._log_probs = log_probs
        self.asked: list[list[str]] = []

    def play(self, prompts: list[str], trainer: Any) -> dict[str, Any]:
        step = trainer.state.global_step
        self.asked.append(prompts[:: self._generations])
        first = trainer.accelerator.process_index * len(prompts)
        texts, paid = [], []
        for row, prompt in enumerate(prompts, start=first):
            index = row % self._generations
            seed = seed_of(step, index, *prompt.encode())
            texts.append("".join(LETTERS[seed_of(seed, place) % len(LETTERS)] for place in range(2 + seed % 23)))
            paid.append(self._pay(prompt, index, step))
        ids = [self._tokenizer(text)["input_ids"] + [self._tokenizer.eos_token_id] for text in texts]
        log_probs = None if self._log_probs is None else [[self._log_probs] * len(row) for row in ids]
        return {
            "prompt_ids": self._tokenizer(prompts)["input_ids"],
            "completion_ids": ids,
            "logprobs": log_probs,
            "paid": paid,
        }


def paid(prompts: list[str], paid: list[float | None], **columns: Any) -> list[float | None]:
    """The reward function that goes with `Canned`."""
    return paid


def every_other(prompt: str, index: int, step: int) -> float:
    """Signal in every group."""
    return float(index % 2)


def make_trainer(
    model: Path,
    folder: Path,
    pay: Callable[[str, int, int], float | None] = every_other,
    rewards: Sequence[Callable] = (paid,),
    prompts: int = 6,
    log_probs: float | None = None,
    callbacks: Sequence[Any] = (),
    trainer_class: type = GPGTrainer,
    config_class: type = GPGConfig,
    after_config: Callable[[], None] = lambda: None,
    **settings: Any,
) -> Any:
    """A trainer on the CPU that plays canned rollouts: 2 prompts x 4 completions a step unless told otherwise.

    `after_config` runs between the making of the configuration and of the trainer.
    """
    tokenizer = AutoTokenizer.from_pretrained(model, padding_side="left")
    config = config_class(
        output_dir=str(folder),
        **{
            "per_device_train_batch_size": 8,
            "num_generations": 4,
            "max_steps": 3,
            "learning_rate": 1e-3,
            "weight_decay": 0.1,
            "use_cpu": True,
            "bf16": False,
            "gradient_checkpointing": False,
            "save_strategy": "no",
            "disable_tqdm": True,
            "max_completion_length": 32,
            **settings,
        },
    )
    after_config()
    canned = Canned(tokenizer, pay, config.num_generations, log_probs)
    trainer = trainer_class(
        str(model),
        list(rewards),
        config,
        train_dataset=Dataset.from_dict({"prompt": [f"{number}+{number}=" for number in range(10, 10 + prompts)]}),
        processing_class=tokenizer,
        rollout_func=canned.play,
        callbacks=list(callbacks),
    )
    trainer.canned = canned
    return trainer


def weights_of(model: torch.nn.Module) -> torch.Tensor:
    return torch.cat([parameter.detach().reshape(-1).clone() for parameter in model.parameters()])


def lines_of(trainer: Any) -> list[dict[str, Any]]:
    """What was logged, one dictionary a step."""
    return [line for line in trainer.state.log_history if "loss" in line]
