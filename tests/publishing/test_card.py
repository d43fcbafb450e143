"""The model card, read back as the Hub reads it."""

import ast
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard
from huggingface_hub.repocard_data import model_index_to_eval_results

from gpg_cli.publishing.card import write_card
from gpg_cli.publishing.facts import read_facts
from gpg_cli.publishing.scores import read_scores
from gpg_cli.run_folder import find_model

from .conftest import RESULTS, RUN

Card = Callable[..., ModelCard]


@pytest.fixture
def card(run: Path, model: Path) -> Card:
    """Write the card of the run, with changes to its run.json, into a model folder, and load it from there."""

    def write(source: Path = run, repo_id: str | None = None, **changes: Any) -> ModelCard:
        (run / "run.json").write_text(json.dumps(RUN | changes))
        found = find_model(str(source))
        write_card(model, "some-model", repo_id, read_facts(found), read_scores(found))
        return ModelCard.load(model / "README.md")

    return write


def block(card: ModelCard, language: str, number: int = 0) -> str:
    return re.findall(rf"```{language}\n(.*?)\n```", card.text, re.DOTALL)[number]


def test_metadata_names_what_the_hub_can_link(card: Card) -> None:
    data = card(dataset="knoveleng/open-s1").data.to_dict()
    assert data == {
        "base_model": "Qwen/Qwen2.5-1.5B",
        "datasets": ["knoveleng/open-s1"],
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["gpg", "trl"],
    }


def test_a_local_model_and_data_set_stand_in_the_text_alone(card: Card) -> None:
    made = card(model="/home/me/models/my-base")
    assert made.data.base_model is None
    assert made.data.datasets is None
    assert "my-base trained to reason" in made.text
    assert "on my rows.jsonl, by gpg-cli" in made.text
    assert "/home/me" not in made.content


def test_the_objective_is_told_in_words(card: Card) -> None:
    text = card().text
    assert "- Advantage: F = std: rewards minus their group's mean" in text
    assert "- Gradient scale: alpha = 1." in text
    assert "- Loss: averaged over all completion tokens of a step" in text
    assert "while less than 0.6 of the groups have a gradient" in text
    assert "- Optimiser steps: 100" in text


def test_the_other_objective_is_told_too(card: Card) -> None:
    text = card(settings={"scale_rewards": False, "adjust_gd": True, "loss_reduction": "sequence"}).text
    assert "- Advantage: F = 1:" in text
    assert "alpha = B / (B - M)" in text
    assert "averaged within each completion" in text
    assert "Resampling" not in text


def test_accuracy_and_the_reward_curve_are_shown(card: Card, model: Path) -> None:
    text = card().text
    assert "47.0% before, 92.5% after" in text
    assert "](reward.png)" in text
    assert (model / "reward.png").read_bytes() == b"\x89PNG"


def test_without_evaluation_there_is_no_table_and_no_index(card: Card) -> None:
    made = card(summary=None)
    assert "| Benchmark |" not in made.text
    assert "model-index" not in made.content
    assert "None" not in made.text


def test_evaluation_results_stand_in_the_table_and_in_the_index(
    card: Card, run: Path, add_results: Callable[..., None]
) -> None:
    add_results(run, "first")
    made = card(repo_id="me/open-rs1")
    assert "| MATH-500 | 87.6 | 84.5 to 90.3 |" in made.text
    assert "- MATH-500 (438 of 500 answers right): temperature 0.6, top\\_p 0.95, engine transformers" in made.text
    (result,) = made.data.eval_results
    assert (result.dataset_type, result.dataset_name) == ("math500", "MATH-500")
    assert (result.metric_type, result.metric_value) == ("accuracy", 87.6)
    assert "gpg eval --model me/open-rs1 --bench math500" in made.text


def test_a_score_of_some_of_the_problems_is_shown_as_such_and_kept_out_of_the_index(
    card: Card, run: Path, add_results: Callable[..., None]
) -> None:
    some = RESULTS["benches"]["math500"] | {"problems": 8, "correct": 7, "available": 500}
    add_results(run, "first", RESULTS | {"benches": {"math500": some}})
    made = card()
    assert "| MATH-500, first 8 of 500 problems | 87.6 |" in made.text
    assert made.data.eval_results is None


def test_a_checkpoint_on_the_way_does_not_borrow_the_runs_results(
    card: Card, run: Path, add_results: Callable[..., None]
) -> None:
    add_results(run, "first")
    made = card(run / "checkpoint-50")
    assert "- Optimiser steps: 50" in made.text
    assert "92.5%" not in made.text
    assert made.data.eval_results is None


def test_the_command_is_fit_to_be_pasted_and_names_no_place(card: Card) -> None:
    assert "gpg train --preset open-rs1 --dataset 'my rows.jsonl'" in card().text


def test_the_shown_program_runs(card: Card, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # It names the model as the folder is called.
    monkeypatch.chdir(model.parent)
    printed: list[str] = []
    exec(block(card(), "python"), {"print": printed.append})
    assert isinstance(printed[0], str)


def test_a_system_prompt_is_part_of_the_example(card: Card) -> None:
    prompt = 'Say "why".\nBox it: \\boxed{{}} `now`'
    program = block(card(settings={"system_prompt": prompt}), "python")
    messages = re.search(r"^prompt = (.*)$", program, re.MULTILINE)
    assert messages is not None
    assert json.loads(messages[1])[0] == {"role": "system", "content": prompt}


def test_hostile_text_breaks_neither_metadata_nor_markdown(
    card: Card, run: Path, add_results: Callable[..., None]
) -> None:
    hostile = "a \"quote\": 'b'\n---\n| pipe | # <b>\n```\n{x} - [y](z)"
    results = json.loads(json.dumps(RESULTS))
    results["benches"] = {hostile: results["benches"]["math500"] | {"title": hostile}}
    add_results(run, "first", results)
    settings = {"reward_funcs": [hostile], "scale_rewards": hostile, "loss_reduction": [hostile]}
    changes = dict.fromkeys(("preset", "model", "dataset", "git_commit", "hardware"), hostile)
    made = card(**changes, versions={hostile: hostile}, command=["gpg", "train", hostile], settings=settings)
    metadata, text = made.content.removeprefix("---\n").split("\n---\n", 1)
    assert yaml.safe_load(metadata)["model-index"][0]["results"][0]["dataset"]["name"] == " ".join(hostile.split())
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        "# some-model",
        "## Results",
        "## How to use",
        "## Training",
        "## How to reproduce",
        "## Limitations",
        "## Citation",
    ]
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {4, 3}


def test_values_of_another_kind_are_left_out(card: Card) -> None:
    made = card(**{key: {"odd": [1]} for key in RUN if key != "schema"})
    assert "odd" not in made.text
    assert made.data.tags == ["gpg", "trl"]


def test_the_paper_is_cited(card: Card) -> None:
    assert "eprint = {2504.02546}" in block(card(), "bibtex")


def test_the_index_is_what_the_hub_reads(card: Card, run: Path, add_results: Callable[..., None]) -> None:
    data = {"source": "HuggingFaceH4/MATH-500, test", "sha256": "0", "hub": "HuggingFaceH4/MATH-500", "task": "default"}
    entry = RESULTS["benches"]["math500"] | {"available": 500, "data": data}  # type: ignore[index]
    add_results(run, "first", RESULTS | {"benches": {"math500": entry}})
    made = card(repo_id="me/open-rs1")
    index = yaml.safe_load(made.content.split("\n---\n")[0].removeprefix("---\n"))["model-index"]
    name, [result] = model_index_to_eval_results(index)
    assert (name, result.dataset_type, result.metric_value) == ("some-model", "HuggingFaceH4/MATH-500", 87.6)
    assert (run.parents[1] / "some-model" / ".eval_results" / "math500.yaml").is_file()


def test_the_base_models_license_is_inherited(card: Card, tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    (base / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    assert card(model=str(base)).data.license == "apache-2.0"
    assert card().data.license is None


def test_how_to_make_it_again_is_told_to_the_last_setting(card: Card) -> None:
    made = card(
        settings={**RUN["settings"], "learning_rate": 2e-6, "loss_reduction": "microbatch"},  # type: ignore[dict-item]
        data={"rows": 18615, "sha256": "abc", "left_out": {}},
        processes=4,
        notes=["No flash_attention_2 here: using PyTorch's own attention (sdpa)."],
    )
    section = made.text.split("## How to reproduce")[1].split("##")[0]
    assert "`learning_rate=2e-06`" in section
    assert "loss_reduction" not in section
    assert "- Training data: 18,615 rows, SHA-256 of problems and answers `abc`" in section
    assert "- Hardware: 2 CPU cores, 4 processes" in section
    assert "No flash\\_attention\\_2 here" in section


def test_limits_are_told_as_far_as_they_are_known(card: Card, run: Path, add_results: Callable[..., None]) -> None:
    section = card(dataset="knoveleng/open-s1").text.split("## Limitations")[1].split("##")[0]
    assert "data set, knoveleng/open-s1 (see its card" in section
    assert "the functions `format`, `cosine`, which look at a completion's text and final answer" in section
    assert "Trained on completions of at most 8 tokens" in section
    assert "Not measured on any benchmark" in card(summary=None).text
    add_results(run, "first")
    assert "- Measured on MATH-500 only." in card().text
    assert "A toy, made to try the tool out" in card(model="builtin:quickstart").text


def test_a_checkpoint_says_which_step_it_is(card: Card, run: Path) -> None:
    text = card(run / "checkpoint-50").text
    assert "- Optimiser steps: 50 of 100" in text
    assert "A checkpoint on the way, after 50 of 100 steps." in text


def test_another_algorithm_is_not_called_gpg(card: Card) -> None:
    made = card(settings={"algorithm": "dr_grpo"})
    assert made.data.tags == ["dr_grpo", "trl"]
    assert "trained to reason with DR\\_GRPO, to compare with [Group Policy Gradient]" in made.text


def test_whoever_trains_it_again_does_not_push_to_this_repository(card: Card) -> None:
    push = ["--push-to-hub", "me/model", "--push-every=50", "--push-private"]
    made = card(command=["gpg", "train", "--preset", "open-rs1", *push, "--seed", "7"])
    assert "gpg train --preset open-rs1 --seed 7\n" in made.text


def test_a_revision_is_loaded_by_its_name(run: Path, model: Path) -> None:
    found = find_model(str(run))
    write_card(model, "model", "me/model", read_facts(found), [], revision="step-50")
    card = ModelCard.load(model / "README.md")
    assert 'model="me/model", revision="step-50")' in card.text
    assert (
        "hf download me/model --revision step-50 --local-dir model-step-50\ngpg eval --model model-step-50" in card.text
    )
    ast.parse(block(card, "python"))
    ast.parse(block(card, "python", 1))


def test_the_picture_of_a_checkpoint_ends_with_it(run: Path, model: Path) -> None:
    steps = [{"step": step, "reward": 0.1, "groups/valid": 2, "groups/total": 3} for step in (1, 2)]
    (model / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in steps))
    write_card(model, "model", None, read_facts(find_model(str(run / "checkpoint-50"))), [])
    assert (model / "reward.png").read_bytes().startswith(b"\x89PNG\r\n")
    assert "(reward.png)" in (model / "README.md").read_text()
