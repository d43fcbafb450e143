"""Sampling with vLLM inside the trainer, which needs a GPU: here up to the calls of TRL, and of the real engine.

benchmarks/gpu.md lists what is to be run on a GPU.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from gpg_cli.errors import GpgError
from gpg_cli.training.hardware import fit_to_hardware
from gpg_cli.training.sampling import SeededEngine, seed_of
from gpg_cli.training.settings import resolve_settings
from tests.training.rollouts import lines_of, make_trainer, weights_of


class PlayedVLLM:
    """Stands where TRL's VLLMGeneration stands: remembers what it is given, and plays completions."""

    made: "PlayedVLLM"
    log_probs: Callable[[list[int], list[int]], list[float]]

    def __init__(self, **arguments: Any) -> None:
        self.arguments = arguments
        self.generation_kwargs: dict[str, Any] = arguments["generation_kwargs"] or {}
        self.tensor_parallel_size = arguments["tensor_parallel_size"]
        self.llm = object()
        self.synced = 0
        self.seeds: list[list[int]] = []
        type(self).made = self

    @property
    def vllm_client(self) -> Any:
        class Client:
            @staticmethod
            def get_server_info() -> dict[str, Any]:
                return {"model_config": {"logprobs_mode": "processed_logprobs"}}

        return Client

    def sync_weights(self) -> None:
        self.synced += 1

    def generate(self, prompts: list[list[int]], images: Any, num_generations: int, profiler: Any) -> tuple:
        if isinstance(self.llm, SeededEngine):
            self.seeds.append(self.llm.seeds)
        completions = [[5 + (row * 7 + place) % 8 for place in range(2 + row % 5)] for row in range(len(prompts))]
        pairs = zip(prompts, completions, strict=True)
        return prompts, completions, [[[value] for value in type(self).log_probs(*pair)] for pair in pairs], None


@pytest.fixture
def trainer_with(monkeypatch: pytest.MonkeyPatch, tiny_model: Path, tmp_path: Path) -> Callable[..., Any]:
    """`trainer_with(log_probs, ...)`: a trainer that samples with the played engine."""

    def make(log_probs: Callable[[list[int], list[int]], list[float]], **settings: Any) -> Any:
        PlayedVLLM.log_probs = staticmethod(log_probs)
        monkeypatch.setattr("trl.trainer.grpo_trainer.VLLMGeneration", PlayedVLLM)

        def pay(completions: list[str], **columns: Any) -> list[float]:
            return [float(row % 2) for row in range(len(completions))]

        trainer = make_trainer(
            tiny_model, tmp_path, rewards=[pay],
            **{"use_vllm": True, "vllm_mode": "colocate", "max_steps": 1, "prompts": 2, **settings},
        )  # fmt: skip
        trainer.rollout_func = None
        return trainer

    return make


@pytest.fixture
def engine_log_probs(tiny_model: Path) -> Callable[[float], Callable]:
    """The trainer's own log-probabilities, off by a constant, as an engine would give them."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny_model)

    def off_by(difference: float) -> Callable[[list[int], list[int]], list[float]]:
        def of(prompt: list[int], completion: list[int]) -> list[float]:
            with torch.no_grad():
                logits = model(torch.tensor([prompt + completion])).logits[0, len(prompt) - 1 : -1]
            exact = logits.log_softmax(-1)[range(len(completion)), completion]
            return (exact + difference).tolist()

        return of

    return off_by


def test_trl_is_given_the_engines_settings_and_each_completion_a_seed(
    trainer_with: Callable, engine_log_probs: Callable
) -> None:
    trainer = trainer_with(
        engine_log_probs(0.0), vllm_enable_sleep_mode=True, vllm_gpu_memory_utilization=0.25, temperature=1.0
    )
    trainer.train()
    given = PlayedVLLM.made.arguments
    assert (given["mode"], given["enable_sleep_mode"], given["gpu_memory_utilization"]) == ("colocate", True, 0.25)
    assert (given["max_num_seqs"], given["logprobs"]) == (8, 0)
    (seeds,) = PlayedVLLM.made.seeds
    order = [group.prompt for group in trainer._batch.generated]
    assert seeds == [seed_of(trainer.args.seed, 0, prompt, sample) for prompt in order for sample in range(4)]
    assert PlayedVLLM.made.synced == 1


def test_a_server_is_given_one_seed_a_step(trainer_with: Callable, engine_log_probs: Callable) -> None:
    trainer_with(engine_log_probs(0.0), vllm_mode="server", vllm_server_base_url="http://127.0.0.1:8000").train()
    assert PlayedVLLM.made.arguments["server_base_url"] == "http://127.0.0.1:8000"
    assert 0 <= PlayedVLLM.made.generation_kwargs["seed"] < 2**31


@pytest.mark.parametrize(
    ("settings", "factor"),
    [
        pytest.param({"vllm_importance_sampling_correction": False}, 1.0, id="off"),
        pytest.param({}, math.exp(0.1), id="token, the default"),
        pytest.param({"vllm_importance_sampling_clip_max": 1.05}, 1.05, id="truncated"),
    ],
)
def test_tokens_are_weighted_by_how_much_likelier_the_trainer_finds_them(
    trainer_with: Callable, engine_log_probs: Callable, settings: dict[str, Any], factor: float
) -> None:
    """In the loss, from the engine's probabilities: no second forward pass."""

    def change(difference: float, **settings: Any) -> torch.Tensor:
        trainer = trainer_with(
            engine_log_probs(difference), optim="sgd", learning_rate=1.0, max_grad_norm=0.0, weight_decay=0.0,
            lr_scheduler_type="constant", **settings,
        )  # fmt: skip
        before, calls = weights_of(trainer.model), []
        trainer.model.register_forward_hook(lambda *hooked: calls.append(1))
        trainer.train()
        assert len(calls) == 1
        return before - weights_of(trainer.model)

    plain = change(0.0)
    torch.testing.assert_close(change(-0.1, **settings), plain * factor, rtol=1e-3, atol=1e-6)


def test_prompt_weights_work_with_vllm(trainer_with: Callable, engine_log_probs: Callable) -> None:
    """Trap T9: upstream's list of problems exists only without vLLM."""
    trainer = trainer_with(engine_log_probs(0.0), sample_strategy="hard", max_steps=2)
    trainer.args.max_sampling_difference = 9.0
    trainer.train()
    assert trainer.state.global_step == 2


def test_the_difference_to_the_engine_is_logged_and_bounded(trainer_with: Callable, engine_log_probs: Callable) -> None:
    trainer = trainer_with(engine_log_probs(0.1))
    trainer.train()
    assert lines_of(trainer)[0]["sampling/logp_difference/mean"] == pytest.approx(0.1, rel=1e-3)
    with pytest.raises(GpgError, match=r"log-probabilities differ by 0\.500"):
        trainer_with(engine_log_probs(0.5)).train()


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text("model_name_or_path: m\ndataset_name: d\nreward_funcs: [accuracy]\nuse_vllm: true\n")
    return path


@pytest.fixture
def a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda: True)


@pytest.mark.usefixtures("a_gpu")
def test_without_vllm_two_lines_say_what_to_do(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(GpgError, match="vLLM, which is not installed") as caught:
        fit_to_hardware(resolve_settings(config=recipe))
    assert "--vllm off" in caught.value.hint


def test_without_a_gpu_transformers_samples_instead(recipe: Path) -> None:
    fitted, notes = fit_to_hardware(resolve_settings(config=recipe))
    assert fitted.trainer["use_vllm"] is False
    assert "No GPU here: sampling with transformers instead of vLLM." in notes


@pytest.mark.slow
def test_the_real_engine_samples_by_seed_whatever_the_order(smollm2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vllm = pytest.importorskip("vllm")
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
    # A forked copy of a process in which torch has computed hangs.
    monkeypatch.setenv("VLLM_WORKER_MULTIPROC_METHOD", "spawn")
    llm = vllm.LLM(model=str(smollm2), dtype="float32", max_model_len=512, enforce_eager=True, max_num_seqs=8)
    engine = SeededEngine(llm)
    prompts = [{"prompt_token_ids": [1, 50 + number, 60]} for number in range(4)]
    parameters = vllm.SamplingParams(n=1, temperature=1.0, max_tokens=12)

    def sample(order: list[int]) -> list[list[int]]:
        engine.seeds = [seed_of(0, 0, number, 0) for number in order]
        outputs = engine.generate([prompts[n] for n in order], sampling_params=parameters, use_tqdm=False)
        return [list(output.outputs[0].token_ids) for output in outputs]

    assert sample([3, 1, 0, 2]) == [sample([0, 1, 2, 3])[number] for number in (3, 1, 0, 2)]
