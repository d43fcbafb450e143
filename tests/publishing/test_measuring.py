"""The `gpg eval` lines of a card."""

from typing import Any

import pytest
import yaml

from gpg_cli.catalog import bench_paths
from gpg_cli.publishing.facts import RunFacts
from gpg_cli.publishing.measuring import eval_commands
from gpg_cli.publishing.scores import BenchScore


def score(bench: str = "math500", sampling: dict[str, Any] | None = None, **more: Any) -> BenchScore:
    """As `gpg eval` leaves it, asked in the benchmark's own way but for what is given."""
    own = yaml.safe_load(bench_paths()[bench].read_text())
    style = {"chat": own.get("chat", True), "template": None, "system_prompt": own.get("system_prompt")}
    values: dict[str, Any] = {"problems": 500, "available": 500, "engine": "vllm", **more}
    entry = {"prompt": style | values.pop("prompt", {}), "data": values.pop("data", {})}
    whole = {"seed": values.pop("seed", 0)}
    shown = {**own["sampling"], "n": 1, **(sampling or {})}
    return BenchScore(bench, own["title"], 50.0, sampling=shown, entry=entry, whole_result=whole, **values)


def options(*scores: BenchScore) -> list[str]:
    return [line.removeprefix("gpg eval --model me/x --bench ") for line in eval_commands("me/x", None, list(scores))]


def test_what_was_asked_in_its_own_way_needs_no_options() -> None:
    assert options(score("aime24"), score(), score("lisa-test")) == ["aime24,math500,lisa-test --engine vllm"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"sampling": {"temperature": 0.0}}, "--temperature 0"),
        ({"sampling": {"top_p": 1.0, "max_tokens": 4096}}, "--top-p 1 --max-tokens 4096"),
        ({"sampling": {"n": 16}, "seed": 3}, "--samples 16 --seed 3"),
        ({"problems": 8}, "--limit 8"),
        ({"prompt": {"chat": False}}, "--chat-template off"),
        ({"prompt": {"system_prompt": "Be brief."}}, "--system-prompt 'Be brief.'"),
        ({"bench": "cvbench", "prompt": {"chat": True, "variant": "instruct"}}, "--profile qwen2-vl-instruct"),
        ({"bench": "cvbench", "prompt": {"chat": True}}, "--chat-template on"),
        ({"bench": "lisa-val", "prompt": {"system_prompt": None}}, "--system-prompt ''"),
        ({"data": {"source": "/home/me/rows.jsonl"}}, "--data math500=rows.jsonl"),
    ],
)
def test_what_was_not_is_an_option(changes: dict[str, Any], expected: str) -> None:
    bench = changes.get("bench", "math500")
    assert options(score(**{"bench": "math500", "engine": "openai"} | changes)) == [f"{bench} {expected}"]


def test_benchmarks_that_were_asked_differently_have_lines_of_their_own() -> None:
    assert options(score(), score("aime24", {"n": 8})) == ["math500 --engine vllm", "aime24 --samples 8 --engine vllm"]


def test_without_scores_it_is_the_benchmark_of_the_run() -> None:
    assert eval_commands("x", RunFacts(measured_by="geoqa"), []) == ["gpg eval --model x --bench geoqa"]
    assert eval_commands("x", None, []) == ["gpg eval --model x --bench math500"]
