from pathlib import Path
from typing import Any

import pytest
import torch

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.engines import check_engine, choose_engine


def with_vllm(monkeypatch: pytest.MonkeyPatch, *, installed: bool) -> None:
    found: Any = object() if installed else None
    monkeypatch.setattr("importlib.util.find_spec", lambda name: found if name == "vllm" else None)


def test_an_unknown_engine_names_the_nearest() -> None:
    with pytest.raises(GpgError, match="unknown engine 'vlm'") as caught:
        check_engine("vlm")
    assert "Did you mean vllm?" in caught.value.hint


def test_a_missing_vllm_tells_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with_vllm(monkeypatch, installed=False)
    check_engine("auto")
    check_engine("transformers")
    with pytest.raises(GpgError, match="not installed") as caught:
        check_engine("vllm")
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
    assert choose_engine("auto", "org/model-on-the-hub") == chosen
    assert choose_engine("transformers", "org/model-on-the-hub") == "transformers"


def test_auto_leaves_a_tiny_model_to_transformers(monkeypatch: pytest.MonkeyPatch, tiny_model: Path) -> None:
    with_vllm(monkeypatch, installed=True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_engine("auto", str(tiny_model)) == "transformers"
