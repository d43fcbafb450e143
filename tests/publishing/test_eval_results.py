"""`.eval_results/*.yaml`, read back as the Hub's client reads it."""

from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import EvalResultEntry, parse_eval_result_entries

from gpg_cli.publishing.eval_results import write_eval_results
from gpg_cli.publishing.scores import BenchScore

GSM8K = {"source": "openai/gsm8k, main, test", "sha256": "0", "hub": "openai/gsm8k", "task": "gsm8k"}


def score(data: dict[str, Any] = GSM8K, problems: int = 1319, **more: Any) -> BenchScore:
    entry = {"data": data, "prompt": {"chat": True}}
    sampling = {"temperature": 0.6, "top_p": 0.95, "max_tokens": 32768, "n": 4}
    whole: dict[str, Any] = {"created": "2026-11-24T19:00:00Z"}
    return BenchScore(
        "gsm8k", "GSM8K", 70.2046, None, problems, 1319, None, sampling, "vllm", entry=entry, whole_result=whole, **more
    )


def read(path: Path) -> list[EvalResultEntry]:
    return parse_eval_result_entries(yaml.safe_load(path.read_text()))


def test_a_whole_benchmark_of_the_hub_has_a_file(tmp_path: Path) -> None:
    assert write_eval_results(tmp_path, "me/model", [score()]) == [".eval_results/gsm8k.yaml"]
    assert read(tmp_path / ".eval_results" / "gsm8k.yaml") == [
        EvalResultEntry(
            dataset_id="openai/gsm8k",
            task_id="gsm8k",
            value=70.2,
            date="2026-11-24T19:00:00Z",
            source_url="https://huggingface.co/me/model",
            source_name="gpg-cli",
            notes="zero-shot, mean of 4 samples a problem, temperature 0.6, top_p 0.95, at most 32768 tokens, "
            "chat template, vllm",
        )
    ]


def test_a_revision_is_named_where_it_is_known_and_a_source_where_there_is_one(tmp_path: Path) -> None:
    write_eval_results(tmp_path, None, [score(GSM8K | {"revision": "abc"})])
    [entry] = read(tmp_path / ".eval_results" / "gsm8k.yaml")
    assert (entry.dataset_revision, entry.source_url) == ("abc", None)


def test_what_is_not_the_benchmark_has_none(tmp_path: Path) -> None:
    local = score({"source": "/home/me/gsm8k.jsonl", "sha256": "0"})
    generated = score({"source": "generator quickstart", "sha256": "0"})
    assert write_eval_results(tmp_path, None, [local, generated, score(problems=8)]) == []
    assert list(tmp_path.iterdir()) == []
