"""Runs from a recipe of another project, on a machine without a GPU, a token or a tracker."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from transformers import AutoTokenizer

from gpg_cli.errors import GpgError
from gpg_cli.training.plan import TrainRequest, make_plan
from tests.training.test_recipes import OPEN_RS, load, without


@pytest.fixture
def local(tiny_model: Path, json_lines: Any) -> dict[str, Any]:
    """A recipe that this machine can run: a tiny model, 16 rows, a few tokens."""
    rows = json_lines(*({"problem": f"{n}+1=", "solution": f"$\\boxed{{{n + 1}}}$"} for n in range(16)))
    return OPEN_RS | {
        "model_name_or_path": str(tiny_model),
        "dataset_name": str(rows),
        "chat_template": "{% for message in messages %}{{ message['content'][:8] }}{% endfor %}",
        "num_generations": 4,
        "per_device_train_batch_size": 2,
        "gradient_accumulation_steps": 1,
        "max_completion_length": 6,
        "max_steps": 1,
        "push_to_hub": True,
        "report_to": ["wandb"],
        "save_strategy": "no",
        "system_prompt": "0",
        "reward_funcs": ["accuracy"],
        "reward_weights": [1.0],
    }


def test_a_recipe_trains_unchanged(gpg: Any, local: dict[str, Any]) -> None:
    """No token, no tracker, no GPU, half a group a micro-batch; its chat template is saved with the model."""
    Path("recipe.yaml").write_text(yaml.safe_dump(local), encoding="utf-8")
    outcome = gpg("train", "--config", "recipe.yaml", "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.json["output_dir"] == local["output_dir"]
    assert outcome.json["steps"] == 1
    assert "gradient_accumulation_steps is 2" in outcome.err
    assert outcome.err.count("vllm_device") == 1
    run = Path(local["output_dir"])
    assert AutoTokenizer.from_pretrained(run / "model").chat_template == local["chat_template"]
    assert json.loads((run / "run.json").read_text())["settings"]["gradient_accumulation_steps"] == 2

    again = gpg("train", "--config", "recipe.yaml", "--json")  # whatever overwrite_output_dir says
    assert again.code == 2
    assert "data/OpenRS-GPG-RS1 exists and is not empty" in again.err


def test_a_chat_template_may_stand_in_a_file(local: dict[str, Any]) -> None:
    Path("template.jinja").write_text("{{ messages[-1]['content'] }}")
    settings = load(local | {"chat_template": "template.jinja"})
    assert settings.run.chat_template == "{{ messages[-1]['content'] }}"


def test_an_output_folder_named_on_the_command_line_wins(local: dict[str, Any]) -> None:
    load(local)
    plan = make_plan(TrainRequest(config=Path("recipe.yaml"), output_dir=Path("elsewhere")))
    assert plan.output_dir == Path("elsewhere")


def test_a_reward_that_is_not_here_is_refused_with_the_recipes_line(local: dict[str, Any]) -> None:
    Path("recipe.yaml").write_text("reward_funcs: [acuracy]\n" + yaml.safe_dump(without(local, "reward_funcs")))
    with pytest.raises(GpgError) as caught:
        make_plan(TrainRequest(config=Path("recipe.yaml")))
    assert caught.value.message.startswith("recipe.yaml:1: ")
