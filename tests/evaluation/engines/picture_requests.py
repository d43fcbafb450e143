"""Drawn pictures of different sizes, a tiny vision-language model that tells them apart, and questions about them."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

from gpg_cli.evaluation.engine import Message, Request, Sampling
from gpg_cli.evaluation.model_text import ModelText, load_model_text
from gpg_cli.vision.images import Picture
from gpg_cli.vision.model import load_processor
from tests.vision.models import Kind, make_model, make_processor

MAX_MODEL_LENGTH = 256
# Not those in the model's folder: an engine must keep to the processor that it is given.
MIN_PIXELS, MAX_PIXELS = 4 * 28 * 28, 16 * 28 * 28
SIZES = ((84, 56), (1000, 700), (5, 9), (300, 30), (56, 56), (40, 200), (640, 480), (112, 84))
QUESTIONS = ("How many circles?", "Which side?", "Which colour is the largest shape?", "Where?")


def picture_text(folder: Path) -> ModelText:
    """The text side of a model that is to be shown pictures, with limits of pixels that are not the model's own."""
    processor = load_processor(str(folder), min_pixels=MIN_PIXELS, max_pixels=MAX_PIXELS)
    return replace(load_model_text(str(folder)), processor=processor)


def save_sharp_vision_model(folder: Path, kind: Kind = "qwen2_vl") -> Path:
    """A tiny model whose weights are so large that what it says hangs on the picture and not on the last bit."""
    import torch

    processor = make_processor(kind)
    torch.manual_seed(1)
    model = make_model(processor.tokenizer, kind)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() > 1:
                weight.mul_(4.0 if "visual" in name else 8.0)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def draw(size: tuple[int, int], number: int) -> Picture:
    """A few discs and boxes, in colours and places of their own for each number."""
    from PIL import Image, ImageDraw

    width, height = size
    image = Image.new("RGB", size, ((40 + 53 * number) % 256, (200 + 31 * number) % 256, (90 * number) % 256))
    canvas = ImageDraw.Draw(image)
    for shape in range(1 + number % 4):
        left, top = width * ((shape * 3 + number) % 5) // 6, height * ((shape * 2 + number) % 4) // 5
        corners = (left, top, left + width // 4 + 1, top + height // 3 + 1)
        colour = ((90 * shape + 60) % 256, (140 * number) % 256, (200 * shape) % 256)
        (canvas.ellipse if (shape + number) % 2 else canvas.rectangle)(corners, fill=colour)
    held = io.BytesIO()
    image.save(held, format="PNG")
    return Picture(content=held.getvalue())


def ask(
    text: ModelText,
    index: int,
    question: str,
    *pictures: Picture,
    max_tokens: int = 16,
    temperature: float = 0.0,
    seed: int = 0,
    template: str | None = None,
) -> Request:
    """A user's message: the pictures, then the question."""
    parts = [*({"type": "image"} for _ in pictures), {"type": "text", "text": question}]
    messages: tuple[Message, ...] = ({"role": "user", "content": parts},)
    chat = text.tokenizer.apply_chat_template(
        list(messages), chat_template=template, tokenize=False, add_generation_prompt=True
    )
    ids = tuple(text.tokenizer(chat, add_special_tokens=False)["input_ids"])
    sampling = Sampling(temperature, 1.0, max_tokens, seed)
    return Request(index, ids, sampling, pictures, messages if pictures else (), template)


def questions_about_pictures(text: ModelText, **options: Any) -> list[Request]:
    """16 greedy requests with one picture each, 1 with two, and 1 without; `options` are those of `ask`."""
    pictures = [draw(SIZES[number % 8], number) for number in range(16)]
    shown = [(QUESTIONS[number % 4], (picture,)) for number, picture in enumerate(pictures)]
    shown += [("Are they alike?", (pictures[0], pictures[3])), ("What is 1 + 1?", ())]
    return [ask(text, index, question, *seen, **options) for index, (question, seen) in enumerate(shown)]
