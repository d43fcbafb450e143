"""A tiny model, and the folder of a run that trained it, with what a real one has lying about."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gpg_cli.sealed_folder import seal

from .fake_hub import FakeHub

# huggingface_hub reads it when it is imported; the tests that need a Hub bring their own.
os.environ["HF_HUB_OFFLINE"] = "1"

CHAT_TEMPLATE = "{% for message in messages %}{{ message['role'] + ': ' + message['content'] + ' ' }}{% endfor %}"
RUN = {
    "schema": 1,
    "command": ["/home/me/.venv/bin/gpg", "train", "--preset", "open-rs1", "--dataset", "/home/me/data/my rows.jsonl"],
    "preset": "open-rs1",
    "model": "Qwen/Qwen2.5-1.5B",
    "dataset": "/home/me/data/my rows.jsonl",
    "seed": 7,
    "settings": {
        "learning_rate": 1e-6,
        "num_generations": 6,
        "max_completion_length": 8,
        "reward_funcs": ["format", "cosine"],
        "scale_rewards": "group",
        "adjust_gd": False,
        "loss_reduction": "token",
        "min_inverse_alpha": 0.6,
    },
    "versions": {"python": "3.11.7", "torch": "2.13.0"},
    "git_commit": "0123456789abcdef",
    "hardware": "2 CPU cores",
    "started": "2026-11-23T10:15:00+00:00",
    "finished": "2026-11-23T10:18:00+00:00",
    "summary": {"steps": 100, "seconds": 180.0, "accuracy_before": 0.47, "accuracy_after": 0.925},
}
RESULTS = {
    "schema": 1,
    "model": "model",
    "engine": "transformers",
    "versions": {},
    "benches": {
        "math500": {
            "title": "MATH-500",
            "score": 87.6,
            "interval": [84.5, 90.3],
            "problems": 500,
            "correct": 438,
            "sampling": {"temperature": 0.6, "top_p": 0.95, "n": 1},
        }
    },
}

Change = Callable[..., Path]


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder as save_pretrained writes it: a random Qwen2 in bfloat16 and a tokenizer of characters."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    folder = tmp_path_factory.mktemp("tiny") / "model"
    characters = ["<pad>", "<eos>", "<unk>", *(chr(code) for code in range(32, 127))]
    words = Tokenizer(models.WordLevel({char: place for place, char in enumerate(characters)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>", chat_template=CHAT_TEMPLATE
    )
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(characters),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        tie_word_embeddings=False,
        eos_token_id=1,
        pad_token_id=0,
    )
    Qwen2ForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model that a test may change."""
    return Path(shutil.copytree(tiny_model, tmp_path / "some-model"))


@pytest.fixture
def run(tiny_model: Path, tmp_path: Path) -> Path:
    """A finished run: its model lies among what a Trainer leaves beside one."""
    run = tmp_path / "runs" / "open-rs1"
    for name in ("model", "checkpoint-50"):
        shutil.copytree(tiny_model, run / name)
        for left_over in ("optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin", "trainer_state.json"):
            (run / name / left_over).write_bytes(b"\x80\x04N.")
    seal(run / "checkpoint-50", {"step": 50})
    (run / "run.json").write_text(json.dumps(RUN))
    (run / "reward.png").write_bytes(b"\x89PNG")
    return run


@pytest.fixture
def add_results() -> Callable[..., None]:
    """Write what `gpg eval` would have: `add_results(run, "first", results)`."""

    def write(run: Path, name: str, results: Any = RESULTS) -> None:
        folder = run / "eval" / name
        folder.mkdir(parents=True)
        (folder / "results.json").write_text(results if isinstance(results, str) else json.dumps(results))

    return write


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    """A Hub on this machine, and a person who is logged in to it."""
    from huggingface_hub import constants

    with FakeHub() as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
        monkeypatch.setenv("HF_HUB_OFFLINE", "0")
        monkeypatch.setenv("HF_TOKEN", hub.token)
        yield hub


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were to be waited between tries; none passes."""
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    return waited


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """What an export could be: a card, a file in a folder, and weights in two shards."""
    folder = tmp_path / "exported"
    (folder / "results").mkdir(parents=True)
    (folder / "README.md").write_text("---\ntags: [gpg]\n---\n\n# A model\n")
    (folder / "config.json").write_text("{}")
    (folder / "results" / "first.json").write_text('{"score": 1}')
    for part in (1, 2):
        (folder / f"model-0000{part}-of-00002.safetensors").write_bytes(bytes([part]) * 3_000)
    return folder
