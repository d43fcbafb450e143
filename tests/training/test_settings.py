"""Presets, recipes, --set and options laid over each other; every mistake named with its place."""

from pathlib import Path

import pytest

from gpg_cli.catalog import preset_paths
from gpg_cli.errors import GpgError
from gpg_cli.training.settings import resolve_settings


def test_later_layers_win_over_earlier_ones(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("learning_rate: 3.0e-5\nmax_steps: 7\ntemperature: 0.9\n")
    settings = resolve_settings(
        preset="quickstart",
        config=recipe,
        assignments=["max_steps=8", "temperature=0.8"],
        options={"max_steps": ("--max-steps", 9)},
    )
    trainer = settings.trainer
    assert (trainer["learning_rate"], trainer["temperature"], trainer["max_steps"]) == (3e-5, 0.8, 9)
    assert trainer["num_generations"] == 8  # the preset's


@pytest.mark.parametrize(
    ("assignment", "key", "value"),
    [
        ("learning_rate=1e-6", "learning_rate", 1e-6),  # YAML 1.1 reads 1e-6 as a text
        ("reward_weights=[1, 2.5]", "reward_weights", [1.0, 2.5]),
        (
            "gradient_checkpointing_kwargs={use_reentrant: true}",
            "gradient_checkpointing_kwargs",
            {"use_reentrant": True},
        ),
        ("bf16=true", "bf16", True),
        ("save_strategy=epoch", "save_strategy", "epoch"),
        ("save_strategy=no", "save_strategy", "no"),  # which YAML reads as false
        ("max_steps=-1", "max_steps", -1),  # TRL's own "count epochs instead"
    ],
)
def test_assigned_values_get_the_type_of_their_setting(assignment: str, key: str, value: object) -> None:
    assert resolve_settings(preset="quickstart", assignments=[assignment]).trainer[key] == value


@pytest.mark.parametrize("preset", preset_paths())
def test_every_preset_survives_being_written_and_read_again(preset: str, tmp_path: Path) -> None:
    settings = resolve_settings(preset=preset)
    written = tmp_path / "again.yaml"
    written.write_text(settings.to_yaml(), encoding="utf-8")
    assert resolve_settings(config=written).to_dict() == settings.to_dict()


def test_open_rs1_is_what_the_published_run_had() -> None:
    settings = resolve_settings(preset="open-rs1")
    assert settings.run.reward_funcs == ["format_v2", "cosine"]
    assert r"within \boxed{{}} . The reasoning" in settings.run.system_prompt
    expected = {
        "scale_rewards": "group",
        "adjust_gd": False,
        "num_generations": 6,
        "per_device_train_batch_size": 6,
        "gradient_accumulation_steps": 4,
        "reward_weights": [1.0, 2.0],
        "learning_rate": 1e-6,
        "temperature": 0.7,
        "max_completion_length": 3584,
        "max_steps": 100,
    }
    assert {key: settings.trainer[key] for key in expected} == expected


def test_an_unknown_key_is_refused_with_file_line_and_the_nearest_name(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("# mine\nmodel_name_or_path: x\nlerning_rate: 1.0e-6\n")
    with pytest.raises(GpgError) as caught:
        resolve_settings(config=recipe)
    assert caught.value.message == f"{recipe}:3: unknown setting 'lerning_rate'"
    assert "Did you mean learning_rate" in caught.value.hint


@pytest.mark.parametrize(
    ("assignment", "complaint"),
    [
        ("learning_rate=-1", "--set learning_rate: learning_rate = -1 is refused: input should not be negative"),
        ("learning_rate=fast", "unable to parse string as a number"),
        ("learning_rate=.nan", "should not be negative"),
        ("num_generations=0", "greater than 0"),
        ("num_generations=1.5", "valid integer"),
        ("max_prompt_length=-1", "greater than or equal to 1"),
        ("reward_funcs=[]", "at least 1 item"),
        ("dtype=float8", "'float32', 'bfloat16'"),
        ("learning_rate", "not of the form key=value"),
        ("learning_rate=[1", "not valid YAML"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(assignment: str, complaint: str) -> None:
    with pytest.raises(GpgError) as caught:
        resolve_settings(preset="quickstart", assignments=[assignment])
    assert complaint in caught.value.message


def test_settings_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    settings = resolve_settings(preset="quickstart", assignments=["num_generations=7", "use_cpu=true"])
    with pytest.raises(GpgError, match=r"must be divisible by num_generations \(7\)"):
        settings.trainer_config(tmp_path)


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(GpgError, match="nothing to train"):
        resolve_settings()


def test_what_a_dry_run_prints_keeps_the_wishes_that_this_machine_cannot_fulfil(gpg, tiny_model, json_lines) -> None:
    """Copied to a machine with GPUs, the recipe is to run there as it was meant."""
    data = json_lines(*({"problem": f"{n}+1=", "answer": str(n + 1)} for n in range(4)))
    call = ("train", "--preset", "open-rs1", "--model", tiny_model, "--dataset", data, "--dry-run", "--json")
    outcome = gpg(*call, "--set", "use_chat_template=false", "--set", "max_prompt_length=2000")
    shown = outcome.json["settings"]
    assert (shown["bf16"], shown["attn_implementation"]) == (True, "flash_attention_2")
    assert "use_cpu" not in shown


def test_a_prompt_template_has_a_place_for_the_problem() -> None:
    template = "Q: {problem} {braces}"
    assert resolve_settings(preset="quickstart", assignments=[f"prompt_template='{template}'"]).run.prompt_template
    with pytest.raises(GpgError, match=r"prompt_template = 'Q:' is refused: .*it lacks \{problem\}"):
        resolve_settings(preset="quickstart", assignments=["prompt_template='Q:'"])
