"""`gpg report` on the command line, and what stands in the page."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gpg_cli.data_file import read_json_lines
from tests.conftest import shared_data
from tests.evaluation.page.conftest import SAMPLE, Page, bench_scores

from .conftest import completion_line, step_line

RunFolder = Callable[..., Path]


def titles(page: Page) -> list[str]:
    return [attributes["data-curve"] or "" for tag, attributes in page.tags if tag == "figure"]


def test_the_page_lies_in_the_run_and_its_path_is_printed(gpg: Callable, run_folder: RunFolder) -> None:
    run = run_folder(completions=[completion_line(step) for step in (1, 2)])
    outcome = gpg("report", run)
    assert (outcome.code, outcome.out) == (0, f"{run / 'report.html'}\n")
    page = Page(run / "report.html")
    assert "finished 2026-11-01 12:00 UTC" in page.text
    assert "25.0% → 75.0%" in page.text
    assert "GPG, F = 1, alpha" in page.text
    assert titles(page)[:5] == ["reward", "accuracy", "eval/math500", "valid", "alpha"]
    assert {"length", "clipped", "time", "sampling", "memory", "resident", "reward/format"} <= set(titles(page))
    assert ["max_steps", "100"] in page.tables["settings"]
    assert page.data["runs"][0]["values"][titles(page).index("valid")] == [75.0] * 100
    first, second = page.data["samples"]
    assert (first["reward"], first["rewards"], first["group"]) == (
        1.25,
        [["accuracy", 1.0], ["format", 0.25]],
        [0.0, 1.25, 0.25],
    )
    assert second["step"] == 2
    assert page.data["formulas"]


def test_several_runs_are_laid_over_each_other_and_what_differs_comes_first(
    gpg: Callable, run_folder: RunFolder, tmp_path: Path
) -> None:
    one = run_folder("one/run", settings={"learning_rate": 1e-6})
    other = run_folder(
        "other/run",
        metrics=[step_line(step) | {"kl": 0.1} for step in range(1, 51)],
        settings={"learning_rate": 2e-6, "algorithm": "grpo"},
        finished=None,
        completions=[completion_line(50)],
    )
    result = gpg("report", one, other, "--output", "both.html", "--json").json
    assert result == {
        "page": "both.html",
        "runs": [{"name": "one/run", "last_step": 100}, {"name": "other/run", "last_step": 50}],
        "completions": 1,
    }
    page = Page(tmp_path / "both.html")
    assert page.tables["different"] == [
        ["Setting", "one/run", "other/run"],
        ["algorithm", "gpg", "grpo"],
        ["learning_rate", "1e-06", "2e-06"],
    ]
    assert ["max_steps", "100"] in page.tables["settings"]
    assert "not finished: step 50 of 100" in page.text
    assert "No completions were kept of one/run:" in page.text
    paths = [attributes for tag, attributes in page.tags if tag == "path" and attributes.get("class") == "raw by-step"]
    # Both runs have each curve, but for that of GRPO alone.
    assert len(paths) == 2 * len([title for title in titles(page) if title not in ("kl", "eval/math500")]) + 1
    assert not (one / "report.html").exists()


def test_scores_stand_with_intervals_beside_the_published_ones(gpg: Callable, run_folder: RunFolder) -> None:
    run = run_folder(model="deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B")
    published = {"DeepSeek-R1-Distill-Qwen-1.5B": 83.9, "GPG-RS1": 87.6, "Someone else": 50.0}
    samples = [SAMPLE] * 500
    scores = bench_scores(samples, score=86.0, interval=[82.5, 89.0], problems=500, available=500, published=published)
    folder = run / "eval" / "math"
    folder.mkdir(parents=True)
    whole = {"schema": 2, "model": "run", "engine": "vllm", "seed": 0, "samples": 1, "seconds": 1.0, "versions": {}}
    (folder / "results.json").write_text(json.dumps(whole | {"suites": {}, "benches": {"math500": scores}}))
    (run / "eval" / "results.json").write_text('{"schema": 1}')
    outcome = gpg("report", run)
    assert outcome.code == 0
    assert "Left out: " in outcome.err
    page = Page(run / "report.html")
    assert page.tables["scores"][:2] == [
        ["Benchmark", "Problems", "Score", "095% interval100", "Strict", "Truncated", "Mean tokens"],
        ["MATH-500", "500", "86.0", "82.5–89.0", "100.0", "0.0%", "20"],
    ]
    assert page.tables["scores"][2:] == [
        ["Model", "MATH-500"],
        ["my-run measured here", "86.0"],
        ["DeepSeek-R1-Distill-Qwen-1.5B", "83.9 +2.1"],
        ["GPG-RS1", "87.6 −1.6"],
    ]


def test_a_run_that_is_being_written_is_shown_as_far_as_it_has_come(gpg: Callable, run_folder: RunFolder) -> None:
    run = run_folder(metrics=[step_line(1)], completions=[completion_line(1)], finished=None)
    for name in ("metrics.jsonl", "completions.jsonl"):
        with (run / name).open("a") as file:
            file.write('{"step": 2, "rew')
    result = gpg("report", run, "--json").json
    assert (result["runs"], result["completions"]) == ([{"name": "my-run", "last_step": 1}], 1)


def test_what_is_no_number_is_no_point(gpg: Callable, run_folder: RunFolder) -> None:
    odd = [step_line(1, reward=None), step_line(2, reward=float("nan"), alpha=1e300), {"step": "3"}, {"train_loss": 1}]
    run = run_folder(metrics=[*odd, step_line(4)], completions=[{"step": 1}, completion_line(4, reward=None)])
    result = gpg("report", run, "--json").json
    assert (result["runs"][0]["last_step"], result["completions"]) == (4, 1)
    assert Page(run / "report.html").data["runs"][0]["values"][0][:2] == [None, None]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nowhere"], "there is no folder nowhere"),
        (["empty"], "empty is no run folder: it has no run.json"),
        (["good/checkpoint-5"], "Its run is the folder around it: gpg report good"),
        (["."], "It holds 3 runs; the newest: gpg report good"),
        (["fresh"], "fresh has no metrics yet"),
        (["broken"], "metrics.jsonl:1 is not JSON"),
        (["good", "--output", "nowhere/page.html"], "cannot write nowhere/page.html: No such file or directory"),
        (["good", "--output", "empty"], "empty is a folder"),
        ([], "Missing argument 'RUN...'"),
    ],
)
def test_mistakes_are_told_in_words(
    gpg: Callable, run_folder: RunFolder, tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "good" / "checkpoint-5").mkdir(parents=True)
    run_folder("fresh", metrics=[])
    (run_folder("broken") / "metrics.jsonl").write_text("no JSON\n")
    run_folder("good")
    outcome = gpg("report", *arguments)
    assert outcome.code == 2
    assert complaint in " ".join(outcome.error_lines)
    assert len(outcome.error_lines) >= 2
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_file_that_may_not_be_read_is_named(
    gpg: Callable, run_folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    run = run_folder()
    monkeypatch.setattr(Path, "read_bytes", refuse)
    outcome = gpg("report", run)
    assert outcome.code == 2
    assert f"cannot read {run / 'metrics.jsonl'}: Permission denied" in outcome.error_lines[0]


def test_no_place_on_this_disk_and_no_token_is_on_the_page(
    gpg: Callable, run_folder: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_canarycanarycanary")
    run = run_folder(
        model=str(tmp_path / "models" / "mine"),
        settings={"dataset_name": str(tmp_path / "rows.jsonl"), "note": "hf_canarycanarycanary"},
        completions=[completion_line(1, completion="my key is hf_canarycanarycanary")],
    )
    gpg("report", run)
    page = Page(run / "report.html")
    written = page.text + json.dumps(page.data)
    assert ["dataset_name", "rows.jsonl"] in page.tables["settings"]
    assert str(tmp_path) not in written
    assert "canary" not in written


def test_it_opens_in_the_browser_if_asked_to(
    gpg: Callable, run_folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address))
    outcome = gpg("report", run_folder(), "--open")
    assert opened == [(run_folder() / "report.html").as_uri()]
    assert "No browser could be started" in outcome.err


def test_it_imports_nothing_heavy(run_folder: RunFolder) -> None:
    code = (
        "import sys; from gpg_cli.cli import main\n"
        f"try: main(['report', {str(run_folder())!r}])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'transformers', 'trl', 'datasets', 'numpy', 'matplotlib', 'sympy'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_long_run_with_long_completions_stays_below_3_mb(gpg: Callable, run_folder: RunFolder) -> None:
    texts = [row["completion"] for row in read_json_lines(shared_data("math_completions.jsonl"))]
    run = run_folder(
        metrics=[step_line(step, reward=(step * 7919 % 1000) / 1000) for step in range(1, 2001)],
        completions=[
            completion_line(step, completion=texts[(4 * step + place) % len(texts)][:6000] + f" {step} {place}")
            for step in range(1, 2001)
            for place in range(4)
        ],
    )
    result = gpg("report", run, "--json").json
    assert (run / "report.html").stat().st_size < 3_000_000
    assert result["completions"] >= 1000
    page = Page(run / "report.html")
    # Whole steps, from the beginning of the run to its end.
    steps = [sample["step"] for sample in page.data["samples"]]
    assert steps == sorted(steps)
    assert (min(steps) < 50, max(steps) > 1950, {steps.count(step) for step in steps}) == (True, True, {4})
