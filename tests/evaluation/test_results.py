"""What results.json says of the data and of the prompt."""

from typing import Any

from gpg_cli.evaluation.benches import load_bench
from gpg_cli.evaluation.metrics import summarise
from gpg_cli.evaluation.record import BenchRecord
from gpg_cli.evaluation.results import BenchResult
from tests.evaluation.samples import changed


def entry(bench: str, source: str, variant: str | None = None) -> dict[str, Any]:
    asked = load_bench(bench).as_variant(variant)
    record = BenchRecord(
        bench=asked,
        sampling=asked.sampling,
        style={"chat": asked.chat, "must": True},
        problems=1,
        available=1,
        source=source,
        sha256="0",
        revision="abc",
        query_hash="",
        prompt_hash="",
    )
    return BenchResult(record, summarise([changed()], asked.rule), 1).to_dict()


def test_data_of_the_hub_is_named_as_the_hub_does() -> None:
    hub = {"hub": "openai/gsm8k", "task": "gsm8k", "revision": "abc"}
    assert entry("gsm8k", "openai/gsm8k, main, test")["data"] == hub | {
        "source": "openai/gsm8k, main, test",
        "sha256": "0",
    }


def test_a_file_that_stands_in_for_it_is_not() -> None:
    assert entry("gsm8k", "rows.jsonl")["data"] == {"source": "rows.jsonl", "sha256": "0"}


def test_a_variant_of_the_prompt_is_named() -> None:
    assert entry("cvbench", "rows.jsonl", "instruct")["prompt"] == {"chat": True, "variant": "instruct"}
    assert entry("cvbench", "rows.jsonl")["prompt"] == {"chat": False}
