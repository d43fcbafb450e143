"""Results and runs that are read back: damaged, torn, of other types, from a stranger. An error in words, or sense."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest

from gpg_cli.evaluation.journal import Sample, rewrite_samples
from gpg_cli.sealed_folder import seal
from tests.conftest import Outcome
from tests.evaluation.samples import changed
from tests.faults import LONG
from tests.faults.damage import damaged_bytes, damaged_json, damaged_lines, with_text
from tests.faults.fuzzing import fuzz

Gpg = Callable[..., Outcome]

_BENCH = {
    **{"name": "math500", "title": "MATH-500", "description": "x", "data": {"hub": "a/b"}, "rule": "math-latex"},
    **{"columns": {"problem": "problem", "gold": "answer"}, "groups": {"level": "level"}, "prompt": "{problem}"},
    **{"sampling": {"temperature": 0.6, "max_tokens": 64}, "published": {"open-rs1": 50.0}},
    "published_groups": {"level": {"3": {"open-rs1": 60.0}}},
}
RECORD = {
    **{"model": "m", "model_fingerprint": "x", "engine": "transformers", "engine_arguments": {"dtype": "float32"}},
    **{"seed": 0, "samples": 2, "suites": {"math": ["math500"]}, "versions": {"torch": "2"}, "seconds": 1.5},
    **{"created": "2026-11-23T10:00:00Z", "schema_version": 1, "max_pixels": None},
    "benches": {
        "math500": {
            **{"bench": _BENCH, "sampling": {"temperature": 0.6, "max_tokens": 64}, "style": {"chat": False}},
            **{"problems": 3, "available": 3, "source": "a/b, test", "sha256": None},
            **{"query_hash": "1efdac9b5c907409", "prompt_hash": "1efdac9b5c907409"},
        }
    },
}
SAMPLES = [
    changed(index=index, number=number, groups={"level": str(index)}, value=None)
    for index in range(3)
    for number in range(2)
]
_TEXTS = [sample.__dict__ for sample in SAMPLES]


def evaluation(folder: Path, samples: list[Sample] = SAMPLES) -> Path:
    """A folder as `gpg eval` leaves it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "evaluation.json").write_text(json.dumps(RECORD))
    rewrite_samples(folder / "samples.jsonl", samples)
    return folder


def ends_in_words(outcome: Outcome) -> bool:
    """Whether a command did what it was asked, or said in two lines why not."""
    assert "Traceback" not in outcome.err
    assert outcome.code in (0, 2), outcome.err
    if outcome.code == 2:
        assert any(line.startswith("Error: ") for line in outcome.error_lines), outcome.err
    return outcome.code == 0


files = st.one_of(
    st.tuples(st.just("samples.jsonl"), damaged_lines(_TEXTS)),
    st.tuples(st.just("evaluation.json"), damaged_json(RECORD)),
    st.tuples(st.just("masks.json"), damaged_json({"math500": {"boxes": "x", "segmenter": "s", "giou": 1.0}})),
)


@pytest.mark.parametrize("times", [40, pytest.param(5_000, marks=LONG)])
@pytest.mark.parametrize("option", ["--compare", "--rescore"])
def test_an_evaluation_read_back(gpg: Gpg, tmp_path: Path, tally: Any, option: str, times: int) -> None:
    whole = evaluation(tmp_path / "whole")
    # What is imported, and the processes that grade, are there from then on.
    assert gpg("eval", "--compare", whole, whole).code == gpg("eval", "--rescore", whole, "--html").code == 0

    def check(case: tuple[tuple[str, bytes], bool]) -> None:
        (name, content), as_json = case
        folder = evaluation(tmp_path / "damaged")
        (folder / name).write_bytes(content)
        options = [option, folder, *([whole] if option == "--compare" else []), *(["--json"] if as_json else [])]
        if not ends_in_words(gpg("eval", *options, *(["--html"] if option == "--rescore" else []))):
            assert (folder / name).read_bytes() == content, "what cannot be read is left as it is"

    fuzz(check, st.tuples(files, st.booleans()), times)
    tally(f"damaged evaluations read by {option}", times)


@pytest.mark.parametrize("times", [6, pytest.param(300, marks=LONG)])
def test_an_evaluation_gone_on_with(
    gpg: Gpg, tiny_model: Path, json_lines: Callable[..., Path], tmp_path: Path, tally: Any, times: int
) -> None:
    rows = json_lines(*({"problem": f"1{n}+1{n}=", "answer": str(20 + 2 * n)} for n in range(2)))
    options = ["--model", tiny_model, "--bench", "quickstart", "--data", f"quickstart={rows}", "--max-tokens", "4"]
    folder = tmp_path / "out"
    assert gpg("eval", *options, "--output-dir", folder).code == 0
    whole = {path.name: path.read_bytes() for path in folder.iterdir()}
    lines = [json.loads(line) for line in whole["samples.jsonl"].splitlines()]
    record = json.loads(whole["evaluation.json"])
    cases = st.one_of(
        st.tuples(st.just("samples.jsonl"), damaged_lines(lines)),
        st.tuples(st.just("evaluation.json"), damaged_json(record)),
        st.tuples(st.just("results.json"), damaged_json(json.loads(whole["results.json"]))),
    )

    def check(case: tuple[str, bytes]) -> None:
        shutil.rmtree(folder)
        folder.mkdir()
        for name, content in (whole | dict([case])).items():
            (folder / name).write_bytes(content)
        if not ends_in_words(gpg("eval", *options, "--output-dir", folder)):
            assert (folder / case[0]).read_bytes() == case[1]

    fuzz(check, cases, times)
    tally("damaged evaluations gone on with", times)


RUN = {
    **{
        "schema": 1,
        "command": ["gpg", "train", "--preset", "open-rs1"],
        "preset": "open-rs1",
        "model": "Qwen/Qwen2.5-1.5B",
    },
    **{"dataset": "rows.jsonl", "seed": 7, "notes": ["a note"], "git_commit": "0123", "hardware": "2 CPU cores"},
    **{"data": {"rows": 8, "sha256": "x", "left_out": {"duplicate": 1}, "decontamination": {"benches": ["math500"]}}},
    **{"settings": {"learning_rate": 1e-6, "reward_funcs": ["format"], "eval_limit": 4, "scale_rewards": "group"}},
    **{"versions": {"python": "3.11.7"}, "processes": 1, "started": "2026-11-23T10:15:00+00:00", "finished": "x"},
    "summary": {
        "steps": 2,
        "seconds": 180.0,
        "accuracy_before": 0.47,
        "accuracy_after": 0.925,
        "measured_by": "math500",
    },
}
METRICS = [
    {"step": step, "reward": 0.5, "accuracy": 0.5, "groups/valid": 1, "groups/total": 2, "eval/math500/score": 0.25}
    for step in (1, 2)
]
_SCORES = {"score": 87.6, "interval": [84.5, 90.3]}
RESULTS = {
    **{"schema": 2, "model": "model", "engine": "vllm", "seed": 0, "samples": 1, "versions": {"torch": "2"}},
    **{"created": "2026-11-23T10:00:00Z", "suites": {"math": {"benches": ["math500"], **_SCORES}}},
    "benches": {
        "math500": {
            **{"title": "MATH-500", "metric": "accuracy", **_SCORES, "problems": 500, "available": 500, "correct": 438},
            **{"sampling": {"temperature": 0.6, "top_p": 0.95, "n": 2}, "prompt": {"chat": True, "variant": "a"}},
            **{
                "published": {"Qwen": 50.0},
                "groups": {"level": {"3": {"score": 1.0}}},
                "masks": {"official": {"giou": 1.0}},
            },
            **{"published_groups": {"level": {"3": {"Qwen": 1.0}}}, "data": {"hub": "a/b", "source": "a/b, test"}},
        }
    },
}


@pytest.mark.parametrize("times", [20, pytest.param(3_000, marks=LONG)])
def test_a_run_exported(gpg: Gpg, untrained_quickstart: Path, tmp_path: Path, tally: Any, times: int) -> None:
    run = tmp_path / "run"
    for name in ("model", "checkpoint-1"):
        shutil.copytree(untrained_quickstart, run / name)
    seal(run / "checkpoint-1", {"step": 1})
    manifest = json.loads((run / "checkpoint-1" / "manifest.json").read_text())
    (run / "eval" / "math500").mkdir(parents=True)
    whole = {
        "run.json": json.dumps(RUN).encode(),
        "metrics.jsonl": b"".join(json.dumps(line).encode() + b"\n" for line in METRICS),
        "eval/math500/results.json": json.dumps(RESULTS).encode(),
        "checkpoint-1/manifest.json": json.dumps(manifest).encode(),
    }
    cases = st.one_of(
        st.tuples(st.just("run.json"), damaged_json(RUN)),
        st.tuples(st.just("metrics.jsonl"), damaged_lines(METRICS)),
        st.tuples(st.just("eval/math500/results.json"), damaged_json(RESULTS)),
        st.tuples(st.just("eval/math500/results.json"), damaged_json(RESULTS)),
        st.tuples(st.just("checkpoint-1/manifest.json"), damaged_json(manifest)),
    )
    for name, content in whole.items():
        (run / name).write_bytes(content)
    assert gpg("export", run, "--dry-run").code == 0
    which = st.sampled_from([[], ["--checkpoint", "best"], ["--checkpoint", "1"]])

    def check(case: tuple[tuple[str, bytes], list[str]]) -> None:
        damaged, options = case
        now = whole | dict([damaged])
        for name, content in now.items():
            (run / name).write_bytes(content)
        ends_in_words(gpg("export", run, "--dry-run", *options))
        assert {name: (run / name).read_bytes() for name in now} == now

    fuzz(check, st.tuples(cases, which), times)
    tally("damaged runs exported", times)


COMPLETIONS = [
    {
        **{"step": step, "row": 3, "sample": 0, "prompt": "What is $1 + 1$?", "gold": "2", "completion": "It is $2$."},
        **{"tokens": 5, "truncated": False, "accuracy": 1.0, "reward": 1.0, "rewards": {"accuracy": 1.0}},
        **{"advantage": 0.5, "group_rewards": [1.0, 0.0]},
    }
    for step in (1, 2)
]


@pytest.mark.parametrize("times", [40, pytest.param(5_000, marks=LONG)])
def test_a_run_reported(gpg: Gpg, tmp_path: Path, tally: Any, times: int) -> None:
    whole = {
        "run.json": json.dumps(RUN).encode(),
        "metrics.jsonl": b"".join(json.dumps(line).encode() + b"\n" for line in METRICS),
        "completions.jsonl": b"".join(json.dumps(line).encode() + b"\n" for line in COMPLETIONS),
        "eval/math500/results.json": json.dumps(RESULTS).encode(),
    }
    for folder in (tmp_path / "run", tmp_path / "other"):
        (folder / "eval" / "math500").mkdir(parents=True)
        for name, content in whole.items():
            (folder / name).write_bytes(content)
    assert gpg("report", tmp_path / "run", tmp_path / "other").code == 0
    cases = st.one_of(
        st.tuples(st.just("run.json"), damaged_json(RUN)),
        st.tuples(st.just("metrics.jsonl"), damaged_lines(METRICS)),
        st.tuples(st.just("completions.jsonl"), damaged_lines(COMPLETIONS)),
        st.tuples(st.just("eval/math500/results.json"), damaged_json(RESULTS)),
    )

    def check(case: tuple[tuple[str, bytes], bool]) -> None:
        damaged, several = case
        now = whole | dict([damaged])
        for name, content in now.items():
            (tmp_path / "run" / name).write_bytes(content)
        (tmp_path / "run" / "report.html").unlink(missing_ok=True)
        done = ends_in_words(gpg("report", tmp_path / "run", *([tmp_path / "other"] if several else [])))
        assert (tmp_path / "run" / "report.html").exists() == done
        assert {name: (tmp_path / "run" / name).read_bytes() for name in now} == now

    fuzz(check, st.tuples(cases, st.booleans()), times)
    tally("damaged runs reported", times)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, untrained_quickstart: Path) -> Path:
    """A run of one step with a checkpoint."""
    from gpg_cli.cli import main

    folder = tmp_path_factory.mktemp("trained")
    rows = folder / "rows.jsonl"
    rows.write_text("".join(json.dumps({"problem": f"1{n}+1{n}=", "answer": str(20 + 2 * n)}) + "\n" for n in range(8)))
    settings = ["save_strategy=steps", "save_steps=1", "eval_bench=null", "max_completion_length=4"]
    arguments = ["--model", str(untrained_quickstart), "--dataset", str(rows), "--output-dir", str(folder / "run")]
    chosen = [part for each in (*settings, "per_device_train_batch_size=8") for part in ("--set", each)]
    with pytest.raises(SystemExit) as ended:
        main(["train", "--preset", "quickstart", "--max-steps", "1", *arguments, *chosen])
    assert not ended.value.code
    return folder / "run"


@pytest.mark.parametrize("times", [8, pytest.param(500, marks=LONG)])
def test_a_run_gone_on_with(gpg: Gpg, trained: Path, tmp_path: Path, tally: Any, times: int) -> None:
    record = json.loads((trained / "run.json").read_text()) | {"push": {"repo_id": "a/b", "every": 1, "private": True}}
    manifest = json.loads((trained / "checkpoint-1" / "manifest.json").read_text())
    of_checkpoint = {path.name: path.read_bytes() for path in (trained / "checkpoint-1").iterdir()}
    cases = st.one_of(
        st.tuples(st.just("run.json"), damaged_json(record)),
        st.tuples(st.just("checkpoint-1/manifest.json"), damaged_json(manifest)),
        *(
            st.tuples(st.just(f"checkpoint-1/{name}"), damaged_bytes(text[:2000]))
            for name, text in of_checkpoint.items()
        ),
    )

    def check(case: tuple[str, bytes]) -> None:
        run = tmp_path / "run"
        shutil.rmtree(run, ignore_errors=True)
        shutil.copytree(trained, run)
        (run / case[0]).write_bytes(case[1])
        ends_in_words(gpg("train", "--resume", run, "--dry-run"))
        assert (run / case[0]).read_bytes() == case[1]

    fuzz(check, cases, times)
    tally("damaged runs gone on with", times)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metrics.jsonl", b'{"loss": 1.0}\n{"step": "x", "loss": 1.0}\n{"step": 9, "loss": 2.0}\n{"torn'),
        ("metrics.jsonl", b'{"step": 1, "reward": "x", "groups/valid": null, "groups/total": 0}\n'),
    ],
)
def test_a_run_goes_on_to_its_end_whatever_its_metrics_were(
    gpg: Gpg, trained: Path, tmp_path: Path, name: str, content: bytes
) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    (run / name).write_bytes(content)
    assert gpg("train", "--resume", run, "--max-steps", "2").code == 0
    steps = [json.loads(line)["step"] for line in (run / name).read_text().splitlines()]
    assert steps[-1] == 2
    assert 9 not in steps


@pytest.mark.parametrize("key", ["settings", "state", "completions_per_step", "step"])
def test_a_checkpoint_that_lacks_a_fact_is_not_gone_on_from(gpg: Gpg, trained: Path, tmp_path: Path, key: str) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    path = run / "checkpoint-1" / "manifest.json"
    path.write_text(with_text(json.loads(path.read_text()), ("facts", key), None))
    outcome = gpg("train", "--resume", run)
    assert outcome.code == 2
    assert f"manifest.json is damaged: {key} is missing" in outcome.error_lines[-2]
