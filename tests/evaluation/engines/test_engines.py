from pathlib import Path
from typing import Any

import pytest
import torch

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.engine import EngineOptions
from gpg_cli.evaluation.engines import check_engine, choose_engine

URL = "http://localhost:8000/v1"


def with_vllm(monkeypatch: pytest.MonkeyPatch, *, installed: bool) -> None:
    found: Any = object() if installed else None
    monkeypatch.setattr("importlib.util.find_spec", lambda name: found if name == "vllm" else None)


def test_an_unknown_engine_names_the_nearest() -> None:
    with pytest.raises(GpgError, match="unknown engine 'vlm'") as caught:
        check_engine(EngineOptions("vlm"))
    assert "Did you mean vllm?" in caught.value.hint


def test_a_missing_vllm_tells_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with_vllm(monkeypatch, installed=False)
    check_engine(EngineOptions("auto"))
    check_engine(EngineOptions("transformers"))
    with pytest.raises(GpgError, match="not installed") as caught:
        check_engine(EngineOptions("vllm"))
    assert 'pip install "gpg-cli[vllm]"' in caught.value.hint
    assert "gpg-cli[cpu]" in caught.value.hint


@pytest.mark.parametrize(
    ("installed", "gpu", "chosen"),
    [(True, True, "vllm"), (True, False, "transformers"), (False, True, "transformers")],
)
def test_auto_takes_vllm_where_it_is_installed_and_a_gpu_is_there(
    monkeypatch: pytest.MonkeyPatch, installed: bool, gpu: bool, chosen: str
) -> None:
    with_vllm(monkeypatch, installed=installed)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    assert choose_engine(EngineOptions("auto"), "org/model-on-the-hub").name == chosen
    assert choose_engine(EngineOptions("transformers"), "org/model-on-the-hub").name == "transformers"


def test_auto_leaves_a_tiny_model_to_transformers(monkeypatch: pytest.MonkeyPatch, tiny_model: Path) -> None:
    with_vllm(monkeypatch, installed=True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_engine(EngineOptions("auto"), str(tiny_model)).name == "transformers"


def test_auto_with_a_server_is_the_server() -> None:
    chosen = choose_engine(EngineOptions("auto", base_url=URL, concurrency=8), "org/model")
    assert chosen == EngineOptions("openai", base_url=URL, concurrency=8)
    check_engine(chosen)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (EngineOptions("openai"), "the engine openai needs a server"),
        (EngineOptions("vllm", base_url=URL), "--base-url says something about a server, which the engine vllm does"),
        (EngineOptions("transformers", served_model="m"), "--served-model says something about a server"),
        (EngineOptions("auto", concurrency=8), "--concurrency says something about a server"),
        (EngineOptions("openai", base_url=URL, concurrency=0), "--concurrency 0 is too small"),
        (EngineOptions("auto", arguments={"dtype": "float16"}), "--engine-arg needs an engine that is named"),
        (EngineOptions("openai", base_url="localhost:8000/v1"), "is not the address of a server"),
        (EngineOptions("openai", base_url="http://local host/v1"), "is not the address of a server"),
        (EngineOptions("openai", base_url="http://host:none/v1"), "--base-url is not an address"),
        (EngineOptions("openai", base_url="http://host/v1?x=1"), "goes on after the path"),
        (EngineOptions("auto", base_url=URL, arguments={"dtype": "float16"}), "openai has no argument 'dtype'"),
    ],
)
def test_what_does_not_go_together_is_found_before_anything_loads(options: EngineOptions, message: str) -> None:
    with pytest.raises(GpgError, match=message):
        check_engine(options)


def test_a_password_in_the_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(GpgError, match="holds a user's name or password") as caught:
        check_engine(EngineOptions("openai", base_url="http://me:s3cret@host/v1"))
    assert "s3cret" not in str(caught.value)


def test_a_key_that_cannot_be_sent_is_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line break in a header would be an error of the HTTP library that shows the header."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-first\nsk-second")
    with pytest.raises(GpgError, match="OPENAI_API_KEY") as caught:
        check_engine(EngineOptions("openai", base_url=URL))
    assert "sk-" not in str(caught.value)
