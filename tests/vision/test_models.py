"""The models that the tests of vision use are what they say: a picture changes what they answer."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gpg_cli.vision.model import expand_image_tokens, image_token_counts, is_vision_model, load_processor
from tests.conftest import Outcome


@pytest.mark.parametrize("folder", ["tiny_qwen2_vl", "tiny_qwen2_5_vl"])
def test_a_picture_changes_what_the_model_says(folder: str, request: pytest.FixtureRequest) -> None:
    import torch
    from PIL import Image
    from transformers import AutoModelForImageTextToText

    location: Path = request.getfixturevalue(folder)
    assert is_vision_model(str(location))
    processor = load_processor(str(location))
    model = AutoModelForImageTextToText.from_pretrained(location).eval()
    turn = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Which colour?"}]}]
    text = processor.apply_chat_template(turn, add_generation_prompt=True, tokenize=False)
    logits = []
    for colour in ("red", "blue"):
        inputs = processor(text=[text], images=[Image.new("RGB", (84, 56), colour)], return_tensors="pt")
        with torch.no_grad():
            logits.append(model(**inputs).logits[0, -1])
    assert (logits[0] - logits[1]).abs().max() > 1e-4


def test_image_tokens_are_counted_without_the_pictures(tiny_qwen2_vl: Path) -> None:
    from PIL import Image

    processor = load_processor(str(tiny_qwen2_vl), max_pixels=28 * 28 * 16, min_pixels=28 * 28 * 4)
    sizes = [(84, 56), (1000, 700), (5, 5), (300, 30)]
    counts = image_token_counts(processor, sizes)
    token = processor.image_token_id
    pictures = [Image.new("RGB", size) for size in sizes]
    read = processor(text=["<|image_pad|> and <|image_pad|><|image_pad|>, <|image_pad|>"], images=pictures)["input_ids"]
    short = processor.tokenizer("<|image_pad|> and <|image_pad|><|image_pad|>, <|image_pad|>")["input_ids"]
    assert expand_image_tokens(short, token, counts) == list(read[0])
    assert max(counts) <= 16


def test_without_torchvision_it_says_what_to_install(
    gpg: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)  # importing it raises ImportError
    outcome = gpg("train", "--preset", "quickstart-vision", "--dry-run")
    assert outcome.code == 2
    assert outcome.error_lines == [
        "Error: pictures need torchvision, which is not installed or does not fit this torch",
        'pip install "gpg-cli[vision]"',
    ]
