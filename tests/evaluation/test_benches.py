import subprocess
import sys
from pathlib import Path

import pytest

from gpg_cli.catalog import bench_paths
from gpg_cli.errors import GpgError
from gpg_cli.evaluation.benches import load_bench
from gpg_cli.evaluation.summaries import bench_summaries

PAPER = ["aime24", "math500", "amc23", "minerva", "olympiadbench"]

OWN = """\
title: Mine
description: two sums
data: {hub: me/sums}
columns: {problem: question, gold: answer}
rule: exact
prompt: "Q: {problem}"
sampling: {temperature: 0, max_tokens: 8}
"""


def test_every_benchmark_that_ships_is_valid() -> None:
    assert list(bench_paths()) == [
        "aime24",
        "aime25",
        "amc23",
        "cls-cars196",
        "cls-fgvc-aircraft",
        "cls-flowers102",
        "cls-pets37",
        "cvbench",
        "geoqa",
        "gsm8k",
        "lisa-test",
        "lisa-val",
        "math500",
        "minerva",
        "olympiadbench",
        "quickstart",
        "quickstart-vision",
    ]
    for name in bench_paths():
        assert load_bench(name).name == name


@pytest.mark.parametrize("name", [*PAPER, "aime25", "gsm8k"])
def test_the_benchmarks_of_the_paper_share_prompt_and_sampling(name: str) -> None:
    bench = load_bench(name)
    assert bench.query("What is {x}?") == (
        "Solve the following math problem efficiently and clearly.  The last line of your response should be of the "
        "following format: 'Therefore, the final answer is: $\\boxed{ANSWER}$. I hope it is correct' (without quotes) "
        "where ANSWER is just the final number or expression that solves the problem. Think step by step before "
        "answering.\n\nWhat is {x}?"
    )
    assert bench.chat
    assert bench.sampling.model_dump() == {
        "temperature": 0.6,
        "top_p": 0.95,
        "max_tokens": 32768,
        "max_model_length": 32768,
    }


@pytest.mark.parametrize(
    ("row", "average"),
    [("DeepSeek-R1-Distill-Qwen-1.5B", 48.9), ("GPG-RS1", 55.7), ("GPG-RS3", 55.5), ("GPG-7B", 57.7)],
)
def test_published_scores_have_the_published_average(row: str, average: float) -> None:
    mean = sum(load_bench(name).published[row] for name in PAPER) / len(PAPER)
    assert mean == pytest.approx(average, abs=0.06)


def test_the_quickstart_is_greedy_and_raw() -> None:
    bench = load_bench("quickstart")
    assert (bench.query("47+85="), bench.chat, bench.sampling.temperature) == ("47+85=", False, 0)


def test_a_benchmark_of_ones_own_is_a_path(tmp_path: Path) -> None:
    path = tmp_path / "sums.yaml"
    path.write_text(OWN)
    bench = load_bench(str(path))
    assert (bench.name, bench.title, bench.query("1+1?")) == ("sums", "Mine", "Q: 1+1?")


@pytest.mark.parametrize(
    ("line", "wrong", "message", "hint"),
    [
        (5, "ruel: exact", "unknown key 'ruel'", "Did you mean rule?"),
        (7, "sampling: {temprature: 0, max_tokens: 8}", "unknown key 'sampling.temprature'", "temperature"),
        (7, "sampling: {temperature: 0, max_tokens: 0}", "sampling.max_tokens is refused", "line"),
        (7, "sampling: {temperature: .nan, max_tokens: 8}", "sampling.temperature is refused", "line"),
        (4, "columns: {problem: question}", "lacks the key 'columns.gold'", "gpg benches"),
        (5, "rule: guess", "rule is refused", "line"),
        (3, "data: {}", "data is refused: name one of hub, generator and local", "line"),
        (3, "data: {hub: a/b, local: ask me}", "data is refused: name one of hub, generator and local", "line"),
        (4, "columns: {gold: a}", "columns is refused: name the column of the problem, of the image", "line"),
        (3, "data: {generator: magic}", "data.generator is refused", "line"),
        (5, "name: sums", "unknown key 'name'", "named as its file"),
    ],
)
def test_a_mistake_is_told_with_file_and_line(tmp_path: Path, line: int, wrong: str, message: str, hint: str) -> None:
    lines = OWN.splitlines()
    lines[line - 1] = wrong
    path = tmp_path / "sums.yaml"
    path.write_text("\n".join(lines))
    with pytest.raises(GpgError) as caught:
        load_bench(str(path))
    assert f"{path}:{line}" in caught.value.message
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_prompt_without_the_problem_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sums.yaml"
    path.write_text(OWN.replace("{problem}", "?"))
    with pytest.raises(GpgError, match=r"prompt lacks \{problem\}"):
        load_bench(str(path))


@pytest.mark.parametrize(
    ("there", "instead", "message"),
    [
        ("problem: question, ", "image: file, ", r"prompt has no column of problems for its \{problem\}"),
        ("rule: exact", "rule: choice", "the rule choice and the column of choices belong together"),
        ("rule: exact", "rule: exact\nmasks: true", "masks are made of boxes: they need the rule box"),
    ],
)
def test_what_does_not_fit_together_is_refused(tmp_path: Path, there: str, instead: str, message: str) -> None:
    path = tmp_path / "sums.yaml"
    path.write_text(OWN.replace(there, instead))
    with pytest.raises(GpgError, match=message):
        load_bench(str(path))


def test_an_unknown_benchmark_names_the_nearest() -> None:
    with pytest.raises(GpgError, match="unknown benchmark 'math50'") as caught:
        load_bench("math50")
    assert "math500" in caught.value.hint


def test_summaries_load_nothing_heavy() -> None:
    sources = {item.name: item.source for item in bench_summaries()}
    assert (sources["math500"], sources["geoqa"]) == ("HuggingFaceH4/MATH-500", "files of yours")
    code = (
        "import sys; from gpg_cli.evaluation.summaries import bench_summaries; bench_summaries();"
        "sys.exit(bool({'torch', 'transformers', 'trl', 'datasets', 'pydantic'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
