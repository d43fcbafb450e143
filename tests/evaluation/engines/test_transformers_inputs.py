"""Pictures through the engine transformers, against the model's own processor and a forward pass for each token."""

import functools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.engine import Completion, Engine, EngineOptions, Request
from gpg_cli.evaluation.engines import open_engine
from gpg_cli.evaluation.engines import transformers as engine_module
from gpg_cli.evaluation.model_text import ModelText, load_model_text
from gpg_cli.vision.images import Picture
from tests.evaluation.engines.conftest import completions_of
from tests.evaluation.engines.picture_requests import (
    MAX_MODEL_LENGTH,
    QUESTIONS,
    SIZES,
    ask,
    draw,
    picture_text,
    questions_about_pictures,
)


@pytest.fixture(scope="module")
def text(sharp_qwen2_vl: Path) -> ModelText:
    return picture_text(sharp_qwen2_vl)


@pytest.fixture(scope="module")
def engine(sharp_qwen2_vl: Path, text: ModelText) -> Iterator[Engine]:
    with open_engine(EngineOptions("transformers"), str(sharp_qwen2_vl), text, MAX_MODEL_LENGTH) as opened:
        yield opened


@functools.cache
def loaded(folder: Path) -> Any:
    from transformers import AutoModelForImageTextToText

    return AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32)


@torch.inference_mode()
def greedy(folder: Path, text: ModelText, request: Request) -> Completion:
    """One token after the other, no batch, no cache; the prompt's tokens are the processor's."""
    model = loaded(folder)
    prompt = text.tokenizer.decode(request.token_ids)
    pictures = [picture.load() for picture in request.pictures] or None
    inputs = dict(text.processor(text=[prompt], images=pictures, return_tensors="pt"))
    width = inputs["input_ids"].shape[1]
    while inputs["input_ids"].shape[1] - width < request.sampling.max_tokens:
        token = model(**inputs).logits[:, -1:].argmax(-1)
        inputs["input_ids"] = torch.cat([inputs["input_ids"], token], dim=1)
        for name, value in (("attention_mask", 1), ("mm_token_type_ids", 0)):
            inputs[name] = torch.cat([inputs[name], torch.full((1, 1), value)], dim=1)
        if int(token) in text.stop_ids:
            break
    return text.completion(inputs["input_ids"][0, width:].tolist())


@pytest.mark.parametrize("folder", ["sharp_qwen2_vl", "sharp_qwen2_5_vl"])
def test_a_batch_of_pictures_is_what_the_model_says_alone(folder: str, request: pytest.FixtureRequest) -> None:
    location: Path = request.getfixturevalue(folder)
    text = picture_text(location)
    asked = questions_about_pictures(text, max_tokens=8)
    with open_engine(EngineOptions("transformers"), str(location), text, MAX_MODEL_LENGTH) as engine:
        batch = completions_of(engine, asked)
    alone = [greedy(location, text, each) for each in asked]
    # All 18 on the machine where this was written: the two differ in their last bits.
    assert sum(one == other for one, other in zip(batch, alone, strict=True)) >= 16


def test_the_answer_hangs_on_the_picture(engine: Engine, text: ModelText) -> None:
    asked = [ask(text, number, QUESTIONS[0], draw(size, number)) for number, size in enumerate(SIZES)]
    assert len({completion.text for completion in completions_of(engine, asked)}) == len(SIZES)
    swapped = [ask(text, 0, "Which?", draw((56, 56), 1), draw((84, 56), 2))]
    swapped.append(ask(text, 1, "Which?", *reversed(swapped[0].pictures)))
    first, second = completions_of(engine, swapped)
    assert first != second


def test_sampling_is_a_function_of_the_seed_whatever_else_is_in_the_batch(engine: Engine, text: ModelText) -> None:
    asked = [ask(text, seed, QUESTIONS[1], draw((84, 56), 3), temperature=1.0, seed=seed) for seed in range(4)]
    together = completions_of(engine, [*asked, *questions_about_pictures(text)[4:]])[:4]
    assert completions_of(engine, asked) == together
    assert len({completion.text for completion in together}) > 1


def test_a_picture_of_several_samples_is_decoded_once(
    engine: Engine, text: ModelText, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[Picture] = []
    load = Picture.load
    monkeypatch.setattr(Picture, "load", lambda picture: decoded.append(picture) or load(picture))
    pictures = [draw((84, 56), 3), draw((40, 200), 4)]
    completions_of(engine, [ask(text, index, "Why?", pictures[index % 2], max_tokens=2) for index in range(8)])
    assert sorted(decoded, key=pictures.index) == pictures


def test_no_batch_has_more_vision_tokens_than_there_is_room_for(
    engine: Engine, text: ModelText, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = questions_about_pictures(text)
    together = completions_of(engine, asked)
    sizes: list[int] = []
    inputs = engine_module.model_inputs
    monkeypatch.setattr(
        engine_module, "model_inputs", lambda batch, *rest: sizes.append(len(batch)) or inputs(batch, *rest)
    )
    monkeypatch.setattr(engine_module, "MAX_VISION_TOKENS", 40)
    assert completions_of(engine, asked) == together
    assert sum(sizes) == len(asked)
    assert 1 < max(sizes) < len(asked)


def test_a_vision_model_that_is_shown_no_pictures_answers_text(sharp_qwen2_vl: Path, text: ModelText) -> None:
    asked = [ask(text, 0, "What is 1 + 1?"), ask(text, 1, "And 2 + 2, if you know it?")]
    plain = load_model_text(str(sharp_qwen2_vl))
    with open_engine(EngineOptions("transformers"), str(sharp_qwen2_vl), replace(plain, processor=None), 128) as engine:
        assert completions_of(engine, asked) == [greedy(sharp_qwen2_vl, text, each) for each in asked]


def test_pictures_for_a_model_of_text_are_refused(chat_model: Path, text: ModelText) -> None:
    with (
        open_engine(EngineOptions("transformers"), str(chat_model), load_model_text(str(chat_model)), 128) as engine,
        pytest.raises(GpgError, match="reads text only"),
    ):
        completions_of(engine, [ask(text, 0, "Why?", draw((56, 56), 0))])


def test_a_picture_that_is_gone_is_an_error_in_words(engine: Engine, text: ModelText, tmp_path: Path) -> None:
    with pytest.raises(GpgError, match=r"there is no picture .*gone\.png"):
        completions_of(engine, [ask(text, 0, "Why?", Picture(str(tmp_path / "gone.png")))])
