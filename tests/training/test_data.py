"""Rows for the trainer, from data sets of many shapes."""

import json
from pathlib import Path

import datasets
import pytest
from datasets import Dataset

from gpg_cli.errors import GpgError
from gpg_cli.grading import check_gold
from gpg_cli.training.data import TrainingData, load_training_data
from gpg_cli.training.settings import RunSettings

from ..conftest import shared_data


def settings(dataset: object, **changes: object) -> RunSettings:
    required = {"model_name_or_path": "m", "reward_funcs": ["accuracy"], "dataset_name": str(dataset)}
    return RunSettings(**(required | changes))


def load(dataset: object, **changes: object) -> TrainingData:
    return load_training_data(settings(dataset, **changes), seed=0)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))


def test_a_short_answer_becomes_latex_that_the_grader_reads(json_lines) -> None:
    data = load(json_lines({"problem": "1+1", "answer": 2}))
    assert data.rows["problem"] == ["1+1"]
    assert data.rows["solution"] == ["$\\boxed{2}$"]
    assert check_gold(data.rows[0]["solution"], "math-training")


def test_an_answer_is_preferred_to_a_worked_solution_unless_the_recipe_names_one(json_lines) -> None:
    """Trap T28: a formula picked out of a solution can be the wrong one."""
    path = json_lines({"question": "q", "solution": "so $x = 2$", "answer": "2"})
    assert load(path).columns.gold == "answer"
    chosen = load(path, solution_column="solution")
    assert chosen.rows[0]["solution"] == "so $x = 2$"
    assert chosen.columns.describe() == (
        "Reads the problem from 'question', the gold answer from 'solution' (a worked solution)."
    )


def test_a_solution_column_that_is_not_there_is_a_wish(json_lines) -> None:
    """A file that stands in for a preset's data set may have answers only."""
    assert load(json_lines({"problem": "q", "answer": "2"}), solution_column="solution").columns.gold == "answer"


def test_gsm8k_is_read_as_it_is(json_lines) -> None:
    data = load(json_lines({"question": "How much?", "answer": "She has 2 * 600 = <<2*600=1200>>1200.\n#### 1,200"}))
    assert data.rows["solution"] == ["$\\boxed{1,200}$"]
    assert data.columns.question == "question"


def test_simplerl_zoo_is_read_as_it_is(tmp_path: Path) -> None:
    """The prompt is in the first message, its template applied; `gt_answer` is a short answer."""
    prompt = "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n1+1?<|im_end|>\n<|im_start|>assistant\n"
    row = {
        "gt_answer": "2",
        "subject": "Algebra",
        "level": 3,
        "question": "1+1?",
        "target": "2",
        "data_source": "math",
        "prompt": [{"content": prompt, "role": "user"}],
        "ability": "math",
        "reward_model": {"ground_truth": "2", "style": "rule"},
        "extra_info": {"index": 0, "split": "train"},
    }
    Dataset.from_list([row]).to_parquet(tmp_path / "train.parquet")
    data = load(tmp_path, dataset_config="train.parquet", system_prompt="Think.")
    assert (data.columns.problem, data.columns.gold, data.columns.question) == ("prompt", "gt_answer", "question")
    assert data.rows[0] == {key: row[key] for key in row if key != "prompt"} | {
        "problem": prompt,
        "solution": "$\\boxed{2}$",
    }
    assert data.notes == ["The system prompt is not used: 'prompt' holds whole prompts."]
    # A person may still want the plain question and a template of the model's own.
    assert load(tmp_path, problem_column="question").rows["problem"] == ["1+1?"]


def test_verl_s_files_are_read_as_they_are(tmp_path: Path) -> None:
    """A conversation in `prompt`, and the gold in a field of `reward_model`."""
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "1+1?"}]
    Dataset.from_list([{"prompt": messages, "reward_model": {"ground_truth": "2", "style": "rule"}}]).to_parquet(
        tmp_path / "rows.parquet"
    )
    data = load(tmp_path / "rows.parquet")
    assert data.columns.gold == "reward_model.ground_truth"
    assert data.rows[0]["problem"] == messages
    assert data.rows[0]["solution"] == "$\\boxed{2}$"


def test_a_problem_that_quotes_a_chat_mark_is_still_a_problem(json_lines) -> None:
    data = load(json_lines({"prompt": "What is <|im_start|>?", "answer": "1"}, {"prompt": "1+1?", "answer": "2"}))
    assert data.columns.kind == "text"


def test_other_columns_come_along_for_rewards_of_one_s_own(json_lines) -> None:
    row = {"problem": "q", "answer": "2", "level": 3, "tags": ["a"], "messages": [{"role": "user", "content": "q"}]}
    rows = load(json_lines({**row, "completions": "theirs", "prompts": "theirs"})).rows
    assert set(rows.column_names) == {"problem", "solution", "answer", "level", "tags"}
    assert (rows[0]["level"], rows[0]["tags"]) == (3, ["a"])


def test_rewards_that_read_no_gold_need_none(json_lines) -> None:
    data = load(json_lines({"problem": "q", "level": 1}), reward_funcs=["format"])
    assert data.rows.column_names == ["level", "problem"]
    assert data.columns.describe() == "Reads the problem from 'problem' and no gold answer, for no reward reads it."
    # A reward of one's own may read columns that look like golds: they stay as they are.
    row = {"problem": "q", "answer": ["a list"], "solution": "def f(): ..."}
    assert list(load(json_lines(row), reward_funcs=["format"]).rows) == [row]


def test_the_same_problem_comes_once_with_the_first_gold_that_can_be_read(json_lines) -> None:
    others = [{"problem": f"{n}+1", "answer": str(n + 1)} for n in range(40)]
    path = json_lines(
        {"problem": "a", "answer": ""}, *others, {"problem": "a", "answer": "1"}, {"problem": "a ", "answer": "2"}
    )
    data = load(path)
    assert data.left_out == {"empty_problem": 0, "unreadable_gold": 1, "duplicate": 1}
    assert data.rows[-1]["problem"] == "a"
    assert data.rows[-1]["solution"] == "$\\boxed{1}$"
    assert "Left out 1 row with the problem of an earlier row." in data.notes


def test_one_question_about_several_pictures_is_several_problems(json_lines) -> None:
    same = {"question": "How large is the angle?", "ground_truth": "30°"}
    assert len(load(json_lines(same | {"image_path": "1.png"}, same | {"image_path": "2.png"})).rows) == 2


def test_the_fingerprint_is_that_of_problems_and_golds_in_their_order(json_lines) -> None:
    first, second = {"problem": "a", "answer": "1"}, {"problem": "b", "answer": "2"}
    fingerprints = [load(json_lines(*rows)).sha256 for rows in ((first, second), (first, second), (second, first))]
    assert fingerprints[0] == fingerprints[1] != fingerprints[2]
    assert load(json_lines(first | {"answer": "2"}, second)).sha256 != fingerprints[0]


def test_the_quickstart_draws_the_same_problems_for_the_same_seed() -> None:
    first, again, other = (load_training_data(settings("builtin:quickstart"), seed) for seed in (0, 0, 1))
    assert first.sha256 == again.sha256 != other.sha256
    assert list(first.rows) == list(again.rows)


@pytest.mark.parametrize(
    ("rows", "changes", "complaint", "help_text"),
    [
        ([{"text": "a"}], {}, "has no column problem, question or prompt", "It has: text."),
        ([{"problem": "a"}], {}, "has no column answer, gt_answer, ground_truth or solution", "It has: problem."),
        ([{"problem": ["a"], "answer": "1"}], {}, "row 1: column 'problem' holds no text", "problem_column"),
        ([{"problem": "a", "answer": ["1", "2"]}], {}, "row 1: column 'answer' holds no text", "answer_column"),
        ([{"problem": " ", "answer": "1"}], {}, "no row is left of 1", "Left out 1 row without a problem."),
        (
            [{"problem": "a", "answer": "1"}],
            {"answer_column": "answr"},
            "no column 'answr', which answer_column names",
            "Did you mean answer? It has: problem, answer.",
        ),
        (
            [{"q": "a", "answer": "1"}],
            {"problem_column": "p"},
            "no column 'p', which problem_column",
            "It has: q, answer",
        ),
    ],
)
def test_columns_that_are_not_as_needed_are_named(
    json_lines, rows: list, changes: dict, complaint: str, help_text: str
) -> None:
    with pytest.raises(GpgError) as caught:
        load(json_lines(*rows), **changes)
    assert complaint in caught.value.message
    assert help_text in caught.value.hint


def test_a_hub_data_set_without_a_hub_says_how_to_name_a_file() -> None:
    with pytest.raises(GpgError, match="cannot be reached") as caught:
        load("knoveleng/open-s1")
    assert "--dataset FILE.jsonl" in caught.value.hint


def test_offline_a_revision_cannot_be_vouched_for(capfd) -> None:
    with pytest.raises(GpgError):
        load("knoveleng/open-s1", dataset_revision="v1.0")
    assert "whether the cached copy of knoveleng/open-s1 is revision v1.0" in capfd.readouterr().err


def test_real_files_of_several_shapes_load() -> None:
    for name, columns, rows in (
        ("gsm8k_test.jsonl", ("question", "answer"), 1319),
        ("math_l35_500.jsonl", ("problem", "answer"), 500),
        ("geoqa_test_prompts.jsonl", ("question", "ground_truth"), 754),
    ):
        data = load(shared_data(name))
        assert (data.columns.problem, data.columns.gold, len(data.rows)) == (*columns, rows), name


def test_a_dry_run_shows_the_prompt_and_the_gold_before_anything_is_paid_for(gpg, smollm2: Path, json_lines) -> None:
    rows = [
        {"problem": r"What is \[1+1\] :smile:", "answer": "2"},
        *({"problem": f"{n}", "answer": n} for n in range(80)),
    ]
    call = ("train", "--preset", "open-rs1", "--model", smollm2, "--dataset", json_lines(*rows), "--dry-run")
    shown = gpg(*call).err
    assert "<|im_start|>user\nWhat is \\[1+1\\] :smile:<|im_end|>\n<|im_start|>assistant\n" in shown
    assert "Reads the problem from 'problem', the gold answer from 'answer' (a short answer, put into" in shown
    assert "$\\boxed{2}$" in shown
    assert "81 prompts" in shown

    facts = gpg(*call, "--json", "--set", "max_prompt_length=150").json
    assert (facts["prompts"], facts["too_long"], facts["first_gold"]) == (81, 0, "$\\boxed{2}$")
    assert facts["first_prompt"].startswith("<|im_start|>system\nA conversation between User and Assistant.")
    assert facts["data"]["columns"] == {"problem": "problem", "gold": "answer"}
    assert len(facts["data"]["sha256"]) == 64


def test_a_dry_run_of_the_quickstart_makes_no_model(gpg, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    outcome = gpg("train", "--preset", "quickstart", "--dry-run", "--json")
    assert outcome.json["first_prompt"] == load("builtin:quickstart").rows[0]["problem"]
    assert not (tmp_path / "cache").exists()


def test_a_run_records_its_data_and_is_not_resumed_with_other_rows(gpg, tiny_model: Path, json_lines) -> None:
    rows = [{"problem": f"1{n}+1{n}=", "answer": str(20 + 2 * n)} for n in range(8)]
    call = (
        *("train", "--preset", "quickstart", "--model", tiny_model, "--dataset", json_lines(*rows)),
        *("--output-dir", "run", "--set", "per_device_train_batch_size=8", "--set", "max_completion_length=4"),
        *("--set", "save_strategy=steps", "--set", "save_steps=1", "--set", "eval_bench=null"),
    )
    assert gpg(*call, "--max-steps", "1").code == 0
    recorded = json.loads(Path("run/run.json").read_text())["data"]
    assert (recorded["rows"], recorded["columns"]) == (8, {"problem": "problem", "gold": "answer"})
    json_lines(*rows[::-1])
    refused = gpg(*call, "--max-steps", "2", "--resume")
    assert refused.code == 2
    assert "are not those that run/run.json records" in refused.error_lines[-2]
