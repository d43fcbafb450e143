import dataclasses

import pytest
from gpg_cli.evaluation.report import BenchResult, EvalResult, print_table, published_rows

from gpg_cli.evaluation.benches import load_bench
from gpg_cli.evaluation.metrics import summarise

from .test_metrics import SAMPLE, changed

MATH500 = load_bench("math500")
RESULT = EvalResult(
    model="runs/some-run",
    engine="transformers",
    seed=0,
    benches={
        "math500": BenchResult(
            bench=MATH500,
            metrics=summarise([SAMPLE, SAMPLE, changed(verdict="wrong", tokens=100, finish_reason="length")]),
            available=500,
            sampling=MATH500.sampling,
            seconds=1.234,
            prompt_hash="63c902dbdbaf1552",
            source="rows.jsonl",
            sha256="35dc",
        )
    },
    seconds=2.5,
    output_dir="runs/some-run/eval/math500",
)


def test_the_object_says_what_was_measured_and_how() -> None:
    written = RESULT.to_dict()
    assert (written["schema"], written["model"], written["engine"]) == (1, "runs/some-run", "transformers")
    assert {"gpg-cli", "transformers", "math-verify"} <= written["versions"].keys()
    bench = written["benches"]["math500"]
    assert (bench["score"], bench["accuracy"], bench["correct"], bench["problems"]) == (66.667, 2 / 3, 2, 3)
    assert bench["interval"] == [20.766, 93.851]
    assert bench["available"] == 500
    assert bench["verdicts"] == {"correct": 2, "wrong": 1}
    assert (bench["truncated"], bench["mean_tokens"], bench["seconds"]) == (0.3333, 40.0, 1.23)
    assert bench["sampling"]["temperature"] == 0.6
    assert bench["data"] == {"source": "rows.jsonl", "sha256": "35dc"}
    assert RESULT.accuracy("math500") == 2 / 3


def test_the_table_is_on_stdout_and_fits_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(RESULT)
    out, err = capsys.readouterr()
    (line,) = [line for line in out.splitlines() if line.startswith("math500")]
    assert line.split() == ["math500", "3", "66.7", "20.8–93.9", "33.3%", "40", "87.6/82.8", "1.2"]
    assert "published: GPG-RS1/DeepSeek-R1-Distill-Qwen-1.5B" in out
    assert max(map(len, out.splitlines())) <= 80
    assert "runs/some-run/eval/math500" in err


def test_published_scores_of_this_very_model_come_first() -> None:
    published = [MATH500.published]
    assert published_rows("knoveleng/Open-RS3", published) == ["Open-RS3"]
    assert published_rows("models/open-rs3", published) == ["Open-RS3"]
    assert published_rows("my-model", published) == ["GPG-RS1", "DeepSeek-R1-Distill-Qwen-1.5B"]
    assert published_rows("my-model", [{}]) == []


def test_what_was_not_published_is_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    gsm8k = dataclasses.replace(RESULT.benches["math500"], bench=load_bench("gsm8k"))
    print_table(dataclasses.replace(RESULT, benches={"gsm8k": gsm8k}))
    out = capsys.readouterr().out
    assert "–" in out.splitlines()[-1].split()
    assert "published:" not in out
