"""The engine openai against the real `vllm serve` on loopback: slow, and skipped where vLLM or the model is missing."""

import importlib.util
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.engine import Completion, EngineOptions, Request, Sampling
from gpg_cli.evaluation.engines import open_engine
from gpg_cli.evaluation.engines.completions_api import Way
from gpg_cli.evaluation.engines.openai import OpenAIEngine
from gpg_cli.evaluation.model_text import ModelText
from tests.evaluation.engines.conftest import MAX_MODEL_LENGTH, completions_of
from tests.evaluation.engines.vllm_server import KEY, serving_vllm

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
]


@pytest.fixture(scope="module")
def served(smollm2: Path, from_one_copy: list[Completion], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a server; `from_one_copy` comes first, so that there is never more than one vLLM."""
    log = tmp_path_factory.mktemp("vllm") / "server.log"
    with serving_vllm(smollm2, log, MAX_MODEL_LENGTH, "--served-model-name", "smollm2") as url:
        yield url


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def test_a_server_of_vllm_writes_what_vllm_in_this_program_writes(
    served: str, smollm2: Path, smollm2_text: ModelText, asked: list[Request], from_one_copy: list[Completion]
) -> None:
    options = EngineOptions("openai", base_url=served, concurrency=4)
    with open_engine(options, str(smollm2), smollm2_text, MAX_MODEL_LENGTH) as engine:
        assert completions_of(engine, asked) == from_one_copy
        seeded = [
            replace(asked[3], index=number, sampling=Sampling(1.0, 1.0, 20, seed=seed))
            for number, seed in enumerate((7, 7, 8))
        ]
        first, same, other = completions_of(engine, seeded)
        assert first == same != other


def test_prompts_as_text_are_the_same_tokens(
    served: str, smollm2_text: ModelText, asked: list[Request], from_one_copy: list[Completion]
) -> None:
    """The server answers with the tokens it has read, and the engine refuses an answer to any other prompt."""
    engine = OpenAIEngine(EngineOptions("openai", base_url=served), smollm2_text, MAX_MODEL_LENGTH)
    assert engine._way == Way(token_ids=True, extensions=True)
    engine._way = Way(token_ids=False, extensions=True)
    assert completions_of(engine, asked) == from_one_copy


def test_what_the_server_refuses_is_said_in_its_words(
    served: str, smollm2_text: ModelText, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(GpgError, match=f"serves smollm2 with {MAX_MODEL_LENGTH} tokens"):
        OpenAIEngine(EngineOptions("openai", base_url=served), smollm2_text, MAX_MODEL_LENGTH + 1)
    with pytest.raises(GpgError, match="answers 404: The model `smolm2` does not exist") as unknown:
        OpenAIEngine(EngineOptions("openai", base_url=served, served_model="smolm2"), smollm2_text, MAX_MODEL_LENGTH)
    assert "Did you mean smollm2?" in unknown.value.hint
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong")
    with pytest.raises(GpgError, match="answers 401") as refused:
        OpenAIEngine(EngineOptions("openai", base_url=served), smollm2_text, MAX_MODEL_LENGTH)
    assert "sk-wrong" not in str(refused.value)
