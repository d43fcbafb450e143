"""What is sampled depends on (run seed, step, prompt, sample index) alone."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from gpg_cli.training.sampling import SeededEngine, sample_completions, seed_of


@pytest.fixture(scope="module")
def sampler(tiny_model: Path):
    """`sampler(prompts, seeds)`: completions of the tiny model as token lists."""
    model = AutoModelForCausalLM.from_pretrained(tiny_model).eval()
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)

    def sample(prompts: list[str], seeds: list[int], **config: object) -> list[list[int]]:
        tokens = [tokenizer(prompt)["input_ids"] for prompt in prompts]
        chosen = GenerationConfig(**{"max_new_tokens": 12, "do_sample": True, "top_k": 0, **config})
        with torch.no_grad():
            return sample_completions(model, tokens, seeds, chosen, tokenizer.pad_token_id, [tokenizer.eos_token_id])

    return sample


PROMPTS = ["12+34=", "5+77=", "99+1=", "7+7="]
SEEDS = [seed_of(0, 3, prompt, 0) for prompt in range(4)]


def test_neither_order_nor_company_changes_a_completion(sampler) -> None:
    together = sampler(PROMPTS, SEEDS)
    assert sampler(PROMPTS[::-1], SEEDS[::-1]) == together[::-1]
    assert [sampler([prompt], [seed])[0] for prompt, seed in zip(PROMPTS, SEEDS, strict=True)] == together


def test_other_seeds_give_other_completions(sampler) -> None:
    completions = sampler(["12+34="] * 16, [seed_of(0, 0, 0, sample) for sample in range(16)])
    assert len({tuple(completion) for completion in completions}) == 16


def test_every_part_of_a_seed_counts() -> None:
    seeds = {seed_of(0, 0, 0), seed_of(1, 0, 0), seed_of(0, 1, 0), seed_of(0, 0, 1), seed_of(0, 0)}
    assert len(seeds) == 5
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_the_distribution_is_the_models(sampler, tiny_model: Path) -> None:
    """First tokens of 3,000 samples against the probabilities, at a temperature of 0.7 and with the 5 best tokens."""
    model = AutoModelForCausalLM.from_pretrained(tiny_model).eval()
    tokens = torch.tensor([AutoTokenizer.from_pretrained(tiny_model)("12+34=")["input_ids"]])
    with torch.no_grad():
        logits = model(tokens).logits[0, -1] / 0.7
    best = logits.topk(5)
    expected = best.values.softmax(-1)
    drawn = sampler(["12+34="] * 3000, list(range(3000)), temperature=0.7, top_k=5, max_new_tokens=1)
    counted = torch.tensor([sum(row[0] == token for row in drawn) / 3000 for token in best.indices.tolist()])
    assert counted.sum() == 1
    torch.testing.assert_close(counted, expected, atol=0.035, rtol=0)


def test_each_request_to_vllm_gets_its_own_seed() -> None:
    """TRL hands the engine one SamplingParams for all; what it calls is played here, vLLM itself in a slow test."""

    class Parameters:
        seed = None

        def clone(self) -> "Parameters":
            return Parameters()

    class Engine:
        model_config = "reached through"

        def generate(self, prompts: list, sampling_params: list, use_tqdm: bool) -> list:
            return [parameters.seed for parameters in sampling_params]

    engine = SeededEngine(Engine())
    engine.seeds = [7, 8]
    assert engine.generate([{}, {}], sampling_params=Parameters(), use_tqdm=False) == [7, 8]
    assert engine.model_config == "reached through"
