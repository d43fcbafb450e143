"""Recipes of open-r1, open-rs, TRL and the paper's repository, loaded as they were written.

Their shapes are those of the published ones: which keys they have, with which values.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from gpg_cli.errors import GpgError
from gpg_cli.training.recipes import fit_batch
from gpg_cli.training.settings import Settings, resolve_settings

KEY_TABLE = Path(__file__).parents[3] / "shared" / "reference" / "recipe-keys.md"
OPEN_RS_PROMPT = (
    "A conversation between User and Assistant. The assistant puts the final answer within \\boxed{{}} . "
    "Note that respond by English, NOT use other languages."
)
COMMON = {
    "model_name_or_path": "org/model",
    "model_revision": "main",
    "torch_dtype": "bfloat16",
    "attn_implementation": "flash_attention_2",
    "bf16": True,
    "do_eval": False,
    "gradient_checkpointing": True,
    "gradient_checkpointing_kwargs": {"use_reentrant": False},
    "hub_strategy": "every_save",
    "log_level": "info",
    "logging_first_step": True,
    "logging_steps": 1,
    "logging_strategy": "steps",
    "overwrite_output_dir": True,
    "report_to": ["tensorboard"],
    "seed": 42,
    "warmup_ratio": 0.1,
}
# The shape of open-rs's recipes (gpg.yaml).
OPEN_RS = COMMON | {
    "dataset_name": "datas/open-rs/open-s1",
    "system_prompt": OPEN_RS_PROMPT,
    "use_vllm": False,
    "vllm_device": "auto",
    "vllm_enforce_eager": True,
    "vllm_gpu_memory_utilization": 0.7,
    "vllm_max_model_len": 4608,
    "gradient_accumulation_steps": 4,
    "hub_model_id": "OpenRS-GPG-RS1",
    "output_dir": "data/OpenRS-GPG-RS1",
    "learning_rate": 1e-06,
    "log_completions": True,
    "lr_scheduler_type": "cosine_with_min_lr",
    "lr_scheduler_kwargs": {"min_lr_rate": 0.1},
    "max_prompt_length": 512,
    "max_completion_length": 3584,
    "max_steps": 100,
    "num_generations": 6,
    "num_train_epochs": 1,
    "per_device_eval_batch_size": 6,
    "per_device_train_batch_size": 6,
    "push_to_hub": False,
    "reward_funcs": ["format", "cosine"],
    "reward_weights": [1.0, 2.0],
    "save_strategy": "steps",
    "save_steps": 50,
    "temperature": 0.7,
}
# The shape of those for Qwen2.5-Math-7B (config_simple_rl and its variants).
SIMPLE_RL = COMMON | {
    "dataset_name": "datas/MATH-lighteval",
    "system_prompt": "You are a helpful AI Assistant.",
    "use_vllm": False,
    "vllm_device": "auto",
    "gradient_accumulation_steps": 4,
    "hub_model_id": "Qwen-2.5-7B-Simple-RL",
    "output_dir": "data/Qwen-2.5-7B-Simple-RL",
    "eval_strategy": "steps",
    "eval_steps": 100,
    "learning_rate": 3e-06,
    "lr_scheduler_type": "cosine",
    "max_prompt_length": 512,
    "max_completion_length": 1024,
    "max_steps": -1,
    "num_generations": 8,
    "num_train_epochs": 1,
    "per_device_eval_batch_size": 16,
    "per_device_train_batch_size": 16,
    "push_to_hub": True,
    "reward_funcs": ["accuracy", "format"],
    "reward_weights": [1.0, 1.0],
    "save_strategy": "no",
    "beta": 0.0,
}


def load(values: dict[str, Any], name: str = "recipe.yaml", **more: Any) -> Settings:
    """The settings of a recipe file with these values."""
    path = Path(name)
    path.write_text(yaml.safe_dump(values, allow_unicode=True), encoding="utf-8")
    return resolve_settings(config=path, **more)


def without(values: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in keys}


def test_an_open_rs_recipe_means_what_the_published_run_was() -> None:
    """The preset says the same in our own words."""
    settings, preset = load(OPEN_RS), resolve_settings(preset="open-rs1")
    assert settings.run.reward_funcs == preset.run.reward_funcs == ["format_v2", "cosine"]
    same = (
        *("scale_rewards", "adjust_gd", "num_generations", "per_device_train_batch_size", "temperature", "seed"),
        *("gradient_accumulation_steps", "learning_rate", "warmup_steps", "max_completion_length", "max_steps", "bf16"),
    )
    assert {key: settings.trainer[key] for key in same} == {key: preset.trainer[key] for key in same}
    assert settings.run.dtype == "float32"
    assert settings.output_dir == Path("data/OpenRS-GPG-RS1")


@pytest.mark.parametrize("recipe", [OPEN_RS, SIMPLE_RL], ids=["open-rs", "simple-rl"])
@pytest.mark.parametrize("algorithm", ["gpg", "grpo", "dr_grpo", "dapo"])
def test_every_translated_setting_is_one_that_the_trainer_takes(
    tmp_path: Path, recipe: dict[str, Any], algorithm: str
) -> None:
    settings = load(recipe, options={"algorithm": ("--algorithm", algorithm)})
    this_machine = {"use_cpu": True, "bf16": False, "report_to": "none"}
    config = settings.trainer_config(tmp_path / "run", **this_machine)
    assert config.completions_per_step == recipe["per_device_train_batch_size"] * 4
    assert config.warmup_steps == 0.1
    assert not config.push_to_hub
    assert config.eval_strategy == "no"


def public_keys() -> list[tuple[str, str]]:
    """Key and example values of the table of all public recipes."""
    if not KEY_TABLE.is_file():
        return []
    rows = re.findall(r"^\| (\w+) \| \d+ \| `?(.*?)`? \|", KEY_TABLE.read_text(encoding="utf-8"), re.MULTILINE)
    return [(key, value) for key, examples in rows for value in examples.split("; ")]


@pytest.mark.skipif(not KEY_TABLE.is_file(), reason="needs recipe-keys.md in shared/reference beside the checkout")
def test_every_key_of_the_public_recipes_is_taken_translated_or_named_as_ignored() -> None:
    keys = public_keys()
    assert len({key for key, _ in keys}) > 50
    translated = {
        "torch_dtype": "dtype",
        "vllm_max_model_len": "vllm_max_model_length",
        "warmup_ratio": "warmup_steps",
    }
    for key, example in keys:
        texts = {"system_prompt": "some text", "chat_template": "{{ messages[-1]['content'] }}"}  # cut short there
        value = texts[key] if key in texts else json.loads(example)
        recipe = without(OPEN_RS, key, "reward_weights") | {key: value}
        settings = load(recipe)
        known = settings.to_dict() | {"output_dir": settings.output_dir}
        named = any(key in note for note in settings.notes)
        assert translated.get(key, key) in known or named, key
        if key in known and key not in {"output_dir", "scale_rewards", "beta"}:
            assert known[key] == value, key


def test_keys_without_effect_are_named_once_each_with_the_reason() -> None:
    notes = "\n".join(load(OPEN_RS).notes)
    for key in ("vllm_device", "overwrite_output_dir", "vllm_enforce_eager", "push_to_hub", "do_eval"):
        assert len(re.findall(rf"\b{key}\b", notes)) == 1, key
    assert "recipe.yaml: without effect here: do_eval, per_device_eval_batch_size" in notes
    assert "eval_bench" in notes
    assert "--push-to-hub" in notes


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"scale_rewards": False}, {"scale_rewards": "none"}),
        ({"scale_rewards": True}, {"scale_rewards": "group"}),
        ({"warmup_ratio": 0.03}, {"warmup_steps": 0.03}),
        ({"warmup_ratio": 0.03, "warmup_steps": 5}, {"warmup_steps": 5}),  # transformers 4 took the steps
        ({"warmup_ratio": 0.03, "warmup_steps": 0}, {"warmup_steps": 0.03}),
        ({"save_strategy": False}, {"save_strategy": "no"}),  # YAML's reading of a bare `no`
        ({"save_steps": 0.1}, {"save_steps": 0.1}),  # a share of all steps
        ({"weighted_sample": True, "sample_strategy": "medium"}, {"sample_strategy": "medium"}),
        ({"weighted_sample": False, "sample_strategy": "medium"}, {"sample_strategy": "uniform"}),
        ({"no_cuda": True}, {"use_cpu": True}),
        ({"adafactor": True}, {"optim": "adafactor"}),
        ({"vllm_guided_decoding_regex": "a+"}, {"vllm_structured_outputs_regex": "a+"}),
        ({"dataset_train_split": "train[:9]"}, {"dataset_split": "train[:9]"}),
        ({"dataset_prompt_column": "question"}, {"problem_column": "question"}),
        ({"reward_funcs": "accuracy format", "reward_weights": "1 2"}, {"reward_funcs": ["accuracy", "format"]}),
        ({"reward_funcs": ["accuracy_reward"]}, {"reward_funcs": ["accuracy"]}),
        ({"gradient_checkpointing_use_reentrant": True}, {"gradient_checkpointing_kwargs": {"use_reentrant": True}}),
        ({"accelerate_config": "recipes/accelerate_configs/zero3.yaml"}, {"accelerate": "zero3"}),
        ({"accelerate": "zero1"}, {"accelerate": "zero2"}),
        ({"accelerate": "multi_gpu"}, {"accelerate": "ddp"}),
        ({"deepspeed": {"zero_optimization": {"stage": 3}}}, {"accelerate": "zero3"}),
        ({"deepspeed": "configs/ds_zero2.json"}, {"accelerate": "zero2"}),
        ({"fsdp": "full_shard auto_wrap"}, {"accelerate": "fsdp"}),
        ({"fsdp": ""}, {"accelerate": "ddp"}),
        ({"torch_dtype": "bfloat16"}, {"dtype": "float32"}),
        ({"torch_dtype": None}, {"dtype": "float32"}),
        ({"torch_dtype": "bfloat16", "dtype": "bfloat16"}, {"dtype": "bfloat16"}),
    ],
)
def test_older_names_and_values_are_translated(given: dict[str, Any], meant: dict[str, Any]) -> None:
    base = without(SIMPLE_RL, "gradient_checkpointing_kwargs", "warmup_ratio", "torch_dtype", "reward_weights")
    settings = load(base | given).to_dict()
    assert {key: settings[key] for key in meant} == meant


def test_weights_stay_in_float32_unless_somebody_says_dtype() -> None:
    settings = load(OPEN_RS)
    assert any("torch_dtype bfloat16: the weights are kept in float32" in note for note in settings.notes)
    assert load(OPEN_RS, assignments=["dtype=bfloat16"]).run.dtype == "bfloat16"


def test_what_a_recipe_leaves_open_is_what_it_was_there() -> None:
    """TRL divides by the group's standard deviation, and before 0.18 sampled at 0.9."""
    open_there = load(SIMPLE_RL)
    assert {key: open_there.trainer[key] for key in ("scale_rewards", "adjust_gd", "temperature")} == {
        "scale_rewards": "group",
        "adjust_gd": False,
        "temperature": 0.9,
    }
    assert any("scale_rewards: group, adjust_gd: false, temperature: 0.9" in note for note in open_there.notes)
    newer = load(without(SIMPLE_RL, "vllm_device"))
    assert "temperature" not in newer.trainer


def test_alpha_stays_on_where_nothing_divides() -> None:
    for settings in (load(SIMPLE_RL | {"scale_rewards": False}), load(SIMPLE_RL, assignments=["scale_rewards=none"])):
        assert "adjust_gd" not in settings.trainer  # GPGConfig's default: on
        assert settings.to_dict()["adjust_gd"] is True


def test_a_recipe_of_ours_keeps_the_defaults_of_ours() -> None:
    ours = {"model_name_or_path": "m", "dataset_name": "d", "reward_funcs": ["accuracy"], "warmup_ratio": 0.1}
    settings = load(ours)
    assert settings.notes == ()
    assert not settings.foreign
    assert settings.to_dict()["scale_rewards"] == "none"


def test_a_preset_below_fills_in_what_a_recipe_leaves_open() -> None:
    settings = load(SIMPLE_RL, preset="quickstart")
    assert (settings.trainer["scale_rewards"], settings.trainer["adjust_gd"]) == ("none", True)
    assert settings.trainer["temperature"] == 1.0


def test_trap_t17_a_kl_term_is_left_out_of_gpg_and_kept_for_grpo() -> None:
    recipe = SIMPLE_RL | {"beta": 0.001}
    settings = load(recipe)
    assert "beta" not in settings.trainer
    assert any("GPG has no KL term and no clipping: beta 0.001" in note for note in settings.notes)
    assert any("--algorithm grpo trains with TRL's GRPO" in note for note in settings.notes)
    grpo = load(recipe, options={"algorithm": ("--algorithm", "grpo")})
    assert grpo.trainer["beta"] == 0.001  # the recipe's, not the 0.04 that --algorithm grpo means elsewhere
    silent = load(without(recipe, "beta"), options={"algorithm": ("--algorithm", "grpo")})
    assert silent.trainer["beta"] == 0.04


def test_a_kl_term_asked_for_by_hand_is_refused_with_a_way_out(tmp_path: Path) -> None:
    settings = load(OPEN_RS, assignments=["beta=0.04"])
    with pytest.raises(GpgError, match=r"beta belongs to GRPO .* --algorithm grpo"):
        settings.trainer_config(tmp_path, use_cpu=True, bf16=False, report_to="none")


@pytest.mark.parametrize(
    ("recipe", "name", "complaint"),
    [
        (SIMPLE_RL, "config_demo_woSTD.yaml", "its name says 'woSTD', but it has no scale_rewards"),
        (SIMPLE_RL | {"scale_rewards": True}, "config_v1_nostd.yaml", "'nostd', but scale_rewards is group"),
        (SIMPLE_RL | {"hub_model_id": "OpenRS-GPG-7B-wo-std"}, "a.yaml", "its name says 'wo-std'"),
        (without(SIMPLE_RL, "beta"), "config_simple_rl_wokl.yaml", "'wokl', but it has no beta, which meant 0.04"),
        (SIMPLE_RL | {"beta": 0.01}, "config_nokl.yaml", "'nokl', but beta is 0.01"),
    ],
)
def test_trap_t32_a_name_that_promises_what_the_values_do_not_is_warned_of(
    recipe: dict[str, Any], name: str, complaint: str
) -> None:
    assert any(complaint in note for note in load(recipe, name).notes)


@pytest.mark.parametrize(
    ("recipe", "name"),
    [
        (SIMPLE_RL | {"scale_rewards": False}, "config_v1_nostd.yaml"),
        (SIMPLE_RL, "config_v1_nokl.yaml"),
        (SIMPLE_RL, "gpg_std_kl.yaml"),
    ],
)
def test_a_name_that_keeps_its_promise_is_not(recipe: dict[str, Any], name: str) -> None:
    assert not any("its name says" in note for note in load(recipe, name).notes)


def test_format_keeps_its_meaning_outside_open_rs() -> None:
    assert load(SIMPLE_RL).run.reward_funcs == ["accuracy", "format"]
    assert load(OPEN_RS | {"system_prompt": "Think."}).run.reward_funcs == ["format", "cosine"]


@pytest.mark.parametrize(
    ("generations", "rows", "accumulation", "processes", "fitting", "said"),
    [
        (7, 2, 2, 1, 7, "gradient_accumulation_steps is 7 (2 x 7 x 1 processes = 14 completions, 2 prompts a step)"),
        (7, 2, 2, 7, 2, "per_device_train_batch_size 2, which the trainer this recipe was written for needs"),
        (8, 2, 4, 1, 4, "a group may span micro-batches and processes (2 x 4 x 1 processes = 8 completions, 1 prompts"),
        (16, 8, 1, 1, 2, "gradient_accumulation_steps is 2"),
        (16, 8, 1, 8, 1, "a group may span"),
        (6, 6, 4, 16, 4, ""),
    ],
)
def test_trap_t3_batches_without_whole_groups_are_mended_and_explained(
    tmp_path: Path, generations: int, rows: int, accumulation: int, processes: int, fitting: int, said: str
) -> None:
    recipe = SIMPLE_RL | {
        "num_generations": generations,
        "per_device_train_batch_size": rows,
        "gradient_accumulation_steps": accumulation,
    }
    settings, notes = fit_batch(load(recipe), processes)
    assert settings.trainer["gradient_accumulation_steps"] == fitting
    assert said in "".join(notes)
    assert bool(notes) == bool(said)
    config = settings.trainer_config(tmp_path, processes, use_cpu=True, bf16=False, report_to="none")
    assert config.completions_per_step % generations == 0


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"load_in_4bit": True}, "load_in_4bit cannot be honoured: models are not trained in 4 bits"),
        ({"reward_model_name_or_path": "org/reward"}, "rewards are functions, not models"),
        ({"datasets": [{"path": "a"}]}, "a run has one data set"),
        ({"lora_task_type": "SEQ_CLS"}, "only language models are trained"),
        ({"resume_from_checkpoint": "data/checkpoint-5"}, "a recipe does not say which run goes on"),
        ({"warmup_ratio": 1.5}, "warmup_ratio must be at least 0 and below 1"),
        ({"torch_dtype": "float8"}, "dtype = 'float8' is refused"),
        ({"vllm_max_model_len": "long"}, "vllm_max_model_length = 'long' is refused"),
        ({"vllm_max_model_lenght": 5}, "unknown setting 'vllm_max_model_lenght'"),
        ({"chat_template": "missing.jinja"}, "neither a template nor a file"),
        ({"chat_template": "{% if %}"}, "chat_template is not valid Jinja, line 1"),
    ],
)
def test_what_cannot_be_honoured_is_refused_with_its_line(given: dict[str, Any], complaint: str) -> None:
    path = Path("recipe.yaml")
    values = without(OPEN_RS, *given)
    path.write_text(f"{yaml.safe_dump(given, width=1000)}{yaml.safe_dump(values)}", encoding="utf-8")
    with pytest.raises(GpgError) as caught:
        resolve_settings(config=path)
    assert caught.value.message.startswith("recipe.yaml:1: ")
    assert complaint in caught.value.message


@pytest.mark.parametrize("given", [{"load_in_8bit": False}, {"resume_from_checkpoint": None}, {"datasets": []}])
def test_the_same_keys_asking_for_nothing_are_taken(given: dict[str, Any]) -> None:
    assert not set(given) & load(OPEN_RS | given).to_dict().keys()


def test_a_token_in_a_recipe_reaches_no_record() -> None:
    settings = load(OPEN_RS | {"hub_token": "hf_secret"})
    assert "hf_secret" not in settings.to_yaml() + "".join(settings.notes)
