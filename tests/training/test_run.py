"""`gpg train` from beginning to end, two steps of a tiny model on rows of the test's own."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM

SHORT = (
    *("--max-steps", "2", "--output-dir", "run"),
    *("--set", "per_device_train_batch_size=8", "--set", "max_completion_length=8", "--set", "save_strategy=steps"),
    *("--set", "save_steps=1", "--set", "learning_rate=0.01"),
)


@pytest.fixture
def train(gpg, tiny_model: Path, json_lines) -> Callable:
    rows = json_lines(*({"problem": f"1{n}+1{n}=", "answer": str(20 + 2 * n)} for n in range(8)))

    def call(*arguments: str):
        return gpg("train", "--preset", "quickstart", "--model", tiny_model, "--dataset", rows, *SHORT, *arguments)

    return call


def test_a_run_leaves_a_model_its_record_and_its_picture(train, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_canarycanarycanary")
    outcome = train()
    assert outcome.code == 0, outcome.err
    assert "Done. 2 steps" in outcome.out
    assert "gpg report run\n" in outcome.out
    assert "gpg export run --to my-model" in outcome.out
    assert "step 2/2  reward" in outcome.err

    run = Path("run")
    assert {path.name for path in run.iterdir()} == {
        *("run.json", "metrics.jsonl", "completions.jsonl", "reward.png", "model", "eval"),
        *("checkpoint-1", "checkpoint-2"),
    }
    assert {path.suffix for path in (run / "model").iterdir()} <= {".json", ".safetensors"}
    AutoModelForCausalLM.from_pretrained(run / "model")
    steps = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in steps] == [1, 2]
    facts = json.loads((run / "run.json").read_text())
    assert facts["preset"] == "quickstart"
    assert facts["settings"]["learning_rate"] == 0.01
    assert facts["versions"]["torch"].startswith("2.13")
    assert facts["summary"]["steps"] == 2
    written = "".join(path.read_text(errors="ignore") for path in run.rglob("*.json*"))
    assert "hf_canary" not in written + outcome.out + outcome.err


@pytest.mark.slow
def test_transformers_own_scheduler_can_sample(train) -> None:
    # Unless it is told, its cache takes most of the machine's memory.
    small = "transformers_continuous_batching_config={num_blocks: 64, max_batch_tokens: 256}"
    on = "use_transformers_continuous_batching=true"
    outcome = train("--set", on, "--set", small, "--set", "eval_bench=null", "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.json["steps"] == 2


def test_the_summary_is_one_json_object(train) -> None:
    outcome = train("--json")
    assert set(outcome.json) == {
        *("output_dir", "steps", "interrupted", "seconds", "eval_bench", "accuracy_before", "accuracy_after"),
        *("measured_by", "repo_url", "not_pushed"),
    }
    assert outcome.json["steps"] == 2


def test_the_same_seed_trains_the_same_model(train) -> None:
    weights = []
    for _ in range(2):
        assert train("--overwrite").code == 0
        weights.append(Path("run/model/model.safetensors").read_bytes())
    assert weights[0] == weights[1]


def test_resume_goes_on_from_the_newest_checkpoint(train) -> None:
    # All answers are wrong, and a linear schedule is at its end: without these the third step would move nothing.
    learns = ("--set", "reward_funcs=[cosine]", "--set", "cosine_max_len=20", "--set", "lr_scheduler_type=constant")
    assert train(*learns).code == 0
    resumed = train(*learns, "--resume", "--max-steps", "3", "--json")
    assert resumed.code == 0, resumed.err
    assert resumed.json["steps"] == 3
    steps = [json.loads(line)["step"] for line in Path("run/metrics.jsonl").read_text().splitlines()]
    assert steps == [1, 2, 3]
    # The scores of the model that was replaced are kept, and are not taken for the new one's.
    assert Path("run/eval-replaced-1/quickstart/results.json").is_file()
    assert [path.name for path in Path("run/eval").iterdir()] == ["quickstart"]


@pytest.mark.parametrize(("finished", "code"), [(True, 0), (False, 2)])
def test_a_process_that_is_aborted_while_it_ends_does_not_spoil_a_run_that_is_whole(
    train: Callable, monkeypatch: pytest.MonkeyPatch, finished: bool, code: int
) -> None:
    def aborts(machines: object, arguments: list[str]) -> int:
        if finished:
            Path("run/.outcome.json").write_text('{"steps": 2, "interrupted": false}')
        return 134

    monkeypatch.setattr("gpg_cli.training.run.launch", aborts)
    outcome = train("--num-processes", "2", "--set", "eval_bench=null")
    assert outcome.code == code, outcome.err
    assert ("ended with exit code 134 when all its work was done" in " ".join(outcome.err.split())) is finished
