"""The model the quickstart starts from."""

import pytest
import torch
from transformers import AutoTokenizer

from gpg_cli.quickstart_task import held_out_problems
from gpg_cli.training import quickstart
from gpg_cli.training.quickstart import make_model, make_tokenizer, quickstart_model, warm_up

TEXT = r"47+85=<think>7+5=12,4+8+1=13</think>\boxed{132}"


def test_the_tokenizer_reads_back_what_it_wrote_also_after_being_saved(tiny_model) -> None:
    for tokenizer in (make_tokenizer(), AutoTokenizer.from_pretrained(tiny_model)):
        ids = tokenizer(TEXT)["input_ids"]
        assert len(ids) == 28
        assert tokenizer.decode(ids, skip_special_tokens=True) == TEXT


def test_warming_up_is_a_function_of_the_seed_and_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quickstart, "WARMUP_STEPS", 6)
    tokenizer = make_tokenizer()
    heads = []
    for seed in (5, 5, 6):
        model = make_model(tokenizer, seed)
        warm_up(model, tokenizer, seed)
        heads.append(model.model.embed_tokens.weight.detach().clone())
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])


def test_a_model_is_made_once_and_then_taken_from_the_cache(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(quickstart, "WARMUP_STEPS", 2)
    steps: list[tuple[int, int]] = []
    made = quickstart_model(seed=1, on_step=lambda *step: steps.append(step))
    assert steps == [(1, 2), (2, 2)]
    assert quickstart_model(seed=1, on_step=lambda *step: steps.append(step)) == made
    assert len(steps) == 2
    assert [path.name for path in made.parent.iterdir()] == [made.name]  # no half-made folder is left


def test_problems_fit_the_models_positions() -> None:
    tokenizer = make_tokenizer()
    longest = max(len(tokenizer(row["problem"])["input_ids"]) for row in held_out_problems())
    assert longest == 6
