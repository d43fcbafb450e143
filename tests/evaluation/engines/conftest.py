"""What the slow tests of vLLM share: eight questions to the real model, and what one copy of it under vLLM answers."""

import importlib.util
from pathlib import Path

import pytest

from gpg_cli.evaluation.engine import Completion, Engine, EngineOptions, Request, Sampling
from gpg_cli.evaluation.engines import open_engine
from gpg_cli.evaluation.model_text import ModelText, load_model_text
from tests.evaluation.engines.picture_requests import save_sharp_vision_model

MAX_MODEL_LENGTH = 512
QUESTIONS = [
    "What is the capital of France?",
    "What is 12 times 12?",
    "Name three primes.",
    "Why is the sky blue?",
    "Write one sentence about a cat.",
    "How many minutes has a day?",
    "Say 'été' twice.",
    "What is the square root of 81? Put it into a box.",
]


def completions_of(engine: Engine, requests: list[Request]) -> list[Completion]:
    done: dict[int, Completion] = {}

    def report(request: Request, completion: Completion) -> None:
        assert request.index not in done, "reported twice"
        done[request.index] = completion

    engine.generate(requests, report)
    assert len(done) == len(requests)
    return [done[request.index] for request in requests]


@pytest.fixture(scope="session")
def smollm2_text(smollm2: Path) -> ModelText:
    return load_model_text(str(smollm2))


@pytest.fixture(scope="session")
def asked(smollm2_text: ModelText) -> list[Request]:
    """Greedy, each with a limit of its own."""
    tokenizer = smollm2_text.tokenizer
    requests = []
    for index, question in enumerate(QUESTIONS):
        message = [{"role": "user", "content": question}]
        chat = tokenizer.apply_chat_template(message, tokenize=False, add_generation_prompt=True)
        ids = tuple(tokenizer(chat, add_special_tokens=False)["input_ids"])
        requests.append(Request(index, ids, Sampling(0.0, 1.0, max_tokens=24 + 4 * index, seed=index)))
    return requests


@pytest.fixture(scope="session")
def from_one_copy(smollm2: Path, smollm2_text: ModelText, asked: list[Request]) -> list[Completion]:
    if importlib.util.find_spec("vllm") is None:
        pytest.skip("vLLM is not installed")
    with open_engine(EngineOptions("vllm"), str(smollm2), smollm2_text, MAX_MODEL_LENGTH) as engine:
        return completions_of(engine, asked)


@pytest.fixture(scope="session")
def sharp_qwen2_vl(tmp_path_factory: pytest.TempPathFactory, needs_torchvision: None) -> Path:
    """A folder with a tiny Qwen2-VL whose answers hang on the picture."""
    return save_sharp_vision_model(tmp_path_factory.mktemp("sharp_qwen2_vl"))


@pytest.fixture(scope="session")
def sharp_qwen2_5_vl(tmp_path_factory: pytest.TempPathFactory, needs_torchvision: None) -> Path:
    """The same as a Qwen2.5-VL."""
    return save_sharp_vision_model(tmp_path_factory.mktemp("sharp_qwen2_5_vl"), "qwen2_5_vl")
