"""`gpg plan`: what fits on published hardware, and what to change where nothing does."""

import re
import shlex
from collections.abc import Callable

import pytest

from gpg_cli.catalog import preset_paths
from gpg_cli.planning.architecture import known_models, read_architecture
from gpg_cli.planning.run import PlanRequest, make_memory_plan
from gpg_cli.training.settings import resolve_settings

# Recipe -> why its longest rows would not fit. Its pictures and problems are far from the limits that it sets.
TOO_LONG = {"geoqa": "8 rows of 512 vision tokens and 1024 + 256 tokens without gradient checkpointing"}
PUBLISHED = {name: resolve_settings(preset=name) for name in preset_paths()}
PUBLISHED = {name: settings for name, settings in PUBLISHED.items() if settings.run.gpus != "none"}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_preset_fits_on_the_hardware_that_it_names(name: str) -> None:
    settings = PUBLISHED[name]
    found = re.fullmatch(r"(\d+) x (\d+) GB", settings.run.gpus or "")
    assert found, settings.run.gpus
    plan = make_memory_plan(PlanRequest(preset=name, gpus=int(found[1]), memory_gb=float(found[2])))
    ways = {way.sharing: way for way in plan.ways}
    assert ways[settings.run.accelerate].fits == (name not in TOO_LONG)
    if name not in TOO_LONG:
        assert plan.line == f"gpg train --preset {name} --num-processes {found[1]}"


def test_the_models_of_presets_are_known_by_their_published_size() -> None:
    sizes = {name: read_architecture(name).parameters for name in known_models()}
    assert set(sizes) >= {settings.run.model_name_or_path for settings in PUBLISHED.values()}
    # As the index of their weights says it.
    assert sizes["deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B"] == 1_777_088_000
    assert sizes["Qwen/Qwen2.5-Math-7B"] == 7_615_616_512
    assert sizes["Qwen/Qwen2-VL-2B-Instruct"] == 2_208_985_600
    assert sizes["Qwen/Qwen2.5-VL-3B-Instruct"] == 3_754_622_976


def test_the_shares_are_those_of_the_paper_on_zero() -> None:
    """arXiv 1910.02054, figure 1: 7.5 billion parameters on 64 GPUs are 120, 16.6 and 1.9 GB."""
    from gpg_cli.planning.memory import Architecture, Precision, training_state

    shape = Architecture(7_500_000_000, 1, 0, 1, 1, 1, 1, 0, True)
    half = Precision(2, 2, 2)
    held = {}
    for sharing in ("zero2", "zero3"):
        state = training_state(shape, half, sharing, 64, shape.parameters)  # type: ignore[arg-type]
        held[sharing] = (state.weights + state.gradients + state.optimizer) / 1e9
    assert held == pytest.approx({"zero2": 16.6, "zero3": 1.9}, abs=0.05)


def test_the_table_fits_80_columns(gpg: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    outcome = gpg("plan", "--preset", "qwen2.5-math-7b", "--gpus", "8")
    assert outcome.code == 0, outcome.err
    table = [line for line in outcome.out.splitlines() if re.match(r"GB a GPU|ddp|zero|fsdp", line)]
    assert [line.split()[0] for line in table] == ["GB", "ddp", "zero2", "zero3", "fsdp"]
    assert all(len(line) <= 80 for line in table)
    assert "It fits with zero2" in outcome.out


def test_where_nothing_fits_the_changes_are_computed_and_do_fit(gpg: Callable) -> None:
    asked = ("plan", "--preset", "geoqa", "--gpus", "8", "--json")
    outcome = gpg(*asked)
    assert outcome.code == 1
    advice = outcome.json["advice"]
    assert advice["fits"]
    limit = advice["changes"]["max_tokens_per_microbatch"]
    with_it = gpg(*asked, "--set", f"max_tokens_per_microbatch={limit}")
    assert with_it.code == 0
    assert any(way["fits"] and way["sharing"] == advice["sharing"] for way in with_it.json["ways"])
    more = gpg(*asked, "--set", f"max_tokens_per_microbatch={limit + 64}")
    assert not any(way["fits"] and way["sharing"] == advice["sharing"] for way in more.json["ways"]), "the largest"
    assert f"max_tokens_per_microbatch={limit}" in shlex.split(advice["command"])


def test_one_small_gpu_trains_adapters(gpg: Callable) -> None:
    outcome = gpg("plan", "--preset", "open-rs1", "--memory", "24")
    assert outcome.code == 1
    assert "use_peft=true" in outcome.out
    assert "another training" in outcome.out
    # 64 prompts a step, as on 16 GPUs.
    assert "--set gradient_accumulation_steps=64" in outcome.out


def test_where_vllm_has_no_room_its_share_grows(gpg: Callable) -> None:
    """7.6 billion parameters in bfloat16 are 15.2 GB, more than 40% of 24."""
    outcome = gpg("plan", "--preset", "qwen2.5-math-7b", "--gpus", "8", "--memory", "24")
    assert outcome.code == 1
    assert "no room for a completion of full length" in outcome.out
    assert "zero3 and vllm_gpu_memory_utilization=0.75, 64 GPUs" in outcome.out
    outcome = gpg("plan", "--preset", "qwen2.5-math-7b", "--gpus", "1", "--memory", "12")
    assert "Nothing that was tried fits" in outcome.out


def test_the_printed_line_is_one_that_train_takes(gpg: Callable) -> None:
    line = gpg("plan", "--preset", "open-rs1", "--memory", "24", "--json").json["advice"]["command"]
    words = shlex.split(line)
    given = [words[place + 1] for place, word in enumerate(words) if word == "--set"]
    settings = resolve_settings(preset="open-rs1", assignments=given)
    assert settings.run.use_peft
    assert settings.run.lora_target_modules == ["all-linear"]


def test_a_server_takes_gpus_of_its_own(gpg: Callable) -> None:
    outcome = gpg("plan", "--preset", "qwen2.5-math-7b", "--gpus", "8", "--vllm", "server", "--json")
    assert {(way["processes"], way["engine_gpus"]) for way in outcome.json["ways"]} == {(7, 1)}
    assert gpg("plan", "--preset", "quickstart", "--vllm", "server", "--json").json["ways"][0]["processes"] == 0


def test_several_machines(gpg: Callable) -> None:
    outcome = gpg("plan", "--preset", "open-rs-7b", "--gpus", "16", "--machines", "2", "--json")
    command = outcome.json["advice"]["command"]
    assert "--num-processes 8 --num-machines 2 --machine-rank RANK" in command
    assert gpg("plan", "--preset", "open-rs-7b", "--gpus", "3", "--machines", "2").code == 2


def test_without_a_preset_it_says_what_it_needs(gpg: Callable) -> None:
    outcome = gpg("plan")
    assert outcome.code == 2
    assert "gpg plan --preset open-rs1" in outcome.err


def test_a_model_of_ones_own(gpg: Callable, tiny_model: object) -> None:
    outcome = gpg("plan", "--preset", "open-rs1", "--model", str(tiny_model), "--json")
    assert outcome.json["parameters"] < 1_000_000
    assert outcome.json["fits"]
