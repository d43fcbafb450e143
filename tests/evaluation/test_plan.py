"""What a person can get wrong: found before a model loads, said in two lines, nothing written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.engine import EngineOptions
from gpg_cli.evaluation.plan import EvalRequest, check
from gpg_cli.evaluation.run import evaluate

NAN = float("nan")


@pytest.mark.parametrize(
    ("changes", "message", "hint"),
    [
        ({"benches": ["math50"]}, "unknown benchmark 'math50'", "Did you mean math500"),
        ({"benches": []}, "no benchmark is named", "--bench math"),
        ({"benches": ["mat"]}, "unknown benchmark 'mat'", "Did you mean math"),
        ({"samples": 0}, "--samples 0 is too small", "at least 1"),
        ({"samples": 4, "temperature": 0}, "--samples 4 with --temperature 0", "above 0"),
        ({"top_p": 1.5}, "--top-p 1.5 is out of range", "at most 1"),
        ({"profile": "qwen"}, "unknown profile 'qwen'", "gpg benches"),
        ({"chat_template": "nowhere.jinja"}, "--chat-template nowhere.jinja: No such file", "on, off, or the path"),
        ({"chat_template": "on"}, "the model has no chat template", "give a template"),
        ({"system_prompt": "Be brief."}, "--system-prompt needs a chat template", "--chat-template on"),
        ({"benches": ["nowhere.yaml"]}, "cannot read nowhere.yaml", "path"),
        ({"engine": EngineOptions(name="vlm")}, "unknown engine 'vlm'", "Did you mean vllm"),
        ({"limit": 0}, "--limit 0 is too small", "at least 1"),
        ({"limit": -3}, "--limit -3 is too small", "at least 1"),
        ({"max_tokens": 0}, "--max-tokens 0 is too small", "at least 1"),
        ({"temperature": -0.1}, "--temperature -0.1 is out of range", "greedy"),
        ({"temperature": NAN}, "--temperature nan is out of range", "greedy"),
        ({"seed": -1}, "--seed -1 is negative", "0"),
        ({"data_files": {"math50": Path("x.jsonl")}}, "--data math50=... names no benchmark", "quickstart"),
        ({"data_files": {"quickstart": Path("gone.jsonl")}}, "there is no data file gone.jsonl", "path"),
        ({"benches": ["math500"]}, "the Hugging Face Hub cannot be reached", "--data math500=FILE"),
        ({"model": "org/model"}, "cannot get the model 'org/model'", "--model DIR"),
        ({"model": "./nowhere"}, "there is no folder ./nowhere", "Hub id"),
    ],
)
def test_bad_requests(tiny_model: Path, tmp_path: Path, changes: dict[str, Any], message: str, hint: str) -> None:
    good: dict[str, Any] = {"model": str(tiny_model), "benches": ["quickstart"], "output_dir": tmp_path / "out"}
    with pytest.raises(GpgError) as caught:
        evaluate(EvalRequest(**(good | changes)))
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "holds no rows"),
        ('{"problem": "1", "answer": "1"}\nnonsense\n', "rows.jsonl:2 is not JSON"),
        ('{"problem": "1", "answer": "1"}\n[1]\n', "rows.jsonl:2 is not a JSON object"),
        ('{"problem": "1", "gold": "1"}\n', "has no column 'answer'"),
    ],
)
def test_bad_data_files(tiny_model: Path, tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(content)
    with pytest.raises(GpgError, match=message):
        evaluate(EvalRequest(model=str(tiny_model), benches=["amc23"], data_files={"amc23": path}))
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(GpgError, match=r"empty holds no model: it has no config\.json"):
        evaluate(EvalRequest(model=str(tmp_path / "empty"), benches=["quickstart"]))
    assert not (tmp_path / "runs").exists()


def test_a_folder_of_somebody_else_is_left_alone(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("ten years")
    with pytest.raises(GpgError, match="was not written by this command"):
        evaluate(EvalRequest(model=str(tiny_model), benches=["quickstart"], output_dir=tmp_path, overwrite=True))
    assert (tmp_path / "thesis.tex").read_text() == "ten years"


def test_two_benchmarks_of_one_name(tiny_model: Path, tmp_path: Path) -> None:
    from gpg_cli.catalog import find_bench

    (tmp_path / "math500.yaml").write_text(find_bench("amc23").read_text())
    with pytest.raises(GpgError, match="two benchmarks are named 'math500'"):
        check(EvalRequest(model=str(tiny_model), benches=["math500", str(tmp_path / "math500.yaml")]))


def test_a_good_request_writes_nothing_yet(tiny_model: Path, tmp_path: Path, json_lines: Callable[..., Path]) -> None:
    data = json_lines({"problem": "1+1=", "answer": "2"})
    plan = check(
        EvalRequest(model=str(tiny_model), benches=["amc23"], data_files={"amc23": data}, temperature=0, max_tokens=5)
    )
    assert (plan.benches[0].sampling.temperature, plan.benches[0].sampling.max_tokens) == (0, 5)
    assert list(tmp_path.iterdir()) == [data]
