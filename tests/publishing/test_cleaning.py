"""Texts that leave the machine."""

from typing import Any

import pytest

from gpg_cli.publishing.cleaning import public_text, public_value

WANDB = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/home/me/recipe.yaml", "recipe.yaml"),
        ("/home/me/my data/the rows.jsonl", "the rows.jsonl"),
        ("--config=/home/me/recipe.yaml", "--config=recipe.yaml"),
        ("math500=/data/my rows.jsonl", "math500=my rows.jsonl"),
        ("~/models/qwen", "qwen"),
        ("../../me/qwen", "qwen"),
        ("C:\\Users\\me\\rows.jsonl", "rows.jsonl"),
        ("file:///home/me/rows.jsonl", "rows.jsonl"),
        ("/home/me/rewards.py:my_reward", "rewards.py:my_reward"),
        ("/home/me/rows.jsonl: 3 rows were left out", "rows.jsonl: 3 rows were left out"),
        ("of /home/me/a.jsonl and ~/b.jsonl, row 7", "of a.jsonl and b.jsonl, row 7"),
        ("train --config /home/me/a.yaml --model=/m/qwen", "train --config a.yaml --model=qwen"),
        ('{"data": "/home/me/rows.jsonl"}', '{"data": "rows.jsonl"}'),
        ("bench_data={math500: /data/me/rows.jsonl}", "bench_data={math500: rows.jsonl}"),
    ],
)
def test_of_a_path_only_the_last_component_is_left(text: str, shown: str) -> None:
    assert public_text(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "recipes/mine.yaml",
        "Qwen/Qwen2.5-Math-7B",
        "learning_rate=1e-6",
        "https://huggingface.co/me/model",
        "alpha = B / (B - M), 1/2 and/or",
        "<think> reasoning </think><answer> a/b </answer>",
        "Answer. /no_think",
        "rewards/accuracy/mean",
        "2026-11-23T10:15:00+00:00",
        "\\boxed{\\frac{1}{2}}",
    ],
)
def test_all_else_stays_as_it_is(text: str) -> None:
    assert public_text(text) == text


def test_tokens_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "a-key-of-another-form")
    text = f"hub_token=x hf_abcdefghijkl sk-proj-abcdefghijklmnop WANDB_API_KEY={WANDB} a-key-of-another-form"
    assert public_text(text) == "hub_token=*** hf_*** sk-*** WANDB_API_KEY=*** ***"


def test_a_commit_is_no_token() -> None:
    assert public_text(WANDB) == WANDB


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (
            ["train", "--main-process-ip", "10.0.0.3", "--seed", "1"],
            ["train", "--main-process-ip", "***", "--seed", "1"],
        ),
        (["--set", "vllm_server_host=gpu17"], ["--set", "vllm_server_host=***"]),
        ({"vllm_server_base_url": "http://gpu17:8000", "eos_token": "<eos>"}, None),
        ({"hub_token": None, "max_tokens": 5, "/home/me/r.py:f": [1, {"x": "/a/b"}]}, None),
    ],
)
def test_machines_are_not_named_and_keys_are_texts_too(value: Any, shown: Any) -> None:
    expected = {
        "vllm_server_base_url": {"vllm_server_base_url": "***", "eos_token": "<eos>"},
        "hub_token": {"hub_token": None, "max_tokens": 5, "r.py:f": [1, {"x": "b"}]},
    }
    assert public_value(value) == (shown or expected[next(iter(value))])
