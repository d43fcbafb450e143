"""vLLM itself, with a real model: slow, and skipped where one of the two is missing."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.engine import Completion, EngineOptions, Request, Sampling
from gpg_cli.evaluation.engines import open_engine
from gpg_cli.evaluation.model_text import load_model_text
from tests.conftest import shared_data

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
]


def test_vllm_completes_with_seeds_and_limits_and_leaves_no_trace(
    smollm2: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text = load_model_text(str(smollm2))
    chat = text.tokenizer.apply_chat_template(
        [{"role": "user", "content": "What is the capital of France?"}], tokenize=False, add_generation_prompt=True
    )
    ids = tuple(text.tokenizer(chat, add_special_tokens=False)["input_ids"])
    greedy = Request(0, ids, Sampling(0.0, 1.0, max_tokens=40, seed=0))
    short = Request(1, ids, Sampling(0.0, 1.0, max_tokens=3, seed=0))
    same = [Request(index, ids, Sampling(1.0, 1.0, max_tokens=20, seed=7)) for index in (2, 3)]
    other = Request(4, ids, Sampling(1.0, 1.0, max_tokens=20, seed=8))
    done: dict[int, Completion] = {}
    environment = dict(os.environ)
    with open_engine(EngineOptions("vllm"), str(smollm2), text, max_model_length=len(ids) + 40) as engine:
        engine.generate(
            [greedy, short, *same, other], lambda request, completion: done.__setitem__(request.index, completion)
        )
    assert "Paris" in done[0].text
    assert done[0].finish_reason == "stop"
    assert (done[1].tokens, done[1].finish_reason) == (3, "length")
    assert done[2] == done[3] != done[4]
    out, err = capfd.readouterr()
    assert out == ""
    assert err.splitlines() == ["Starting vLLM (half a minute) ..."]
    assert {key for key in environment if os.environ.get(key) != environment[key]} == set()


def test_prompts_with_seeds_that_do_not_fit_into_one_batch(smollm2: Path) -> None:
    """vLLM's batches have 4,096 tokens on a CPU; it dies of a seeded prompt that is read in two parts."""
    text = load_model_text(str(smollm2))
    ids = tuple(text.tokenizer("Once upon a time there was " * 50)["input_ids"])
    requests = [Request(index, (index, *ids), Sampling(0.6, 0.95, max_tokens=4, seed=index)) for index in range(20)]
    assert 20 * (len(ids) + 1) > 4096
    assert 4096 % (len(ids) + 1) != 0
    done: dict[int, Completion] = {}
    with open_engine(EngineOptions("vllm"), str(smollm2), text, max_model_length=len(ids) + 5) as engine:
        engine.generate(requests, lambda request, completion: done.__setitem__(request.index, completion))
    assert sorted(done) == list(range(20))


def test_a_model_that_does_not_suit_vllm_is_an_error_in_words(tmp_path: Path, tiny_model: Path) -> None:
    import shutil

    from safetensors.torch import load_file, save_file

    folder = Path(shutil.copytree(tiny_model, tmp_path / "without-a-norm"))
    weights = load_file(folder / "model.safetensors")
    del weights["model.norm.weight"]
    save_file(weights, folder / "model.safetensors")
    with (
        pytest.raises(GpgError, match="vLLM does not start with") as caught,
        open_engine(EngineOptions("vllm"), str(folder), load_model_text(str(folder)), max_model_length=32),
    ):
        pass
    log = Path(caught.value.hint.rpartition(" ")[2])
    assert "Error" in log.read_text()
    log.unlink()


@pytest.mark.long
@pytest.mark.parametrize("engine", ["vllm", "transformers"])
def test_the_whole_command_with_the_real_model(smollm2: Path, tmp_path: Path, engine: str) -> None:
    data = shared_data("math500.jsonl")
    command = [sys.executable, "-m", "gpg_cli", "eval", "--model", smollm2, "--bench", "math500", "--limit", "8"]
    options = ["--data", f"math500={data}", "--max-tokens", "64", "--engine", engine, "--output-dir", tmp_path / "out"]
    done = subprocess.run([*command, *options, "--json"], capture_output=True, text=True, check=True)
    result = json.loads(done.stdout)
    assert result["engine"] == engine
    assert result["benches"]["math500"]["problems"] == 8
    assert len((tmp_path / "out" / "samples.jsonl").read_text().splitlines()) == 8
