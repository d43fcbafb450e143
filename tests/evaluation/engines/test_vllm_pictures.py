"""Pictures through vLLM itself, and through its server: slow, and skipped where vLLM is missing."""

import importlib.util
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.engine import Completion, Engine, EngineOptions, Request
from gpg_cli.evaluation.engines import open_engine
from gpg_cli.evaluation.engines.pictures import PromptReader
from gpg_cli.evaluation.engines.vllm import VllmEngine
from gpg_cli.evaluation.model_text import ModelText, load_model_text
from gpg_cli.vision.images import Picture
from tests.evaluation.engines.conftest import completions_of
from tests.evaluation.engines.picture_requests import (
    MAX_MODEL_LENGTH,
    ask,
    draw,
    picture_text,
    questions_about_pictures,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
]


def opened(folder: Path, text: ModelText, name: str = "vllm", **arguments: object) -> Iterator[Engine]:
    return open_engine(EngineOptions(name, arguments=arguments), str(folder), text, MAX_MODEL_LENGTH)  # type: ignore[return-value]


def prompt_lengths(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Collects, from now on, how many tokens vLLM says it has read of each prompt."""
    assert isinstance(engine, VllmEngine)
    complete, lengths = engine._replicas.complete, []

    def noted(prompts):  # type: ignore[no-untyped-def]
        for done in complete(prompts):
            lengths.append(done.prompt_length)
            yield done

    monkeypatch.setattr(engine._replicas, "complete", noted)
    return lengths


@pytest.mark.parametrize("kind", ["sharp_qwen2_vl", "sharp_qwen2_5_vl"])
def test_vllm_says_what_transformers_says(
    kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    folder: Path = request.getfixturevalue(kind)
    text = picture_text(folder)
    asked = questions_about_pictures(text)
    with opened(folder, text, "transformers") as engine:
        expected = completions_of(engine, asked)
    capfd.readouterr()
    with opened(folder, text, max_num_seqs=4) as engine:
        lengths = prompt_lengths(engine, monkeypatch)
        together = completions_of(engine, asked)
        assert sorted(lengths) == sorted(len(PromptReader(text).token_ids(each)) for each in asked)
        alone = [completions_of(engine, [each])[0] for each in asked]
        hot = [replace(each, sampling=replace(each.sampling, temperature=1.0, seed=7)) for each in asked[:4]]
        assert completions_of(engine, hot) == completions_of(engine, [*hot, *asked])[:4] != together[:4]
        with pytest.raises(GpgError, match="there is no picture"):
            completions_of(engine, [ask(text, 0, "Why?", Picture("gone.png"))])
    assert capfd.readouterr().err.splitlines() == ["Starting vLLM (half a minute) ..."]
    print(f"{kind}: {equal(together, expected)} of {len(asked)} as transformers, {equal(together, alone)} as alone")
    # All 18 on the machine where this was written; others may round the last bits in another way.
    assert equal(together, expected) >= 15
    assert equal(together, alone) >= 15


def equal(some: list[Completion], others: list[Completion]) -> int:
    return sum(one == other for one, other in zip(some, others, strict=True))


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
