"""Overrides in TRL's own style: `gpg train --config recipe.yaml --learning_rate 2e-6 --bf16`."""

from pathlib import Path
from typing import Any

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.training.plan import TrainRequest
from gpg_cli.training.recipes.overrides import read_overrides
from gpg_cli.training.settings import Settings, resolve_settings, setting_types

OPTIONS = ["--max-steps", "--config", "--output-dir", "--num-processes"]


def read(*words: str) -> list[str]:
    return read_overrides(words, setting_types(), OPTIONS)


def resolve(*words: str) -> Settings:
    return resolve_settings(preset="quickstart", assignments=read(*words))


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["--learning_rate", "2e-6"], {"learning_rate": 2e-6}),
        (["--learning-rate=2e-6"], {"learning_rate": 2e-6}),
        (["--max_steps", "-1"], {"max_steps": -1}),
        (["--bf16", "--num_train_epochs=2"], {"bf16": True, "num_train_epochs": 2.0}),
        (["--use_vllm", "true"], {"use_vllm": True}),
        (["--gradient_checkpointing", "False"], {"gradient_checkpointing": False}),
        (["--no_shuffle_dataset"], {"shuffle_dataset": False}),
        (["--reward_funcs", "accuracy", "format"], {"reward_funcs": ["accuracy", "format"]}),
        (["--reward_funcs", "accuracy"], {"reward_funcs": ["accuracy"]}),
        (["--reward_weights", "1", "0.5"], {"reward_weights": [1.0, 0.5]}),
        (["--report_to", "wandb"], {"report_to": ["wandb"]}),
        (["--save_strategy", "no"], {"save_strategy": "no"}),
        (["--model_name_or_path", "org/other"], {"model_name_or_path": "org/other"}),
        (["--system_prompt", "Note: think [twice]"], {"system_prompt": "Note: think [twice]"}),
        (["--lr_scheduler_kwargs", '{"min_lr_rate": 0.1}'], {"lr_scheduler_kwargs": {"min_lr_rate": 0.1}}),
        # The line that the paper's authors give for their 7B model.
        (
            ["--scale_rewards", "False", "--adjust_gd", "--min_inverse_alpha", "0.5", "--eval_strategy", "epoch"],
            {"scale_rewards": "none", "adjust_gd": True, "min_inverse_alpha": 0.5},
        ),
        (["--weighted_sample", "--sample_strategy", "medium"], {"sample_strategy": "medium"}),
        # Names renamed since are those of recipes.
        (["--torch_dtype", "bfloat16", "--warmup_ratio", "0.1"], {"dtype": "float32", "warmup_steps": 0.1}),
        (["--vllm_max_model_len", "4608"], {"vllm_max_model_length": 4608}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_settings_are_overridden_as_trl_does(words: list[str], meant: dict[str, Any]) -> None:
    settings = resolve(*words).to_dict()
    assert {key: settings[key] for key in meant} == meant


@pytest.mark.parametrize(
    ("words", "complaint", "hint"),
    [
        (["--max-stepz", "3"], "unknown option --max-stepz", "Did you mean --max-steps?"),
        (["--lerning_rate", "3"], "unknown option --lerning_rate", "Did you mean --learning_rate"),
        (["--nonsense"], "unknown option --nonsense", "gpg train --help"),
        (["--no_learning_rate"], "unknown option --no_learning_rate", ""),
        (["--learning_rate", "--bf16"], "--learning_rate needs a value", "--learning_rate VALUE"),
        (["recipe.yaml"], "'recipe.yaml' belongs to no option", "Did you mean --config recipe.yaml?"),
        (["word"], "'word' belongs to no option", "gpg train --help"),
        (["--learning_rate", "fast"], "--learning_rate: learning_rate = 'fast' is refused", "another value"),
        (["--learning_rate", "1", "2"], "--learning_rate: learning_rate = '1 2' is refused", ""),
    ],
)
def test_a_mistake_is_named_as_it_was_written(words: list[str], complaint: str, hint: str) -> None:
    with pytest.raises(GpgError) as caught:
        resolve(*words)
    assert complaint in caught.value.message
    assert hint in caught.value.hint


def test_they_win_over_the_recipe_and_lose_to_an_option_of_ours() -> None:
    Path("recipe.yaml").write_text("learning_rate: 1.0e-5\nseed: 1\n")
    settings = resolve_settings(
        preset="quickstart",
        config=Path("recipe.yaml"),
        assignments=read("--learning_rate", "2e-6", "--model_name_or_path", "theirs"),
        options={"model_name_or_path": ("--model", "ours")},
    )
    assert (settings.trainer["learning_rate"], settings.run.model_name_or_path) == (2e-6, "ours")


def test_started_processes_get_the_same_settings(gpg: Any) -> None:
    """`TrainRequest.arguments` is a command line; it must mean what the one of the user meant."""
    words = ("--system_prompt", 'Say "no": [x]', "--reward_funcs", "accuracy", "format", "--reward_weights", "1", "2")
    request = TrainRequest(preset="quickstart", assignments=["max_steps=2", *read(*words, "--save_strategy", "no")])
    shown = gpg(*request.arguments(Path("run"), None), "--dry-run", "--json").json
    assert shown["settings"] == resolve_settings(preset="quickstart", assignments=request.assignments).to_dict()
    assert shown["settings"]["system_prompt"] == 'Say "no": [x]'
    assert shown["output_dir"] == "run"


def test_the_command_line_takes_them_among_options_of_ours(gpg: Any) -> None:
    outcome = gpg(
        *("train", "--preset", "quickstart", "--learning_rate", "2e-6", "--seed", "7", "--bf16", "--dry-run"),
        *("--output_dir", "their/folder", "--reward_funcs", "accuracy", "format", "--json", "--num_processes=1"),
        *("--temperature=0.5", "--max_steps", "-1", "--overwrite_output_dir"),
    )
    assert outcome.code == 0, outcome.err
    settings = outcome.json["settings"]
    expected = {"learning_rate": 2e-6, "seed": 7, "bf16": True, "temperature": 0.5, "max_steps": -1}
    assert {key: settings[key] for key in expected} == expected
    assert settings["reward_funcs"] == ["accuracy", "format"]
    assert outcome.json["output_dir"] == "their/folder"
    assert "the command line: without effect here: overwrite_output_dir" in outcome.err


def test_a_mistyped_option_gets_two_lines_and_exit_code_2(gpg: Any) -> None:
    outcome = gpg("train", "--preset", "quickstart", "--max-stepz", "3")
    assert outcome.code == 2
    assert outcome.error_lines[-2] == "Error: unknown option --max-stepz"
    assert "Did you mean --max-steps?" in outcome.error_lines[-1]
