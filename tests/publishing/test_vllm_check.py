"""The exported model in the real vLLM, in a process of its own."""

import importlib.util
from pathlib import Path

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.publishing.request import ExportRequest
from gpg_cli.publishing.run import export_model
from gpg_cli.publishing.vllm_check import require_vllm, verify_in_vllm

needs_vllm = pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="needs vLLM")


@pytest.mark.slow
@needs_vllm
def test_vllm_computes_what_transformers_does(smollm2: Path, tmp_path: Path) -> None:
    result = export_model(ExportRequest(str(smollm2), to=tmp_path / "exported", check="vllm"))
    assert result.checks[-1].startswith("vLLM gives its tokens the same log-probabilities (0.0")


@pytest.mark.slow
@needs_vllm
def test_a_model_that_vllm_refuses_is_not_exported(model: Path, tmp_path: Path) -> None:
    # Heads of 16: vLLM's attention on a CPU takes none below 32.
    with pytest.raises(GpgError, match=r"vLLM cannot run the exported model: .*head_dim=16"):
        export_model(ExportRequest(str(model), to=tmp_path / "exported", check="vllm"))
    assert not (tmp_path / "exported").exists()


def test_other_numbers_are_noticed(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "gpg_cli.publishing.vllm_check._ask_vllm",
        lambda folder, dtype, longest, prompts: [-1.0 for tokens in prompts for _ in tokens[1:]],
    )
    with pytest.raises(GpgError, match=r"vLLM gives other log-probabilities .* nats off a token, in bfloat16"):
        verify_in_vllm(model)


def test_without_vllm_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpg_cli.publishing.vllm_check.find_spec", lambda name: None)
    with pytest.raises(GpgError, match=r"pip install .*gpg-cli\[vllm\]"):
        require_vllm()
