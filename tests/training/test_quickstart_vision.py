"""The model quickstart-vision starts from."""

from pathlib import Path

import pytest
import torch

from gpg_cli.quickstart_pictures import QUESTION, training_scenes
from gpg_cli.training import quickstart_vision
from gpg_cli.training.quickstart_vision import make_model, make_processor, quickstart_vision_model, warm_up


@pytest.fixture(autouse=True)
def _needs_torchvision(needs_torchvision: None) -> None:
    pass


def test_a_picture_takes_a_token_for_each_of_its_cells() -> None:
    processor = make_processor()
    message = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": QUESTION}]}
    text = processor.apply_chat_template([message], tokenize=False)
    assert text == f"<|vision_start|><|image_pad|><|vision_end|>{QUESTION}"
    inputs = processor(images=[training_scenes(0, 1)[0].draw()], text=[text])
    assert list(inputs["input_ids"][0]).count(processor.image_token_id) == 9


def test_warming_up_is_a_function_of_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quickstart_vision, "WARMUP_STEPS", 2)
    processor = make_processor()
    heads = []
    for seed in (5, 5, 6):
        model = make_model(processor.tokenizer, seed)
        warm_up(model, processor, seed)
        heads.append(model.get_input_embeddings().weight.detach().clone())
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])


def test_a_model_is_made_once_and_then_taken_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(quickstart_vision, "WARMUP_STEPS", 1)
    steps: list[tuple[int, int]] = []
    made = quickstart_vision_model(seed=1, on_step=lambda *step: steps.append(step))
    assert steps == [(1, 1)]
    assert quickstart_vision_model(seed=1, on_step=lambda *step: steps.append(step)) == made
    assert len(steps) == 1
