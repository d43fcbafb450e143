"""Problems that a benchmark has too are left out, and counted for each benchmark."""

import json
from pathlib import Path

import pytest

from gpg_cli.training.data.decontamination import shared_problems

from ..conftest import shared_data

LONG = "Find the least positive integer n such that the sum of its digits is exactly equal to 2024."


@pytest.mark.parametrize(
    ("problem", "question", "shared"),
    [
        (LONG, LONG, True),
        ("Ben asks: " + LONG.upper().replace(" ", "  ") + " Explain!", "Let n > 0. " + LONG, True),
        (LONG.replace("that", "$\\textbf{that}$"), LONG, False),
        ("Compute $1+2$.", "compute 1 + 2", True),
        ("Compute $1+2$.", "Compute $1-2$.", False),
        ("Compute $1+2$.", "Compute $1+2$ and $3+4$.", False),
        ("one two three four five six seven eight nine ten eleven twelve", "0 1 2 3 4 5 6 7 8 9 10 11 12", False),
        ("...", "!?", False),
        ("a b c d e f g h i j k l m", "z a b c d e f g h i j k l m", True),
        ("a b c d e f g h i j k l x", "z a b c d e f g h i j k l m", False),
    ],
)
def test_thirteen_words_in_a_row_or_the_whole_of_a_short_problem(problem: str, question: str, shared: bool) -> None:
    assert bool(shared_problems([problem], {"bench": [question]})) == shared


def test_a_problem_may_be_in_several_benchmarks() -> None:
    benches = {"one": [LONG], "two": ["Other words.", LONG], "three": ["Other words."]}
    assert shared_problems(["new", LONG], benches) == {1: ["one", "two"]}


@pytest.fixture
def plan_of(gpg, tiny_model: Path):
    def call(dataset: Path, *arguments: str | Path):
        return gpg(
            *("train", "--preset", "quickstart", "--model", tiny_model, "--dataset", dataset, "--dry-run"),
            *("--set", "per_device_train_batch_size=8", *arguments),
        )

    return call


def test_real_benchmark_problems_among_training_problems_are_left_out(plan_of, tmp_path: Path) -> None:
    math500 = shared_data("math500.jsonl")
    training = shared_data("math_lvl3to5_8k.jsonl").read_text(encoding="utf-8").splitlines()[:300]
    planted = [json.loads(line) for line in math500.read_text(encoding="utf-8").splitlines()[:100]]
    mixed = tmp_path / "mixed.jsonl"
    lines = [json.dumps({"problem": row["problem"], "answer": row["answer"]}) for row in planted]
    mixed.write_text("\n".join([*training, *lines]) + "\n", encoding="utf-8")

    compared = ("--decontaminate", "--bench-data", f"math500={math500}", "--json")
    alone = tmp_path / "alone.jsonl"
    alone.write_text("\n".join(training) + "\n", encoding="utf-8")
    found = [plan_of(path, *compared).json["data"]["decontamination"]["found"] for path in (mixed, alone)]
    assert found[0]["math500"] - found[1]["math500"] == 100
    assert plan_of(mixed, *compared).json["rows"] == plan_of(alone, *compared).json["rows"]


@pytest.mark.slow
def test_what_the_five_benchmarks_share_with_real_training_problems() -> None:
    columns = {"aime24": "problem", "amc23": "problem", "math500": "problem", "minerva": "problem"}
    columns["olympiadbench"] = "question"
    rows = {name: shared_data(f"{name}.jsonl").read_text(encoding="utf-8").splitlines() for name in columns}
    benches = {name: [json.loads(line)[columns[name]] for line in lines] for name, lines in rows.items()}
    training = shared_data("math_lvl3to5_8k.jsonl").read_text(encoding="utf-8").splitlines()
    shared = shared_problems([json.loads(line)["problem"] for line in training], benches)
    counts = {name: sum(name in names for names in shared.values()) for name in benches}
    assert counts == {"aime24": 8, "amc23": 3, "math500": 107, "minerva": 0, "olympiadbench": 4}
    assert len(shared) == 122


def test_a_person_hears_what_was_compared_and_what_was_not(plan_of, json_lines) -> None:
    rows = json_lines({"problem": LONG, "answer": "1"}, *({"problem": f"{n}+1=", "answer": n + 1} for n in range(9)))
    bench = json_lines({"problem": LONG, "solution": "$1$"}, name="bench.jsonl")
    outcome = plan_of(rows, "--decontaminate", "--bench-data", f"math500={bench}")
    assert "Left out 1 problem that shares 13 words in a row with a benchmark: math500 1." in outcome.err
    assert "Not compared with aime24" in outcome.err
    assert "9 prompts" in outcome.err
    # The recipe that was printed asks for the same.
    recipe = Path("again.yaml")
    recipe.write_text(outcome.out)
    assert plan_of(rows, "--config", str(recipe), "--json").json["rows"] == 9


@pytest.mark.parametrize(
    ("arguments", "complaint", "help_text"),
    [
        (
            ("--decontaminate",),
            "no benchmark is at hand to compare with (aime24: it is not cached",
            "--bench-data math500=",
        ),
        (("--bench-data", "math500"), "--bench-data 'math500' is not of the form BENCH=FILE", "--bench-data math500="),
        (("--decontaminate", "--bench-data", "maths500=x"), "unknown benchmark 'maths500'", "Did you mean math500"),
        (("--decontaminate", "--bench-data", "math500=x.jsonl"), "there is no data file x.jsonl", "Check the path"),
    ],
)
def test_a_comparison_that_cannot_be_made_is_refused(
    plan_of, json_lines, arguments: tuple[str, ...], complaint: str, help_text: str
) -> None:
    outcome = plan_of(json_lines(*({"problem": f"{n}+1=", "answer": n + 1} for n in range(9))), *arguments)
    assert outcome.code == 2
    assert complaint in outcome.err
    assert help_text in outcome.error_lines[-1]


def test_a_started_process_is_told_what_to_compare_with() -> None:
    from gpg_cli.training.plan import TrainRequest

    request = TrainRequest(
        options={
            "decontaminate": ("--decontaminate", True),
            "bench_data": ("--bench-data", {"math500": "a.jsonl", "aime24": "b.jsonl"}),
            "max_steps": ("--max-steps", 3),
        }
    )
    assert request.arguments(Path("run"), None) == [
        *("train", "--decontaminate", "--bench-data", "math500=a.jsonl", "--bench-data", "aime24=b.jsonl"),
        *("--max-steps", "3", "--output-dir", "run"),
    ]
