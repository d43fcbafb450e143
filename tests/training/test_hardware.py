"""Wishes of a preset that a machine cannot fulfil; these tests run where there is no GPU."""

import pytest
import torch

from gpg_cli.training.hardware import describe_hardware, fit_to_hardware
from gpg_cli.training.settings import resolve_settings

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="is about machines without a GPU")


def test_a_preset_for_gpus_is_fitted_to_a_cpu_and_each_wish_given_up_is_told() -> None:
    fitted, notes = fit_to_hardware(resolve_settings(preset="open-rs1"))
    assert notes == [
        "No flash_attention_2 here: using PyTorch's own attention (sdpa).",
        "No GPU here: sampling with transformers instead of vLLM.",
        "No bfloat16 arithmetic here: training in float32.",
    ]
    assert fitted.run.attn_implementation == "sdpa"
    assert (fitted.trainer["bf16"], fitted.trainer["use_cpu"]) == (False, True)


def test_the_quickstart_gives_up_nothing() -> None:
    assert fit_to_hardware(resolve_settings(preset="quickstart"))[1] == []


def test_the_hardware_is_described_in_a_line() -> None:
    assert describe_hardware().startswith("CPU (")
