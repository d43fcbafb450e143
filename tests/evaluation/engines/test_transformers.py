import gc
import shutil
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.engine import Completion, EngineOptions, Request, Sampling
from gpg_cli.evaluation.engines import open_engine
from gpg_cli.evaluation.engines import transformers as engine_module
from gpg_cli.evaluation.engines.transformers import TransformersEngine
from gpg_cli.evaluation.model_text import ModelText, load_model_text

PROMPTS = ["a", "What is 1+1?", "Tell me, in as many words as you like, what the matter is.", "zz"]


@pytest.fixture(scope="module")
def text(chat_model: Path) -> ModelText:
    return load_model_text(str(chat_model))


@pytest.fixture(scope="module")
def engine(chat_model: Path, text: ModelText) -> Iterator[TransformersEngine]:
    with open_engine(EngineOptions("transformers"), str(chat_model), text, max_model_length=512) as opened:
        assert isinstance(opened, TransformersEngine)
        yield opened


def request(text: ModelText, prompt: str, index: int = 0, *, max_tokens: int = 40, temperature: float = 0) -> Request:
    ids = tuple(text.tokenizer(prompt)["input_ids"])
    return Request(index, ids, Sampling(temperature, top_p=1.0, max_tokens=max_tokens, seed=index))


def completions(engine: TransformersEngine, requests: Sequence[Request]) -> list[Completion]:
    done: dict[int, Completion] = {}
    engine.generate(requests, lambda request, completion: done.__setitem__(request.index, completion))
    assert len(done) == len(requests)
    return [done[request.index] for request in requests]


@torch.inference_mode()
def greedy(folder: Path, text: ModelText, prompt: str, max_tokens: int) -> list[int]:
    """One token after the other, no batch, no cache."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    ids = text.tokenizer(prompt, return_tensors="pt")["input_ids"]
    written: list[int] = []
    while len(written) < max_tokens and not (written and written[-1] in text.stop_ids):
        written.append(int(model(ids).logits[0, -1].argmax()))
        ids = torch.cat([ids, torch.tensor([[written[-1]]])], dim=1)
    return written


def test_a_greedy_batch_is_what_the_model_says_alone(
    engine: TransformersEngine, text: ModelText, chat_model: Path
) -> None:
    batch = completions(engine, [request(text, prompt, index) for index, prompt in enumerate(PROMPTS)])
    alone = [text.completion(greedy(chat_model, text, prompt, max_tokens=40)) for prompt in PROMPTS]
    assert batch == alone


def test_every_end_token_ends_a_completion(engine: TransformersEngine, text: ModelText) -> None:
    """Hot enough, the random model soon draws one of its two end tokens."""
    requests = [request(text, "a", index, temperature=3.0, max_tokens=200) for index in range(64)]
    done = completions(engine, requests)
    assert {completion.finish_reason for completion in done} >= {"stop"}
    for completion in done:
        assert (completion.finish_reason == "length") == (completion.tokens == 200)
        assert "<end>" not in completion.text
        assert "<stop>" not in completion.text


def test_each_row_keeps_its_own_token_limit(engine: TransformersEngine, text: ModelText) -> None:
    requests = [request(text, "zz", index, max_tokens=index + 1) for index in range(5)]
    tokens = [completion.tokens for completion in completions(engine, requests)]
    assert tokens == [1, 2, 3, 4, 5]


def test_a_sample_is_reported_when_it_ends_not_when_the_batch_does(engine: TransformersEngine, text: ModelText) -> None:
    seen: list[int] = []
    requests = [request(text, "zz", index, max_tokens=limit) for index, limit in enumerate([20, 1, 10])]
    engine.generate(requests, lambda request, completion: seen.append(request.index))
    assert seen == [1, 2, 0]


def test_sampling_is_a_function_of_the_seed_and_leaves_the_random_state_alone(
    engine: TransformersEngine, text: ModelText
) -> None:
    requests = [request(text, "a", index, temperature=1.0) for index in range(4)]
    state = torch.get_rng_state()
    first, again = completions(engine, requests), completions(engine, requests)
    assert first == again
    assert len({completion.text for completion in first}) > 1
    assert torch.equal(torch.get_rng_state(), state)


def test_what_does_not_fit_into_one_batch_goes_into_several(
    engine: TransformersEngine, text: ModelText, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = [request(text, prompt, index) for index, prompt in enumerate(PROMPTS)]
    together = completions(engine, requests)
    monkeypatch.setattr(engine_module, "CPU_CACHE_BYTES", 1)
    assert completions(engine, requests) == together


def test_dtype_and_batch_size_are_what_the_user_says(
    text: ModelText, chat_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = EngineOptions("transformers", arguments={"dtype": "bfloat16", "batch_size": 2})
    with open_engine(options, str(chat_model), text, max_model_length=512) as opened:
        assert isinstance(opened, TransformersEngine)
        assert opened._model.dtype is torch.bfloat16
        sizes: list[int] = []
        generate = opened._model.generate
        monkeypatch.setattr(
            opened._model, "generate", lambda ids, **options: sizes.append(len(ids)) or generate(ids, **options)
        )
        completions(opened, [request(text, "a", index, max_tokens=2) for index in range(5)])
        assert sizes == [2, 2, 1]


def test_closing_frees_the_model(chat_model: Path, text: ModelText) -> None:
    opened = TransformersEngine(str(chat_model), text)
    model = weakref.ref(opened._model)
    opened.close()
    gc.collect()
    assert model() is None


def test_broken_weights_are_refused(chat_model: Path, text: ModelText, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(chat_model, tmp_path / "broken"))
    (folder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(GpgError, match="cannot load the model"):
        TransformersEngine(str(folder), text)


def test_missing_weights_are_refused_not_made_up(chat_model: Path, text: ModelText, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = Path(shutil.copytree(chat_model, tmp_path / "partial"))
    weights = load_file(folder / "model.safetensors")
    del weights["model.norm.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(GpgError, match=r"lacks the weights model\.norm\.weight"):
        TransformersEngine(str(folder), text)


def test_pickled_weights_are_not_read(chat_model: Path, text: ModelText, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(chat_model, tmp_path / "pickled"))
    model = AutoModelForCausalLM.from_pretrained(folder)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(GpgError, match="as a pickle"):
        TransformersEngine(str(folder), text)
