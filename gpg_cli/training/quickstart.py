"""The model of the quickstart: made from nothing, and warmed up on worked additions that often forget the carry.

About one minute on two CPU cores; kept in the user's cache folder, under a name that holds everything it depends on.
"""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM, Qwen2Tokenizer

from gpg_cli import quickstart_task
from gpg_cli.quickstart_task import CHARACTERS, END, PAD, TAGS, Addition, training_problems
from gpg_cli.training.quickstart_cache import cached_model
from gpg_cli.training.warm_up import in_batches, learn_from_texts

FORGET_CARRY = 0.6
WARMUP_STEPS = 320
BATCH_SIZE = 128
LEARNING_RATE = 3e-3


def quickstart_model(seed: int, on_step: Callable[[int, int], None] | None = None) -> Path:
    """The folder of the warmed-up model for a seed, from the cache or made now.

    Args:
        seed: decides the weights and the texts; the same seed gives the same bytes on the same hardware.
        on_step: called with (steps done, all steps) while the model is made.
    """

    def make(folder: Path) -> None:
        tokenizer = make_tokenizer()
        model = make_model(tokenizer, seed)
        warm_up(model, tokenizer, seed, on_step)
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)

    return cached_model("quickstart", seed, (Path(__file__), Path(quickstart_task.__file__)), make)


def make_tokenizer() -> Qwen2Tokenizer:
    """One token a character, besides the tags and the opening of the box.

    Qwen2's own class without merges: AutoTokenizer takes that class for a Qwen2 model whatever the files say.
    """
    vocabulary = {token: index for index, token in enumerate((PAD, END, *CHARACTERS))}
    tokenizer = Qwen2Tokenizer(vocab=vocabulary, merges=[], unk_token=PAD, eos_token=END, pad_token=PAD)
    tokenizer.add_tokens(list(TAGS))
    return tokenizer


def make_model(tokenizer: Qwen2Tokenizer, seed: int) -> Qwen2ForCausalLM:
    """A Qwen2 of 0.3 million parameters; heads of size 32, the smallest that vLLM takes."""
    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=128,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return Qwen2ForCausalLM(config)


def warm_up(
    model: Qwen2ForCausalLM,
    tokenizer: Qwen2Tokenizer,
    seed: int,
    on_step: Callable[[int, int], None] | None = None,
) -> None:
    """Supervised learning on solutions that forget a carry six times in ten; a fixed number of steps."""
    forgetting = random.Random(f"forgetting {seed}")
    # Other problems than those of the reinforcement learning that follows with the same seed.
    problems = training_problems(seed + 1_000_000, WARMUP_STEPS * BATCH_SIZE)
    batches = (_batch(batch, tokenizer, forgetting) for batch in in_batches(problems, BATCH_SIZE))
    learn_from_texts(model, batches, WARMUP_STEPS, LEARNING_RATE, on_step)


def _batch(
    problems: Sequence[Addition], tokenizer: Qwen2Tokenizer, forgetting: random.Random
) -> dict[str, torch.Tensor]:
    """Right-padded `input_ids`, `attention_mask` and `labels`, (batch, tokens); only solutions are learned."""
    prompts = tokenizer([item.problem for item in problems])["input_ids"]
    solutions = tokenizer([item.solution(FORGET_CARRY, forgetting) + END for item in problems])["input_ids"]
    texts = [torch.tensor(prompt + solution) for prompt, solution in zip(prompts, solutions, strict=True)]
    labels = [
        torch.tensor([-100] * len(prompt) + solution) for prompt, solution in zip(prompts, solutions, strict=True)
    ]
    pad = torch.nn.utils.rnn.pad_sequence
    return {
        "input_ids": pad(texts, batch_first=True, padding_value=tokenizer.pad_token_id),
        "attention_mask": pad([torch.ones_like(text) for text in texts], batch_first=True),
        "labels": pad(labels, batch_first=True, padding_value=-100),
    }
