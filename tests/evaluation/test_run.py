import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.run import EvalRequest, evaluate

Rows = Callable[..., Path]

WRITTEN = ["evaluation.json", "results.json", "samples.jsonl"]


def samples_in(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "samples.jsonl").read_text(encoding="utf-8").split("\n") if line]


def test_an_evaluation_leaves_results_and_every_sample(chat_model: Path, json_lines: Rows, tmp_path: Path) -> None:
    data = json_lines(
        {"problem": "What is 1+1?", "answer": "2"}, {"problem": "And 2+2?", "answer": 4}, {"problem": "?", "answer": 0}
    )
    folder = tmp_path / "out"
    result = evaluate(
        EvalRequest(
            model=str(chat_model),
            benches=["amc23"],
            data_files={"amc23": data},
            limit=2,
            max_tokens=16,
            temperature=0.7,
            output_dir=folder,
        )
    )
    written_names = sorted(path.name for path in folder.iterdir())
    assert [name for name in written_names if not name.startswith("results_")] == WRITTEN
    assert len(written_names) == 4  # and lighteval's, with the time in its name
    written = json.loads((folder / "results.json").read_text())
    assert written == json.loads(json.dumps(result.to_dict()))
    assert written["output_dir"] == str(folder)
    bench = written["benches"]["amc23"]
    assert bench["problems"] == 2
    assert bench["sampling"] | {"temperature": 0.7, "max_tokens": 16, "top_p": 0.95} == bench["sampling"]
    assert bench["data"]["source"] == str(data)

    samples = sorted(samples_in(folder), key=lambda sample: sample["index"])
    assert [(sample["index"], sample["problem"], sample["gold"]) for sample in samples] == [
        (0, "What is 1+1?", "2"),
        (1, "And 2+2?", "4"),
    ]
    assert (folder / "samples.jsonl").read_text().count("\n") == 2
    for sample in samples:
        assert sample["prompt"].startswith("<begin><|user|>Solve the following")
        assert sample["tokens"] <= 16
        assert sample["verdict"] in ("correct", "wrong")


def test_the_same_command_gives_the_same_samples(chat_model: Path, json_lines: Rows, tmp_path: Path) -> None:
    data = json_lines(*({"problem": f"{number}+1?", "answer": number} for number in range(5)))

    def run(name: str, seed: int) -> bytes:
        request = EvalRequest(
            model=str(chat_model),
            benches=["amc23"],
            data_files={"amc23": data},
            max_tokens=16,
            seed=seed,
            output_dir=tmp_path / name,
        )
        evaluate(request)
        return (tmp_path / name / "samples.jsonl").read_bytes()

    assert run("first", seed=0) == run("second", seed=0)
    assert run("third", seed=1) != run("first-again", seed=0)


def test_several_benchmarks_one_of_them_named_twice(tiny_model: Path, json_lines: Rows, tmp_path: Path) -> None:
    data = json_lines({"problem": "1+1=", "answer": "2"})
    result = evaluate(
        EvalRequest(
            model=str(tiny_model),
            benches=["quickstart", "amc23", "quickstart"],
            data_files={"amc23": data},
            limit=3,
            max_tokens=4,
            output_dir=tmp_path / "out",
        )
    )
    assert list(result.benches) == ["quickstart", "amc23"]
    # In one order, whatever the order in which they were sampled.
    assert [sample["bench"] for sample in samples_in(tmp_path / "out")] == ["amc23"] + ["quickstart"] * 3


def test_a_right_answer_scores(chat_model: Path, json_lines: Rows, tmp_path: Path) -> None:
    """What the model says greedily is made the gold of a benchmark of one's own: the score is 100."""
    bench = tmp_path / "echo.yaml"
    bench.write_text(
        "title: Echo\ndescription: says itself\ndata: {hub: nobody/nothing}\ncolumns: {problem: q, gold: a}\n"
        'rule: exact\nprompt: "{problem}"\nchat: false\nsampling: {temperature: 0, max_tokens: 12}\n'
    )

    def run(gold: str) -> EvalRequest:
        data = json_lines({"q": "hello", "a": gold})
        return EvalRequest(
            model=str(chat_model),
            benches=[str(bench)],
            data_files={"echo": data},
            output_dir=tmp_path / "out",
            overwrite=True,
        )

    assert evaluate(run(gold="something else")).accuracy("echo") == 0.0
    said = samples_in(tmp_path / "out")[0]["completion"]
    assert evaluate(run(gold=said)).accuracy("echo") == 1.0


def test_a_prompt_longer_than_the_context_counts_as_truncated(
    chat_model: Path, json_lines: Rows, tmp_path: Path
) -> None:
    data = json_lines({"problem": "long " * 200, "answer": "1"}, {"problem": "short", "answer": "1"})
    request = EvalRequest(
        model=str(chat_model), benches=["amc23"], data_files={"amc23": data}, max_tokens=4, output_dir=tmp_path / "out"
    )
    result = evaluate(request)
    long, short = sorted(samples_in(tmp_path / "out"), key=lambda sample: sample["index"])
    assert (long["completion"], long["tokens"], long["finish_reason"], long["verdict"]) == ("", 0, "length", "wrong")
    assert short["tokens"] > 0
    assert result.benches["amc23"].metrics.problems == 2


def test_a_model_without_a_chat_template_is_asked_plainly(
    tiny_model: Path, json_lines: Rows, capsys: pytest.CaptureFixture[str]
) -> None:
    data = json_lines({"problem": "1+1=", "answer": "2"})
    request = EvalRequest(
        model=str(tiny_model), benches=["amc23"], data_files={"amc23": data}, max_tokens=2, keep=False
    )
    evaluate(request)
    out, err = capsys.readouterr()
    assert "no chat template" in err
    assert out == ""


def test_nothing_is_kept_where_only_the_number_is_wanted(tiny_model: Path, tmp_path: Path) -> None:
    environment = dict(os.environ)
    result = evaluate(EvalRequest(model=str(tiny_model), benches=["quickstart"], limit=5, keep=False))
    assert result.output_dir is None
    assert 0 <= result.accuracy("quickstart") <= 1
    assert list(tmp_path.iterdir()) == []
    assert dict(os.environ) == environment


@pytest.fixture
def run_folder(tiny_model: Path, tmp_path: Path) -> Path:
    """A finished run with a checkpoint."""
    folder = tmp_path / "some-run"
    for name in ("model", "checkpoint-10"):
        shutil.copytree(tiny_model, folder / name)
    (folder / "run.json").write_text("{}")
    return folder


def test_results_of_a_run_lie_in_the_run_side_by_side(run_folder: Path) -> None:
    for temperature, name in ((0.5, "quickstart"), (0.6, "quickstart-2"), (0.7, "quickstart-3")):
        result = evaluate(
            EvalRequest(model=str(run_folder), benches=["quickstart"], limit=2, max_tokens=2, temperature=temperature)
        )
        assert result.output_dir == str(run_folder / "eval" / name)
    assert [len(samples_in(folder)) for folder in sorted((run_folder / "eval").iterdir())] == [2, 2, 2]


def test_results_of_a_checkpoint_do_not_pass_for_those_of_the_final_model(run_folder: Path) -> None:
    request = EvalRequest(model=str(run_folder / "checkpoint-10"), benches=["quickstart"], limit=2, max_tokens=2)
    assert evaluate(request).output_dir == str(run_folder / "eval-checkpoint-10" / "quickstart")


def test_results_of_another_model_get_a_new_folder(tiny_model: Path, tmp_path: Path) -> None:
    result = evaluate(EvalRequest(model=str(tiny_model), benches=["quickstart"], limit=2, max_tokens=2))
    assert result.output_dir == f"runs/eval-{tiny_model.name}-quickstart"
    assert (tmp_path / str(result.output_dir) / "results.json").is_file()


def test_another_evaluation_is_replaced_only_when_asked(tiny_model: Path, tmp_path: Path) -> None:
    def run(*, overwrite: bool, temperature: float) -> None:
        evaluate(
            EvalRequest(
                model=str(tiny_model),
                benches=["quickstart"],
                limit=2,
                max_tokens=2,
                temperature=temperature,
                output_dir=tmp_path / "out",
                overwrite=overwrite,
            )
        )

    run(overwrite=False, temperature=0.5)
    before = (tmp_path / "out" / "samples.jsonl").read_bytes()
    with pytest.raises(GpgError, match=r"temperature is 0\.5 there, 0\.6 here") as caught:
        run(overwrite=False, temperature=0.6)
    assert "--overwrite" in caught.value.hint
    assert (tmp_path / "out" / "samples.jsonl").read_bytes() == before
    run(overwrite=True, temperature=0.6)
    assert (tmp_path / "out" / "samples.jsonl").read_bytes() != before


def test_a_model_that_does_not_load_costs_no_earlier_result(tiny_model: Path, tmp_path: Path) -> None:
    model = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    request = EvalRequest(
        model=str(model), benches=["quickstart"], limit=2, max_tokens=2, output_dir=tmp_path / "out", overwrite=True
    )
    evaluate(request)
    (model / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(GpgError, match="no whole safetensors file"):
        evaluate(request)
    assert len(samples_in(tmp_path / "out")) == 2
