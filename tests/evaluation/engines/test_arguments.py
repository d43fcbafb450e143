import importlib.util
from typing import Any

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.engines.arguments import check_arguments, read_arguments


def test_values_are_yaml_and_dashes_are_underscores() -> None:
    texts = ["dtype=float16", "tensor-parallel-size=2", "enforce_eager=true", "hf_overrides={rope: 1}", "revision="]
    assert read_arguments(texts) == {
        "dtype": "float16",
        "tensor_parallel_size": 2,
        "enforce_eager": True,
        "hf_overrides": {"rope": 1},
        "revision": None,
    }
    assert read_arguments([]) == {}


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["dtype"], "'dtype' is not of the form key=value"),
        (["=2"], "'=2' is not of the form key=value"),
        (["max-model-len=2", "max_model_len=3"], "max_model_len is given twice"),
        (["dtype=[1"], r"dtype: '\[1' is not valid YAML"),
    ],
)
def test_what_is_no_argument_is_named(texts: list[str], message: str) -> None:
    with pytest.raises(GpgError, match=message):
        read_arguments(texts)


@pytest.mark.parametrize(
    ("engine", "arguments"),
    [
        ("transformers", {"dtype": "bfloat16", "batch_size": 4}),
        ("openai", {"timeout": 0.5, "retries": 0}),
    ],
)
def test_what_an_engine_knows_passes(engine: str, arguments: dict[str, Any]) -> None:
    check_arguments(engine, arguments)


@pytest.mark.parametrize(
    ("engine", "arguments", "message"),
    [
        ("transformers", {"dtyp": "float16"}, "the engine transformers has no argument 'dtyp'"),
        ("transformers", {"model": "other"}, "names the model a second time"),
        ("transformers", {"dtype": "int8"}, "dtype=int8 is not one of float32, bfloat16, float16"),
        ("transformers", {"dtype": ["float16"]}, "is not one of float32"),
        ("transformers", {"batch_size": 0}, "batch_size=0 is not a whole number of at least 1"),
        ("transformers", {"batch_size": True}, "batch_size=True is not a whole number"),
        ("openai", {"timeout": -1}, "timeout=-1 is not a positive number of seconds"),
        ("openai", {"timeout": float("nan")}, "timeout=nan is not a positive number"),
        ("openai", {"retries": 1.5}, "retries=1.5 is not a whole number of at least 0"),
    ],
)
def test_what_an_engine_does_not_know_is_refused(engine: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(GpgError, match=message):
        check_arguments(engine, arguments)


def test_a_slip_of_the_pen_names_the_nearest_argument() -> None:
    with pytest.raises(GpgError) as caught:
        check_arguments("transformers", {"dtyp": "float16"})
    assert caught.value.hint == "Did you mean dtype? It takes: dtype, batch_size."


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed")
def test_vllms_own_arguments_pass_and_others_do_not(capfd: pytest.CaptureFixture[str]) -> None:
    check_arguments("vllm", {"tensor_parallel_size": 2, "quantization": "fp8", "max_model_len": 4096, "dtype": "half"})
    with pytest.raises(GpgError, match="the engine vllm has no argument 'tensor_paralel_size'") as caught:
        check_arguments("vllm", {"tensor_paralel_size": 2})
    assert "Did you mean tensor_parallel_size" in caught.value.hint
    with pytest.raises(GpgError, match="names the model a second time"):
        check_arguments("vllm", {"model": "org/other"})
    assert capfd.readouterr() == ("", "")
