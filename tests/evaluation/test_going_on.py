"""Nothing lost, nothing done twice: an evaluation that was interrupted goes on where it stopped."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.results import EvalResult
from gpg_cli.evaluation.run import EvalRequest, evaluate
from gpg_cli.evaluation.writing import sole_writer
from tests.conftest import Outcome

Rows = Callable[..., Path]


@pytest.fixture
def data(json_lines: Rows) -> Path:
    return json_lines(*({"problem": f"What is {number}+1?", "answer": str(number + 1)} for number in range(24)))


@pytest.fixture
def run(chat_model: Path, data: Path, tmp_path: Path) -> Callable[..., EvalResult]:
    """`run(limit=3)`: an evaluation into one folder."""

    def call(**changes: object) -> EvalResult:
        request = {"model": str(chat_model), "benches": ["amc23"], "data_files": {"amc23": data}, "max_tokens": 8}
        return evaluate(EvalRequest(**(request | {"output_dir": tmp_path / "out"} | changes)))  # type: ignore[arg-type]

    return call


def lines(folder: Path) -> list[str]:
    return (folder / "samples.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)


def without_times(folder: Path) -> dict:
    results = json.loads((folder / "results.json").read_text())
    return {key: value for key, value in results.items() if key not in ("seconds", "created", "output_dir")}


def test_only_what_is_missing_is_sampled(run: Callable[..., EvalResult], tmp_path: Path) -> None:
    run()
    folder = tmp_path / "out"
    whole, results = lines(folder), without_times(folder)
    kept = random.Random(0).sample(whole, 9)
    # What a kill leaves: some samples in any order, a line cut short, no results.
    marked = [line.replace('"tokens": ', '"tokens":  ') for line in kept]
    (folder / "samples.jsonl").write_text("".join(marked) + whole[0][:30])
    (folder / "results.json").unlink()
    run()
    assert lines(folder) == whole
    assert without_times(folder) == results


def test_what_is_whole_is_not_sampled_again(
    run: Callable[..., EvalResult], tmp_path: Path, chat_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run(limit=3)
    before = lines(tmp_path / "out")
    second = run(limit=3)
    assert "All 3 samples are in" in capsys.readouterr().err
    assert (lines(tmp_path / "out"), second.accuracy("amc23")) == (before, first.accuracy("amc23"))


def test_more_problems_samples_and_benchmarks_are_added_to_what_is_there(
    run: Callable[..., EvalResult], tmp_path: Path
) -> None:
    run(limit=2)
    two = lines(tmp_path / "out")
    run(limit=4, samples=2, benches=["amc23", "quickstart"], max_tokens=8)
    grown = lines(tmp_path / "out")
    assert len(grown) == 16
    assert set(two) <= set(grown)
    alone = run(limit=4, samples=2, benches=["amc23", "quickstart"], output_dir=tmp_path / "alone")
    assert lines(tmp_path / "alone") == grown
    assert alone.benches["amc23"].metrics.samples == 8


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"seed": 1}, "the seed is 0 there, 1 here"),
        ({"temperature": 0.1}, "amc23: sampling: temperature is 0.6 there, 0.1 here"),
        ({"max_tokens": 9}, "amc23: sampling: max_tokens is 8 there, 9 here"),
        ({"chat_template": "off"}, "amc23: prompt: chat is True there, False here"),
        ({"system_prompt": "Be brief."}, "prompt: system_prompt is None there, Be brief. here"),
        ({"limit": 2}, "amc23: 3 problems there, 2 here"),
        ({"benches": ["quickstart"], "data_files": {}}, "amc23 is measured there, but not here"),
    ],
)
def test_other_samples_never_mix(
    run: Callable[..., EvalResult], tmp_path: Path, changes: dict[str, object], difference: str
) -> None:
    run(limit=3)
    before = lines(tmp_path / "out")
    with pytest.raises(GpgError, match="holds another evaluation") as caught:
        run(**({"limit": 3} | changes))
    assert difference in caught.value.message
    assert lines(tmp_path / "out") == before


def test_another_model_of_the_same_name_is_noticed(
    run: Callable[..., EvalResult], chat_model: Path, tmp_path: Path
) -> None:
    model = Path(shutil.copytree(chat_model, tmp_path / "model"))
    run(model=str(model), limit=2)
    weights = bytearray((model / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (model / "model.safetensors").write_bytes(weights)
    with pytest.raises(GpgError, match=r"the model's files are sha256:.* there"):
        run(model=str(model), limit=2)


def test_changed_data_is_noticed(run: Callable[..., EvalResult], data: Path) -> None:
    run(limit=3)
    data.write_text(data.read_text().replace("What is 1+1?", "What is 1 + 1?"))
    with pytest.raises(GpgError, match="the prompts differ: its data, or the model's chat template, has changed"):
        run(limit=3)
    with pytest.raises(GpgError, match="problem 2 has another prompt there"):
        run(limit=5)


def test_what_a_kill_before_the_first_sample_leaves_is_in_nobodys_way(
    run: Callable[..., EvalResult], tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    for name in (".gpg-eval.lock", "evaluation.json.tmp"):
        (folder / name).touch()
    run(limit=1)
    assert len(lines(folder)) == 1
    # A kill while --overwrite empties the folder leaves, last, the file that says whose it is.
    for path in folder.iterdir():
        if path.name != "evaluation.json":
            path.unlink()
    run(limit=1, seed=1, overwrite=True)
    assert len(lines(folder)) == 1


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_second_evaluation_in_the_same_folder_is_refused_before_its_model_loads(
    run: Callable[..., EvalResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overwrite: bool
) -> None:
    run(limit=1)
    before = lines(tmp_path / "out")
    monkeypatch.setattr("gpg_cli.evaluation.run.open_engine", lambda *_: pytest.fail("a model is loaded"))
    with sole_writer(tmp_path / "out"), pytest.raises(GpgError, match="another evaluation is writing to"):
        run(limit=2, overwrite=overwrite)
    assert lines(tmp_path / "out") == before
    assert (tmp_path / "out" / "results.json").exists()


def test_ties_are_broken_alike_however_often_it_was_interrupted(
    run: Callable[..., EvalResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(limit=1, samples=2)
    folder = tmp_path / "out"
    right, wrong = (json.loads(line) for line in lines(folder))
    right |= {"completion": "$1$", "extracted": "1", "verdict": "correct", "strict": "correct"}
    wrong |= {"completion": "$2$", "extracted": "2", "verdict": "wrong", "strict": "wrong"}
    found = []
    for order in ([right, wrong], [wrong, right]):  # as they happened to finish
        (folder / "samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in order))
        found.append(run(limit=1, samples=2).to_dict()["benches"]["amc23"]["majority"])
    assert found == [100.0, 100.0]


def test_the_default_folder_is_gone_on_with(run: Callable[..., EvalResult], tmp_path: Path) -> None:
    folders = [run(output_dir=None, limit=2, seed=seed).output_dir for seed in (0, 1, 0)]
    assert folders == ["runs/eval-tiny-chat-amc23", "runs/eval-tiny-chat-amc23-2", "runs/eval-tiny-chat-amc23"]


def test_stored_completions_are_judged_again(
    run: Callable[..., EvalResult], tmp_path: Path, gpg: Callable[..., Outcome]
) -> None:
    run(limit=3)
    folder = tmp_path / "out"
    before, results = lines(folder), without_times(folder)
    spoiled = [json.loads(line) | {"verdict": "error", "strict": "error", "extracted": "?"} for line in before]
    spoiled[1] |= {"completion": "It is $\\boxed{2}$."}
    (folder / "samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in spoiled))
    outcome = gpg("eval", "--rescore", folder, "--json")
    assert outcome.code == 0
    assert outcome.json["benches"]["amc23"]["correct"] == results["benches"]["amc23"]["correct"] + 1
    rows = [json.loads(line) for line in lines(folder)]
    assert (rows[1]["verdict"], rows[1]["strict"], rows[1]["extracted"]) == ("correct", "correct", "2")
    assert lines(folder)[0] == before[0]


def test_several_samples_of_a_problem(run: Callable[..., EvalResult], tmp_path: Path) -> None:
    result = run(limit=3, samples=4).to_dict()["benches"]["amc23"]
    assert set(result["pass_at"]) == {"1", "2", "4"}
    assert result["majority"] is not None
    rows = [json.loads(line) for line in lines(tmp_path / "out")]
    assert [(row["index"], row["number"]) for row in rows] == [(i, n) for i in range(3) for n in range(4)]
    assert len({row["seed"] for row in rows}) == 12
    assert len({row["completion"] for row in rows[:4]}) > 1


@pytest.mark.slow
@pytest.mark.long
def test_killed_at_ten_random_moments_it_ends_as_if_never_interrupted(
    run: Callable[..., EvalResult], chat_model: Path, data: Path, tmp_path: Path
) -> None:
    run(max_tokens=200, output_dir=tmp_path / "uninterrupted", engine=one_at_a_time())
    killed = tmp_path / "killed"
    command = [sys.executable, "-m", "gpg_cli", "eval", "--model", chat_model, "--bench", "amc23"]
    command += ["--data", f"amc23={data}", "--max-tokens", "200", "--output-dir", killed]
    command += ["--engine", "transformers", "--engine-arg", "batch_size=2"]
    moments = random.Random(1)
    kills = 0
    while kills < 10:
        process = subprocess.Popen(list(map(str, command)), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        done = len(lines(killed)) if (killed / "samples.jsonl").exists() else 0
        # Half of the time while it starts, half of the time after its next sample.
        if moments.random() < 0.5:
            time.sleep(moments.uniform(0.5, 4))
        else:
            while process.poll() is None and (not (killed / "samples.jsonl").exists() or len(lines(killed)) <= done):
                time.sleep(0.01)
            time.sleep(moments.uniform(0, 0.05))
        if process.poll() is not None:
            break
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        kills += 1
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    assert kills == 10
    assert lines(killed) == lines(tmp_path / "uninterrupted")
    assert without_times(killed) == without_times(tmp_path / "uninterrupted")


def one_at_a_time() -> object:
    from gpg_cli.evaluation.engine import EngineOptions

    return EngineOptions("transformers", arguments={"batch_size": 2})
