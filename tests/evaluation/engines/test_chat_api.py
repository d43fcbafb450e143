"""Pictures for a server: what it reads out of the messages with the model's processor must be the prompt we mean."""

import base64
import io
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.engine import Completion, Request
from gpg_cli.evaluation.engines.pictures import PromptReader
from gpg_cli.evaluation.model_text import ModelText
from gpg_cli.vision.images import Picture
from gpg_cli.vision.model import load_processor
from tests.evaluation.engines.fault_server import FAULTS, FaultServer, serving
from tests.evaluation.engines.picture_requests import SIZES, ask, draw, picture_text
from tests.evaluation.engines.test_openai import QUICK, Reported, engine_at

# A base model's prompt, as training writes it: no roles.
TEMPLATE = (
    "{% for message in messages %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endfor %}"
)


@pytest.fixture(scope="module")
def text(tiny_qwen2_vl: Path) -> ModelText:
    return picture_text(tiny_qwen2_vl)


def chat_server(text: ModelText, **behaviour: Any) -> FaultServer:
    """It reads prompts as a server does: its own decoding, the messages in the template, the processor."""

    def read(messages: list[dict[str, Any]], template: str | None) -> list[int]:
        from PIL import Image

        pictures, turns = [], []
        for message in messages:
            parts = []
            for part in message["content"]:
                if part["type"] == "image_url":
                    kind, _, content = part["image_url"]["url"].partition(";base64,")
                    pictures.append(Image.open(io.BytesIO(base64.b64decode(content))))
                    assert kind == f"data:{Image.MIME[str(pictures[-1].format)]}"
                    parts.append({"type": "image"})
                else:
                    parts.append(part)
            turns.append({**message, "content": parts})
        prompt = text.processor.apply_chat_template(turns, chat_template=template, add_generation_prompt=True)
        return list(text.processor(text=[prompt], images=pictures or None)["input_ids"][0])

    return FaultServer(read_chat=read, end=text.tokenizer.eos_token_id, **behaviour)


def asked(text: ModelText, **options: Any) -> list[Request]:
    return [
        ask(text, 100 + number, "Why?" + "!" * number, draw(size, number), max_tokens=200, seed=number, **options)
        for number, size in enumerate(SIZES)
    ]


def expected(text: ModelText, requests: Sequence[Request]) -> dict[int, Completion]:
    """The server writes as many letters as it has read tokens."""
    lengths = {request.index: len(PromptReader(text).token_ids(request)) for request in requests}
    letter = text.tokenizer.decode([70])
    return {index: Completion(letter * length, length + 1, "stop") for index, length in lengths.items()}


def test_the_server_reads_the_prompt_that_we_mean(text: ModelText) -> None:
    done = Reported()
    requests = asked(text, temperature=0.5)
    two = ask(text, 1, "Alike?", draw((84, 56), 1), draw((300, 30), 2), max_tokens=200)
    with serving(chat_server(text)) as server:
        engine_at(server, text).generate([*requests, two], done)
    assert done == expected(text, [*requests, two])
    body = next(each for each in server.bodies if each.get("seed") == 3 and "messages" in each)
    assert (body["temperature"], body["top_p"], body["max_tokens"]) == (0.5, 1.0, 200)
    assert body["stop_token_ids"] == list(text.stop_ids)
    # vLLM refuses the one, and where it does not trust its clients the other.
    assert not {"mm_processor_kwargs", "chat_template"} & body.keys()


def test_a_template_goes_with_the_request(text: ModelText) -> None:
    done = Reported()
    requests = asked(text, template=TEMPLATE)
    with serving(chat_server(text)) as server:
        engine_at(server, text).generate(requests, done)
        assert server.bodies[-1]["chat_template"] == TEMPLATE
        assert done == expected(text, requests)
        server.takes_template = False
        with pytest.raises(GpgError, match=r"8 of 8 .* answers 400: Refused request with untrusted chat template"):
            engine_at(server, text).generate(requests, Reported())


def test_requests_without_pictures_go_out_as_tokens(text: ModelText) -> None:
    done = Reported()
    plain = ask(text, 7, "What is 1 + 1?", max_tokens=200)
    with serving(chat_server(text)) as server:
        engine_at(server, text).generate([plain, *asked(text)], done)
    assert {"prompt", "messages"} == {
        key for body in server.bodies[1:] for key in ("prompt", "messages") if key in body
    }
    assert done[7] == expected(text, [plain])[7]


def test_text_that_is_not_given_as_tokens_is_taken_as_it_stands(text: ModelText) -> None:
    done = Reported()
    requests = [replace(each, sampling=replace(each.sampling, max_tokens=5)) for each in asked(text)]
    with serving(chat_server(text, says_ids=False, takes_extensions=False)) as server:
        engine_at(server, text).generate(requests, done)
        assert "stop_token_ids" not in server.bodies[-1]
    assert set(done.values()) == {Completion("!!!!!", 5, "length")}


def test_a_server_that_scales_pictures_otherwise_is_found_out(text: ModelText, tiny_qwen2_vl: Path) -> None:
    """It reads them with the limits of the model's folder; those here are lower."""
    done = Reported()
    requests = asked(text)
    with (
        serving(chat_server(replace(text, processor=load_processor(str(tiny_qwen2_vl))))) as server,
        pytest.raises(GpgError, match=r"a prompt with pictures of \d+ tokens as one of \d+; .*\"longest_edge\": 12544"),
    ):
        engine_at(server, text).generate(requests, done)
    # Those that are small enough for both sides are the same to both.
    sizes = {request.index: request.pictures[0].size() for request in requests}
    assert {sizes[index] for index in done} == {(84, 56), (300, 30), (56, 56), (40, 200), (112, 84)}


def test_a_server_that_adds_a_token_is_found_out(text: ModelText) -> None:
    with serving(chat_server(text)) as server:
        engine = engine_at(server, text)
        server.extra_prompt_tokens = 1
        with pytest.raises(GpgError, match=r"has read a prompt with pictures of \d+ tokens as one of \d+"):
            engine.generate(asked(text), Reported())


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "slow"])
def test_what_may_pass_is_tried_again(text: ModelText, fault: str) -> None:
    done = Reported()
    requests = asked(text)
    prompts = [tuple(PromptReader(text).token_ids(request)) for request in requests]
    with serving(chat_server(text, faults={prompt: [fault] for prompt in prompts[:3]})) as server:
        engine_at(server, text).generate(requests, done)
    assert done == expected(text, requests)
    assert len(server.bodies) == 1 + len(requests) + 3


def test_every_request_is_finished_once_or_counted_as_missing(text: ModelText) -> None:
    dice = random.Random(0)
    requests = asked(text)
    prompts = [tuple(PromptReader(text).token_ids(request)) for request in requests]
    faults = {prompt: dice.choices([each for each in FAULTS if each != "slow"], k=2) for prompt in prompts}
    faults |= {prompts[2]: ["always 400"], prompts[5]: ["always 500"]}
    done = Reported()
    with serving(chat_server(text, faults=faults)) as server:
        with pytest.raises(GpgError, match="2 of 8 completions are missing"):
            engine_at(server, text, replace(QUICK, failures_in_a_row=100), concurrency=3).generate(requests, done)
        assert server.most_at_once <= 3
    assert done.keys() == {request.index for number, request in enumerate(requests) if number not in (2, 5)}


def test_a_picture_that_is_gone_ends_the_run_in_words(text: ModelText, tmp_path: Path) -> None:
    path = tmp_path / "gone.png"
    path.write_bytes(draw((84, 56), 0).encoded())
    request = ask(text, 0, "Why?", Picture(str(path)))
    with serving(chat_server(text)) as server:
        engine = engine_at(server, text)
        engine.generate([request], Reported())
        path.unlink()
        with pytest.raises(GpgError, match=r"there is no picture .*gone\.png"):
            engine.generate([request], Reported())
