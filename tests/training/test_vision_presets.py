"""Every preset with pictures: its values are those of the published scripts, and it makes two real optimiser steps."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest

from gpg_cli.catalog import preset_paths
from gpg_cli.training.settings import OBJECTIVE, resolve_settings
from tests.conftest import Outcome
from tests.vision.data_sets import OF_PRESET

PRESETS = [name for name in preset_paths() if resolve_settings(preset=name).run.image_column is not None]
# Epochs, completion tokens, prompts accumulated, checkpointing, steps between saves, way of sharing: the scripts of
# VisualThinker-R1-Zero, Visual-RFT and R1-V.
SCRIPTS = {
    "sat-cvbench": ("Qwen/Qwen2-VL-2B", "array/SAT", 2, 700, 1, True, 100, "zero2"),
    "sat-cvbench-instruct": ("Qwen/Qwen2-VL-2B-Instruct", "array/SAT", 2, 700, 1, True, 100, "zero2"),
    "lisa-grounding": ("Qwen/Qwen2-VL-2B-Instruct", "data/lisa/ReasonSeg", 6, 256, 2, True, 50, "zero3"),
    "cls-flowers102": (
        *("Qwen/Qwen2-VL-2B-Instruct", "laolao77/ViRFT_CLS_flower_4_shot", 8, 256),
        *(2, False, 100, "zero3"),
    ),
    "cls-pets37": ("Qwen/Qwen2-VL-2B-Instruct", "laolao77/ViRFT_CLS_pets37_4shot", 24, 256, 2, False, 100, "zero3"),
    "cls-fgvc-aircraft": (
        *("Qwen/Qwen2-VL-2B-Instruct", "laolao77/ViRFT_CLS_fgvc_aircraft_4_shot", 8, 256),
        *(2, False, 100, "zero3"),
    ),
    "cls-cars196": ("Qwen/Qwen2-VL-2B-Instruct", "laolao77/ViRFT_CLS_car196_4shot", 8, 256, 2, False, 100, "zero3"),
    "geoqa": ("Qwen/Qwen2.5-VL-3B-Instruct", "leonardPKU/GEOQA_R1V_Train_8K", 1, 256, 2, False, 100, "zero3"),
}
REWARDS = {
    "sat-cvbench": ["vision_accuracy", "vision_format_base"],
    "sat-cvbench-instruct": ["vision_accuracy", "vision_format"],
    "lisa-grounding": ["box", "vision_format"],
    "geoqa": ["vision_accuracy", "vision_format"],
}


def test_every_vision_experiment_has_a_preset() -> None:
    assert set(PRESETS) >= SCRIPTS.keys() == OF_PRESET.keys()


@pytest.mark.parametrize("preset", SCRIPTS)
def test_values_are_those_of_the_published_scripts(preset: str) -> None:
    values = resolve_settings(preset=preset).to_dict()
    keys = (
        *("model_name_or_path", "dataset_name", "num_train_epochs", "max_completion_length"),
        *("gradient_accumulation_steps", "gradient_checkpointing", "save_steps", "accelerate"),
    )
    assert tuple(values[key] for key in keys) == SCRIPTS[preset]
    assert values["reward_funcs"] == REWARDS.get(preset, ["class_name", "vision_format"])
    assert values["reward_weights"] == [1, 1]


@pytest.mark.parametrize("preset", SCRIPTS)
def test_what_all_published_scripts_share(preset: str) -> None:
    """vision.md of the vision projects' trainers: one trainer, copied three times."""
    settings = resolve_settings(preset=preset)
    values = settings.to_dict()
    assert {key: values[key] for key in (*OBJECTIVE, "max_resample_rounds", "beta")} == {
        "scale_rewards": "none",
        "adjust_gd": True,
        "alpha_by": "groups",
        "loss_reduction": "sequence",
        "inverse_alpha_floor": 0,
        "min_inverse_alpha": 0.4,
        "max_resample_rounds": 19,
        "beta": 0,
    }
    shared = ("num_generations", "learning_rate", "lr_scheduler_type", "warmup_steps", "temperature", "top_p", "seed")
    assert [values[key] for key in shared] == [8, 1e-6, "linear", 0, 1, 1, 42]
    assert (values["min_pixels"], values["max_pixels"], values["max_prompt_length"]) == (3136, 401408, 1024)
    assert (values["attn_implementation"], values["bf16"], values["save_strategy"]) == (
        "flash_attention_2",
        True,
        "steps",
    )
    assert "system_prompt" not in values
    # alpha means nothing with one prompt a step.
    assert values["gradient_accumulation_steps"] * int(str(_gpus(preset)).split()[0]) >= 4


def _gpus(preset: str) -> str:
    return str(resolve_settings(preset=preset).run.gpus)


def test_only_the_base_model_is_asked_without_a_chat_template() -> None:
    chat = {preset: resolve_settings(preset=preset).run.use_chat_template for preset in SCRIPTS}
    assert [preset for preset in SCRIPTS if not chat[preset]] == ["sat-cvbench"]
    assert resolve_settings(preset="sat-cvbench").run.dataset_rows == 15000


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))


@pytest.fixture
def train(gpg, tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., Outcome]:
    """`train("geoqa", "--dry-run")`: a preset on its small data set and a tiny model of the same kind."""

    def run(preset: str, *arguments: str | Path, **changes: Any) -> Outcome:
        model = "tiny_qwen2_5_vl" if preset == "geoqa" else "tiny_qwen2_vl"
        data = tmp_path / "data"
        data.mkdir(exist_ok=True)
        small = {
            # The tiny tokenizer has a token for each byte.
            "max_prompt_length": 2000,
            "max_completion_length": 8,
            "num_generations": 4,
            "per_device_train_batch_size": 8,
            "gradient_accumulation_steps": 1,
            "learning_rate": 1e-3,
        } | changes
        call = ("--model", request.getfixturevalue(model), "--dataset", OF_PRESET[preset](data))
        assigned = [part for key, value in small.items() for part in ("--set", f"{key}={value}")]
        outcome = gpg("train", "--preset", preset, *call, *assigned, *arguments)
        assert outcome.code == 0, outcome.err
        return outcome

    return run


@pytest.mark.parametrize("preset", SCRIPTS)
@pytest.mark.parametrize("algorithm", ["gpg", "grpo"])
def test_a_dry_run_of_every_preset_and_its_grpo_counterpart(preset: str, algorithm: str, train) -> None:
    shown = train(preset, "--algorithm", algorithm, "--dry-run", "--json").json
    assert shown["prompts"] >= 5
    assert "[picture " in shown["first_prompt"]


# A reward that differs within a group, whatever a random model writes, beside the preset's own.
PARITY = """
def parity(completions, **columns):
    return [float(len(str(completion)) % 3) for completion in completions]
"""


@pytest.mark.slow
@pytest.mark.parametrize("preset", SCRIPTS)
def test_every_preset_makes_two_real_optimiser_steps(preset: str, train, tmp_path: Path) -> None:
    asked = resolve_settings(preset=preset)
    (tmp_path / "parity.py").write_text(PARITY)
    rewards = [*asked.run.reward_funcs, f"python:{tmp_path / 'parity.py'}:parity"]
    run = tmp_path / "run"
    more = {"reward_funcs": json.dumps(rewards), "reward_weights": "[1, 1, 1]"}
    train(preset, "--max-steps", "2", "--output-dir", run, **more)

    steps = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [step["step"] for step in steps] == [1, 2]
    assert all(math.isfinite(step["loss"]) and step["grad_norm"] > 0 for step in steps)
    written = json.loads((run / "run.json").read_text())
    objective = ("algorithm", "min_pixels", "max_pixels", "prompt_template", *OBJECTIVE)
    assert {key: written["settings"].get(key) for key in objective} == {
        key: asked.to_dict().get(key) for key in objective
    }
    assert written["data"]["columns"]["pictures"]
    assert (run / "model" / "preprocessor_config.json").is_file() or (run / "model" / "processor_config.json").is_file()


@pytest.mark.slow
def test_a_base_model_is_saved_with_the_template_it_was_trained_by(train, tmp_path: Path) -> None:
    """So that whoever loads it writes prompts in the same way."""
    from gpg_cli.vision.model import load_processor
    from gpg_cli.vision.template import plain_template

    (tmp_path / "parity.py").write_text(PARITY)
    reward = json.dumps([f"python:{tmp_path / 'parity.py'}:parity"])
    train(
        "sat-cvbench", "--max-steps", "1", "--output-dir", tmp_path / "run", reward_funcs=reward, reward_weights="[1]"
    )
    processor = load_processor(str(tmp_path / "run" / "model"))
    assert processor.chat_template == plain_template(processor)
