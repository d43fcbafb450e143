"""Several copies of the model: how many, and that they answer as one does."""

import multiprocessing
import os
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.engine import Completion, EngineOptions, Request, Sampling
from gpg_cli.evaluation.engines import open_engine
from gpg_cli.evaluation.engines.vllm import VllmEngine, replicas_on
from gpg_cli.evaluation.model_text import ModelText, load_model_text
from tests.evaluation.engines.conftest import MAX_MODEL_LENGTH, completions_of
from tests.faults import LONG


@pytest.mark.parametrize(
    ("gpus", "arguments", "copies"),
    [
        (0, {}, 1),
        (1, {}, 1),
        (8, {}, 8),
        (8, {"tensor_parallel_size": 2}, 4),
        (8, {"tensor_parallel_size": 2, "pipeline_parallel_size": 2}, 2),
        (3, {"tensor_parallel_size": 2}, 1),
        (2, {"tensor_parallel_size": 4}, 1),
    ],
)
def test_every_visible_gpu_is_used(gpus: int, arguments: dict[str, Any], copies: int) -> None:
    assert replicas_on(gpus, arguments) == copies


def test_a_max_model_len_that_is_too_short_is_found_before_vllm_starts(chat_model: Path) -> None:
    with pytest.raises(GpgError, match=r"max_model_len=64 is shorter than .* 128 tokens"):
        VllmEngine(str(chat_model), load_model_text(str(chat_model)), 128, {"max_model_len": 64})


@pytest.mark.slow
def test_two_copies_answer_as_one_does(
    smollm2: Path,
    smollm2_text: ModelText,
    asked: list[Request],
    from_one_copy: list[Completion],
    capfd: pytest.CaptureFixture[str],
) -> None:
    capfd.readouterr()
    options = EngineOptions("vllm", arguments={"data_parallel_size": 2, "max_num_seqs": 4})
    warm = [
        replace(each, index=100 + number, sampling=Sampling(1.0, 1.0, 20, seed=7)) for number, each in enumerate(asked)
    ]
    # The same question with the same seed in another batch, on whichever copy it comes to.
    again = [replace(each, index=each.index + 100) for each in warm]
    with open_engine(options, str(smollm2), smollm2_text, MAX_MODEL_LENGTH) as engine:
        assert len(_cores()) == 2
        asked_of = _requests_by_copy(engine)
        together = completions_of(engine, [*asked, *warm, *again])
        assert together[:8] == from_one_copy
        assert together[8:16] == together[16:]
        assert asked_of.total() == 24
        assert len(asked_of) == 2
        assert min(asked_of.values()) >= 8
        assert completions_of(engine, asked) == from_one_copy
    assert _all_end()
    out, err = capfd.readouterr()
    assert out == ""
    assert err.splitlines() == ["Starting vLLM with 2 copies of the model (half a minute) ..."]


@pytest.mark.slow
@pytest.mark.parametrize("copies", [1, pytest.param(2, marks=LONG)])
def test_when_a_copy_dies_what_was_finished_has_been_reported(
    smollm2: Path, smollm2_text: ModelText, asked: list[Request], from_one_copy: list[Completion], copies: int
) -> None:
    done: list[int] = []
    long = [replace(each, sampling=replace(each.sampling, max_tokens=300, temperature=1.0)) for each in asked[1:]]

    def report(request: Request, completion: Completion) -> None:
        done.append(request.index)
        os.kill(_cores()[-1], 9)

    options = EngineOptions("vllm", arguments={"data_parallel_size": copies, "max_num_seqs": 4})
    with (
        open_engine(options, str(smollm2), smollm2_text, MAX_MODEL_LENGTH) as engine,
        pytest.raises(GpgError, match=r"vLLM died with \d of 8 completions unfinished"),
    ):
        engine.generate([replace(asked[0], sampling=replace(asked[0].sampling, max_tokens=2)), *long], report)
    assert done[0] == 0
    assert len(done) < 8
    assert _all_end()


def _cores() -> list[int]:
    """Process ids of vLLM's engines that this process has started."""
    children = multiprocessing.active_children()
    return [child.pid for child in children if child.name.startswith("EngineCore") and child.pid is not None]


def _all_end(within_s: float = 20.0) -> bool:
    """Whether they are gone soon; a process that is killed lives on for a moment."""
    until = time.monotonic() + within_s
    while _cores() and time.monotonic() < until:
        time.sleep(0.05)
    return not _cores()


def _requests_by_copy(engine: Any) -> Counter[bytes]:
    """Counts, from now on, the requests that vLLM's load balancing gives to each copy."""
    client = engine._replicas._engine.engine_core
    choose = client.get_core_engine_for_request
    counts: Counter[bytes] = Counter()

    def counted(request: Any) -> bytes:
        chosen: bytes = choose(request)
        counts[chosen] += 1
        return chosen

    client.get_core_engine_for_request = counted
    return counts
