"""`gpg train --eval-every`: the score of a benchmark while the model trains."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Outcome

SHORT = ("--preset", "quickstart", "--max-steps", "3", "--eval-every", "2", "--eval-limit", "24", "--output-dir", "run")


def curve(folder: Path = Path("run")) -> dict[int, dict[str, float]]:
    """Step to what was measured after it."""
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return {
        row["step"]: {name: value for name, value in row.items() if name.startswith("eval/")}
        for row in rows
        if "eval/quickstart/score" in row
    }


def test_the_benchmark_is_measured_every_so_many_steps_and_at_the_end(gpg: Callable[..., Outcome]) -> None:
    outcome = gpg("train", *SHORT)
    assert outcome.code == 0
    measured = curve()
    assert list(measured) == [2, 3]
    assert set(measured[3]) == {"eval/quickstart/score", "eval/quickstart/truncated", "eval/quickstart/mean_tokens"}
    assert "step 2: quickstart" in outcome.err


def test_the_last_point_is_what_gpg_eval_measures(gpg: Callable[..., Outcome]) -> None:
    gpg("train", *SHORT)
    evaluated = gpg("eval", "--model", "run", "--bench", "quickstart", "--limit", "24", "--json").json
    assert curve()[3]["eval/quickstart/score"] == pytest.approx(evaluated["benches"]["quickstart"]["score"] / 100)


def test_measuring_changes_nothing_of_the_training(gpg: Callable[..., Outcome]) -> None:
    gpg("train", *SHORT)
    plain = [*SHORT[:4], "--set", "eval_bench=null", "--output-dir", "plain"]
    gpg("train", *plain)
    assert Path("run/model/model.safetensors").read_bytes() == Path("plain/model/model.safetensors").read_bytes()


def test_a_local_file_may_stand_in_for_the_data(gpg: Callable[..., Outcome], json_lines: Callable[..., Path]) -> None:
    data = json_lines({"problem": "1+1=", "answer": "2"}, {"problem": "3+4=", "answer": "7"})
    arguments = ["--eval-bench", "amc23", "--bench-data", f"amc23={data}", "--eval-every", "1"]
    outcome = gpg("train", "--preset", "quickstart", "--max-steps", "1", "--output-dir", "run", *arguments)
    assert outcome.code == 0
    row = json.loads(Path("run/metrics.jsonl").read_text().splitlines()[0])
    assert 0 <= row["eval/amc23/score"] <= 1
    assert row["eval/amc23/mean_tokens"] <= 32  # max_completion_length of the preset


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (
            ["--set", "eval_bench=null", "--eval-every", "5"],
            "eval_every is set, but not what to measure",
            "--eval-bench",
        ),
        (["--eval-bench", "math50"], "unknown benchmark 'math50'", "math500"),
        (["--eval-bench", "math"], "math is several benchmarks", "one of them"),
    ],
)
def test_what_cannot_be_measured_is_said_before_training(
    gpg: Callable[..., Outcome], arguments: list[str], message: str, hint: str
) -> None:
    outcome = gpg("train", "--preset", "quickstart", "--max-steps", "1", *arguments)
    assert outcome.code == 2
    assert message in outcome.err
    assert hint in outcome.error_lines[-1]


@pytest.mark.slow
def test_two_processes_measure_what_one_does(gpg: Callable[..., Outcome]) -> None:
    gpg("train", *SHORT)
    assert gpg("train", *SHORT[:-1], "two", "--num-processes", "2").code == 0
    one, two = curve(), curve(Path("two"))
    assert list(one) == list(two)
    assert two[3]["eval/quickstart/score"] == pytest.approx(one[3]["eval/quickstart/score"], abs=1 / 24)


@pytest.fixture
def pictures_run(gpg: Callable[..., Outcome], tiny_qwen2_vl: Path, tmp_path: Path) -> Callable[..., Outcome]:
    """`pictures_run("--eval-every", "1")`: a few steps of a tiny vision-language model on GEOQA's kind of data."""
    from tests.vision.data_sets import OF_PRESET

    def run(*arguments: str) -> Outcome:
        data = tmp_path / "data"
        data.mkdir(exist_ok=True)
        small = (
            "max_completion_length=6",
            "num_generations=4",
            "per_device_train_batch_size=8",
            "max_prompt_length=null",
        )
        assigned = [part for each in (*small, "gradient_accumulation_steps=1") for part in ("--set", each)]
        named = ("--model", tiny_qwen2_vl, "--dataset", OF_PRESET["geoqa"](data), "--output-dir", "run")
        return gpg("train", "--preset", "geoqa", *named, *assigned, *arguments)

    return run


def test_a_benchmark_with_pictures_is_measured_too(
    pictures_run: Callable[..., Outcome], gpg: Callable[..., Outcome]
) -> None:
    arguments = ("--max-steps", "1", "--eval-bench", "quickstart-vision", "--eval-every", "1", "--eval-limit", "6")
    outcome = pictures_run(*arguments)
    assert outcome.code == 0, outcome.err
    row = json.loads(Path("run/metrics.jsonl").read_text().splitlines()[0])
    evaluated = gpg(
        "eval", "--model", "run", "--bench", "quickstart-vision", "--limit", "6", "--max-tokens", "6", "--json"
    )
    assert row["eval/quickstart-vision/score"] == evaluated.json["benches"]["quickstart-vision"]["score"] / 100
    assert row["eval/quickstart-vision/mean_tokens"] == evaluated.json["benches"]["quickstart-vision"]["mean_tokens"]


def test_a_training_on_text_cannot_measure_pictures_meanwhile(
    gpg: Callable[..., Outcome], tiny_qwen2_vl: Path, json_lines: Callable[..., Path]
) -> None:
    data = json_lines(*({"problem": f"{n}+1=", "answer": str(n + 1)} for n in range(40)))
    named = ("--model", tiny_qwen2_vl, "--dataset", data, "--output-dir", "run")
    bench = ("--eval-bench", "quickstart-vision", "--eval-every", "1", "--eval-limit", "2")
    outcome = gpg("train", "--preset", "quickstart", *named, *bench, "--max-steps", "1")
    assert outcome.code == 2
    assert "quickstart-vision shows pictures, and this trains on text" in outcome.err
