"""What PyTorch's allocator really gives out: in steps of the trainer, in a tower, for a cache."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch.profiler import ProfilerActivity, profile
from transformers import AutoTokenizer, Qwen2Config, Qwen2ForCausalLM

from gpg_cli.planning.memory import Architecture
from gpg_cli.training.config import GPGConfig
from gpg_cli.training.quickstart import make_tokenizer
from gpg_cli.training.trainer import GPGTrainer
from tests.training.rollouts import paid

PROMPT_TOKENS = 6


def allocated(work: Callable[[], Any]) -> tuple[int, int, Any]:
    """(most bytes at any time, bytes left at the end, what `work` returned): every allocation, in order."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        made = work()
    # The one place where the profiler tells of single allocations (torch 2.13); no events would fail every test here.
    events = seen.profiler.kineto_results.events()
    changes = [size for _, size in sorted((e.start_ns(), e.nbytes()) for e in events if e.name() == "[memory]")]
    held = most = 0
    for change in changes:
        held += change
        most = max(most, held)
    return most, held, made


def storage_bytes(tensors: Any) -> int:
    """Of the storages behind tensors, each counted once."""
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors}
    return sum(storages.values())


@dataclass(frozen=True)
class Measured:
    """Bytes in the second step of a training, whose optimiser has its state already."""

    weights: int
    gradients: int
    optimizer: int
    activations: int
    parameters: int
    trainable: int


def make_model(
    folder: Path, *, hidden: int, layers: int, heads: int, kv_heads: int, intermediate: int, vocabulary: int
) -> Architecture:
    """Save a random Qwen2 with the quickstart's tokenizer; its shape."""
    tokenizer = make_tokenizer()
    config = Qwen2Config(
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        intermediate_size=intermediate,
        vocab_size=vocabulary,
        max_position_embeddings=4096,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = Qwen2ForCausalLM(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    count = sum(parameter.numel() for parameter in model.parameters())
    return Architecture(
        count, hidden, layers, heads, kv_heads, hidden // heads, intermediate, vocabulary, config.tie_word_embeddings
    )


def train_and_measure(
    model: Path, folder: Path, *, rows: int, tokens: int, checkpointing: bool, bf16: bool = False, lora: int = 0
) -> Measured:
    """Two steps of two micro-batches of `rows` x `tokens` tokens; of the second step every allocation."""
    found: dict[str, int] = {}

    class Watched(GPGTrainer):
        def _train_on(self, model: torch.nn.Module, batch: Any) -> torch.Tensor:
            if self.state.global_step == 0:
                return super()._train_on(model, batch)
            most, _, loss = allocated(lambda: super(Watched, self)._train_on(model, batch))
            parameters = list(model.parameters())
            gradients = storage_bytes(each.grad for each in parameters if each.grad is not None)
            state = [value for each in self.optimizer.state.values() for value in each.values()]
            found.update(
                weights=storage_bytes(parameters),
                gradients=gradients,
                optimizer=storage_bytes(value for value in state if isinstance(value, torch.Tensor)),
                activations=most - gradients,
                parameters=sum(each.numel() for each in parameters),
                trainable=sum(each.numel() for each in parameters if each.requires_grad),
            )
            return loss

    tokenizer = AutoTokenizer.from_pretrained(model, padding_side="left")
    some = tokenizer("1")["input_ids"][0]

    def play(prompts: list[str], trainer: Any) -> dict[str, Any]:
        completion = [some] * (tokens - PROMPT_TOKENS - 1) + [tokenizer.eos_token_id]
        return {
            "prompt_ids": [[some] * PROMPT_TOKENS for _ in prompts],
            "completion_ids": [completion for _ in prompts],
            "logprobs": None,
            "paid": [float(row % 2) for row in range(len(prompts))],
        }

    peft = None
    if lora:
        from peft import LoraConfig

        peft = LoraConfig(task_type="CAUSAL_LM", r=lora, target_modules="all-linear", lora_dropout=0.0)
    config = GPGConfig(
        output_dir=str(folder),
        per_device_train_batch_size=rows,
        gradient_accumulation_steps=2,
        num_generations=2 * rows,
        max_steps=2,
        max_completion_length=tokens,
        use_cpu=True,
        bf16=bf16,
        gradient_checkpointing=checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False} if checkpointing else None,
        save_strategy="no",
        disable_tqdm=True,
        model_init_kwargs={"dtype": "float32", "attn_implementation": "sdpa"},
    )
    trainer = Watched(
        str(model),
        [paid],
        config,
        train_dataset=Dataset.from_dict({"prompt": ["1+1="] * 4}),
        processing_class=tokenizer,
        rollout_func=play,
        peft_config=peft,
    )
    trainer.train()
    return Measured(**found)
