"""Pictures through vLLM itself, and through its server: slow, and skipped where vLLM is missing."""

import importlib.util
import io
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.engine import Completion, Engine, EngineOptions, Request
from gpg_cli.evaluation.engines import open_engine
from gpg_cli.evaluation.engines.pictures import PromptReader
from gpg_cli.evaluation.engines.vllm import VllmEngine
from gpg_cli.evaluation.engines.vllm_pictures import processor_arguments
from gpg_cli.evaluation.model_text import ModelText, load_model_text
from gpg_cli.vision.images import Picture
from tests.evaluation.engines.conftest import completions_of
from tests.evaluation.engines.picture_requests import (
    MAX_MODEL_LENGTH,
    SIZES,
    ask,
    draw,
    picture_text,
    questions_about_pictures,
)
from tests.evaluation.engines.test_chat_api import TEMPLATE
from tests.evaluation.engines.vllm_server import KEY, serving_vllm

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
]


def opened(folder: Path, text: ModelText, name: str = "vllm", **arguments: object) -> AbstractContextManager[Engine]:
    return open_engine(EngineOptions(name, arguments=arguments), str(folder), text, MAX_MODEL_LENGTH)


def prompt_lengths(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Collects, from now on, how many tokens vLLM says it has read of each prompt."""
    assert isinstance(engine, VllmEngine)
    complete = engine._replicas.complete
    lengths: list[int] = []

    def noted(prompts: Any) -> Iterator[Any]:
        for done in complete(prompts):
            lengths.append(done.prompt_length)
            yield done

    monkeypatch.setattr(engine._replicas, "complete", noted)
    return lengths


@pytest.mark.parametrize(("kind", "at_once"), [("sharp_qwen2_vl", 4), ("sharp_qwen2_5_vl", 64)])
def test_vllm_says_what_transformers_says(
    kind: str,
    at_once: int,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    folder: Path = request.getfixturevalue(kind)
    text = picture_text(folder)
    asked = questions_about_pictures(text)
    with opened(folder, text, "transformers") as engine:
        expected = completions_of(engine, asked)
    capfd.readouterr()
    with opened(folder, text, max_num_seqs=at_once) as engine:
        lengths = prompt_lengths(engine, monkeypatch)
        together = completions_of(engine, asked)
        assert sorted(lengths) == sorted(len(PromptReader(text).token_ids(each)) for each in asked)
        alone = [completions_of(engine, [each])[0] for each in asked]
        hot = many_seeded(text)
        sampled = completions_of(engine, hot)
        assert equal(sampled, completions_of(engine, hot[::-1])[::-1]) >= 55
        reseeded = [replace(each, sampling=replace(each.sampling, seed=each.sampling.seed + 100)) for each in hot]
        assert equal(sampled, completions_of(engine, reseeded)) < 30
        with pytest.raises(GpgError, match="cannot be decoded"):
            completions_of(engine, [*asked[:2], ask(text, 2, "Why?", cut_off())])
        # Nothing of that run comes up in the next.
        assert equal(completions_of(engine, asked), together) >= 15
    assert capfd.readouterr().err.splitlines() == ["Starting vLLM (half a minute) ..."]
    print(f"{kind}: {equal(together, expected)} of {len(asked)} as transformers, {equal(together, alone)} as alone")
    # All 18 on the machine where this was written; others may round the last bits in another way.
    assert equal(together, expected) >= 15
    assert equal(together, alone) >= 15


def many_seeded(text: ModelText) -> list[Request]:
    """More tokens than the 4,096 of a batch on a CPU, where vLLM dies of a seeded prompt that is read in two parts."""
    requests = [
        ask(text, number, "Where? " * 8, draw(SIZES[number % 8], number), max_tokens=3, temperature=1.0, seed=number)
        for number in range(60)
    ]
    assert sum(map(PromptReader(text).length, requests)) > 4096
    return requests


def cut_off() -> Picture:
    """A JPEG whose head says its size, so that what is missing shows itself only when it is decoded."""
    held = io.BytesIO()
    draw((300, 300), 1).load().save(held, format="JPEG")
    return Picture(content=held.getvalue()[:-500])


def equal(some: list[Completion], others: list[Completion]) -> int:
    return sum(one == other for one, other in zip(some, others, strict=True))


@pytest.mark.long
def test_two_copies_decode_few_pictures_at_once(sharp_qwen2_vl: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies of the model take the pictures from a queue, in which they are not decoded."""
    text = picture_text(sharp_qwen2_vl)
    asked = [ask(text, number, "Where?", draw((84, 56), number), max_tokens=3) for number in range(60)]
    with opened(sharp_qwen2_vl, text, "transformers") as engine:
        expected = completions_of(engine, asked)
    decoded: list[int] = []
    load = Picture.load
    monkeypatch.setattr(Picture, "load", lambda picture: decoded.append(1) or load(picture))
    ahead: list[int] = []
    done: dict[int, Completion] = {}

    def report(request: Request, completion: Completion) -> None:
        ahead.append(len(decoded) - len(done))
        done[request.index] = completion

    with opened(sharp_qwen2_vl, text, data_parallel_size=2, max_num_seqs=4) as engine:
        engine.generate(asked, report)
    assert equal([done[index] for index in range(60)], expected) >= 55
    # Two copies, two batches of four each; a worker that has finished one request may have begun its next.
    assert max(ahead) <= 2 * 2 * 2 * 4
    assert len(decoded) == 60


def test_a_vision_model_that_is_shown_no_pictures_answers_text(sharp_qwen2_vl: Path) -> None:
    plain = load_model_text(str(sharp_qwen2_vl))
    asked = [ask(plain, 0, "What is 1 + 1?"), ask(plain, 1, "And 2 + 2, if you know it?")]
    with opened(sharp_qwen2_vl, replace(plain, processor=None), "transformers") as engine:
        expected = completions_of(engine, asked)
    with opened(sharp_qwen2_vl, replace(plain, processor=None)) as engine:
        assert completions_of(engine, asked) == expected
        with pytest.raises(GpgError, match="reads text only"):
            completions_of(engine, [ask(plain, 0, "Why?", draw((56, 56), 0))])


def test_a_server_of_vllm_says_what_transformers_says(
    sharp_qwen2_vl: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is started with our limits of pixels, which are not those in the model's folder."""
    text = picture_text(sharp_qwen2_vl)
    own = questions_about_pictures(text)
    ours = [replace(each, index=each.index + 100) for each in questions_about_pictures(text, template=TEMPLATE)]
    with opened(sharp_qwen2_vl, text, "transformers") as engine:
        expected = completions_of(engine, [*own, *ours])
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    limits = json.dumps(processor_arguments(text)["mm_processor_kwargs"])
    options = ["--trust-request-chat-template", "--limit-mm-per-prompt", '{"video": 0}']
    options += ["--mm-processor-kwargs", limits]
    with serving_vllm(sharp_qwen2_vl, tmp_path / "server.log", MAX_MODEL_LENGTH, *options) as url:
        server = EngineOptions("openai", base_url=url, concurrency=4)
        with open_engine(server, str(sharp_qwen2_vl), text, MAX_MODEL_LENGTH) as engine:
            done = completions_of(engine, [*own, *ours])
            seeded = [
                replace(own[0], index=index, sampling=replace(own[0].sampling, temperature=1.0, seed=seed))
                for index, seed in enumerate((7, 7, 8))
            ]
            first, same, other = completions_of(engine, seeded)
    print(f"server: {equal(done, expected)} of {len(done)} as transformers")
    # All 36 on the machine where this was written.
    assert equal(done, expected) >= 30
    assert first == same != other
