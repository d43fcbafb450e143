"""Prompts of very unequal length side by side: nobody's log-probabilities change, in training or in sampling."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    GenerationConfig,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from gpg_cli.training import sampling
from gpg_cli.training.batching import collate
from gpg_cli.training.rollout import Rollout
from tests.faults import LONG
from tests.training.rollouts import make_trainer

VOCABULARY = 64
PAD, EOS = 0, 1
SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 1024,
    "initializer_range": 0.1,  # attention that looks at something, so that a wrong position shows
    "pad_token_id": PAD,
    "eos_token_id": EOS,
    "bos_token_id": None,
}
SLIDING = {"use_sliding_window": True, "sliding_window": 16, "max_window_layers": 1}
MODELS: dict[str, Callable[[], PreTrainedModel]] = {
    "Qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**SIZES)),
    "Llama": lambda: LlamaForCausalLM(LlamaConfig(**SIZES)),
    "Qwen2 with a sliding window": lambda: Qwen2ForCausalLM(Qwen2Config(**SIZES, **SLIDING)),
    "Mistral with a sliding window": lambda: MistralForCausalLM(MistralConfig(**SIZES, sliding_window=16)),
    "GPT-2, learned positions": lambda: GPT2LMHeadModel(
        GPT2Config(vocab_size=VOCABULARY, n_embd=64, n_layer=3, n_head=4, n_positions=1024, initializer_range=0.1,
                   pad_token_id=PAD, eos_token_id=EOS, bos_token_id=None)
    ),
}  # fmt: skip
# Tokens of the prompts of one batch, and of their completions.
LENGTHS = [(1, 3), (500, 7), (2, 1), (37, 24)]


def make(name: str) -> PreTrainedModel:
    torch.manual_seed(0)
    return MODELS[name]().eval()


def tokens(count: int, seed: int, vocabulary: int = VOCABULARY) -> list[int]:
    drawn = torch.randint(2, vocabulary, (count,), generator=torch.Generator().manual_seed(seed))
    return [int(token) for token in drawn]


def alone(model: PreTrainedModel, prompt: list[int], completion: list[int]) -> torch.Tensor:
    """Log-probabilities of a completion, without a batch, padding or trainer."""
    with torch.no_grad():
        logits = model(torch.tensor([prompt + completion])).logits[0, len(prompt) - 1 : -1].double()
    return logits.log_softmax(-1)[range(len(completion)), completion]


def largest_change(trainer: Any, model: PreTrainedModel, vocabulary: int = VOCABULARY) -> float:
    rows = [
        Rollout(tokens(prompt, row, vocabulary), tokens(completion, 100 + row, vocabulary), False, [0.0])
        for row, (prompt, completion) in enumerate(LENGTHS)
    ]
    expected = torch.cat([alone(model, row.prompt_ids, row.completion_ids) for row in rows])
    trainer.model = model
    trainer._replace_fused_head()
    micro = collate(rows, PAD, "cpu")
    with torch.no_grad():
        found = trainer._log_probs(model, micro, None)[micro.mask.bool()]
    return float((found.double() - expected).abs().max())


@pytest.fixture(scope="module")
def trainer(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return make_trainer(tiny_model, tmp_path_factory.mktemp("run"))


@pytest.mark.parametrize("name", MODELS)
def test_a_row_trains_on_the_log_probabilities_it_has_alone(trainer: Any, name: str, tally: Callable) -> None:
    assert largest_change(trainer, make(name)) < 1e-5
    tally("completions beside much longer or shorter prompts, in training", len(LENGTHS))


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("_", [pytest.param(1, marks=LONG)])
def test_so_it_is_with_smollm2(trainer: Any, smollm2: Path, attention: str, _: int, tally: Callable) -> None:
    model = AutoModelForCausalLM.from_pretrained(smollm2, dtype=torch.float32, attn_implementation=attention).eval()
    # Its log-probabilities reach -30, where 1e-5 is what float32 resolves; two orders of summation differ by more.
    assert largest_change(trainer, model, 40_000) < 5e-5
    tally("completions beside much longer or shorter prompts, in training", len(LENGTHS))


class Recorder(sampling.SeededSampling):
    """Keeps the distributions that were drawn from."""

    seen: list[torch.Tensor]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        self.seen.append(scores.double().log_softmax(-1))
        return super().__call__(input_ids, scores)


def sample(model: PreTrainedModel, prompts: list[list[int]], monkeypatch: pytest.MonkeyPatch) -> Any:
    """(completions, log-probabilities of each drawn token's whole vocabulary, a step a tensor)."""
    Recorder.seen = []
    monkeypatch.setattr(sampling, "SeededSampling", Recorder)
    config = GenerationConfig(max_new_tokens=12, temperature=1.0, top_k=0, pad_token_id=PAD, eos_token_id=EOS)
    seeds = [len(prompt) for prompt in prompts]
    return sampling.sample_completions(model, prompts, seeds, config, PAD, [EOS]), list(Recorder.seen)


@pytest.mark.parametrize("name", MODELS)
def test_a_row_is_sampled_from_the_distributions_it_has_alone(
    name: str, monkeypatch: pytest.MonkeyPatch, tally: Callable
) -> None:
    model = make(name)
    prompts = [tokens(prompt, row) for row, (prompt, _) in enumerate(LENGTHS)]
    together, seen = sample(model, prompts, monkeypatch)
    for row, prompt in enumerate(prompts):
        (by_itself,), seen_alone = sample(model, [prompt], monkeypatch)
        assert together[row] == by_itself
        for step in range(len(by_itself)):
            assert (seen[step][row] - seen_alone[step][0]).abs().max() < 1e-5
    tally("completions beside much longer or shorter prompts, in sampling", len(LENGTHS))
