"""Prompts as the model reads them, and pictures as servers take them."""

import base64
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.engine import Request, Sampling
from gpg_cli.evaluation.engines.pictures import PromptReader, data_url
from gpg_cli.evaluation.model_text import ModelText, load_model_text
from gpg_cli.vision.images import Picture
from tests.evaluation.engines.picture_requests import ask, draw, picture_text

Image = pytest.importorskip("PIL.Image")


@pytest.fixture(scope="module")
def text(tiny_qwen2_vl: Path) -> ModelText:
    return picture_text(tiny_qwen2_vl)


def test_a_prompt_is_read_as_the_processor_reads_it(text: ModelText) -> None:
    request = ask(text, 0, "Alike?", draw((1000, 700), 1), draw((5, 9), 2), max_tokens=10)
    reader = PromptReader(text)
    prompt = text.tokenizer.decode(request.token_ids)
    read = text.processor(text=[prompt], images=[picture.load() for picture in request.pictures])["input_ids"][0]
    assert reader.token_ids(request) == list(read)
    assert reader.length(request) == len(read) + 10
    assert reader.vision_tokens(request) == list(read).count(text.processor.image_token_id)


def test_a_prompt_without_pictures_is_read_as_it_stands(text: ModelText) -> None:
    request = ask(text, 0, "Why?", max_tokens=10)
    for side in (text, replace(text, processor=None)):
        reader = PromptReader(side)
        reader.check([request])
        assert reader.token_ids(request) == list(request.token_ids)
        assert reader.length(request) == len(request.token_ids) + 10


def test_pictures_for_a_model_of_text_are_refused(text: ModelText, chat_model: Path) -> None:
    request = ask(text, 0, "Why?", draw((56, 56), 0))
    with pytest.raises(GpgError, match="the model reads text only"):
        PromptReader(load_model_text(str(chat_model))).check([ask(text, 1, "Why?"), request])


def test_a_prompt_with_a_place_too_many_is_refused(text: ModelText) -> None:
    image_token = text.processor.image_token_id
    request = Request(0, (image_token, 70, image_token), Sampling(0, 1, 4, 0), (draw((56, 56), 0),))
    with pytest.raises(GpgError, match="it has 2 places for 1 pictures"):
        PromptReader(text).check([request])
    with pytest.raises(GpgError, match="it has 2 places for 0 pictures"):
        PromptReader(text).check([replace(request, pictures=())])


def encoded(kind: str, mode: str = "RGB", **options: Any) -> Picture:
    held = io.BytesIO()
    image = Image.new("RGB", (40, 30), (10, 200, 30))
    image.putpixel((3, 4), (250, 0, 0))
    if mode == "RGBA":
        image.putalpha(100)
    image.convert(mode).save(held, format=kind, **options)
    return Picture(content=held.getvalue())


@pytest.mark.parametrize(("kind", "media"), [("PNG", "image/png"), ("JPEG", "image/jpeg")])
def test_a_plain_picture_is_sent_as_it_is(kind: str, media: str, tmp_path: Path) -> None:
    picture = encoded(kind)
    head, _, content = data_url(picture).partition(",")
    assert head == f"data:{media};base64"
    assert base64.b64decode(content) == picture.content
    (tmp_path / "a").write_bytes(picture.encoded())
    assert data_url(Picture(str(tmp_path / "a"))) == data_url(picture)


def turned() -> Picture:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded("JPEG", exif=exif)


@pytest.mark.parametrize(
    "picture",
    [
        encoded("WEBP", lossless=True),
        encoded("GIF", "P"),
        encoded("PNG", "RGBA"),
        encoded("PNG", "P"),
        encoded("PNG", "L"),
        encoded("PNG", transparency=(10, 200, 30)),
        encoded("JPEG", "CMYK"),
        turned(),
    ],
    ids=["webp", "gif", "transparent", "palette", "grey", "one transparent colour", "cmyk", "turned"],
)
def test_every_other_picture_is_sent_as_the_model_is_given_it(picture: Picture) -> None:
    head, _, content = data_url(picture).partition(",")
    sent = Image.open(io.BytesIO(base64.b64decode(content)))
    assert head == "data:image/png;base64"
    assert (sent.format, sent.mode, sent.info.get("transparency")) == ("PNG", "RGB", None)
    assert sent.tobytes() == picture.load().tobytes()


def test_a_broken_picture_is_not_sent() -> None:
    whole = draw((300, 300), 1).encoded()
    for content in (b"no picture", b""):
        with pytest.raises(GpgError, match=r"is no picture|cannot be decoded"):
            data_url(Picture(content=content))
    with pytest.raises(GpgError, match="cannot be decoded"):
        data_url(Picture(content=whole[: len(whole) // 2]))
