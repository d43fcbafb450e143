"""The kinds of parallel training: their settings, and that none is exchanged for another in silence."""

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from accelerate.utils import DistributedType
from transformers import TrainingArguments

from gpg_cli.errors import GpgError
from gpg_cli.training.parallel import (
    KINDS,
    Kind,
    check_not_fallen_back,
    chosen_by_launcher,
    require_installed,
    training_arguments,
)


@dataclass
class StandIn:
    """As much of an Accelerator as is asked for."""

    distributed_type: DistributedType
    num_processes: int = 2
    is_fsdp2: bool = False
    zero_stage: int = 0
    state: Any = field(init=False)

    def __post_init__(self) -> None:
        self.state = SimpleNamespace(deepspeed_plugin=SimpleNamespace(zero_stage=self.zero_stage))


@pytest.fixture(autouse=True)
def _asked_anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("ACCELERATE_USE_DEEPSPEED", "ACCELERATE_USE_FSDP"):
        monkeypatch.delenv(name, raising=False)
    chosen_by_launcher.cache_clear()
    yield
    chosen_by_launcher.cache_clear()


def test_ddp_needs_nothing() -> None:
    assert training_arguments("ddp") == {}


@pytest.mark.parametrize(("kind", "stage"), [("zero2", 2), ("zero3", 3)])
def test_zero(kind: Kind, stage: int) -> None:
    config = training_arguments(kind)["deepspeed"]
    assert config["zero_optimization"]["stage"] == stage
    assert not any("offload" in name for name in config["zero_optimization"])
    # What the Trainer knows is filled in by it, so that the two cannot disagree.
    for name in ("train_batch_size", "train_micro_batch_size_per_gpu", "gradient_accumulation_steps"):
        assert config[name] == "auto"
    assert config["gradient_clipping"] == config["bf16"]["enabled"] == "auto"
    # The optimiser and the schedule are the Trainer's: nothing moves in a step that is left out.
    assert not {"optimizer", "scheduler"} & config.keys()


def test_zero3_saves_whole_weights() -> None:
    config = training_arguments("zero3")["deepspeed"]["zero_optimization"]
    assert config["stage3_gather_16bit_weights_on_model_save"] is True


def test_fsdp_is_version_2_and_saves_whole_weights() -> None:
    arguments = TrainingArguments(output_dir="unused", use_cpu=True, report_to="none", **training_arguments("fsdp"))
    plugin = arguments.fsdp_plugin_args
    assert plugin["fsdp_version"] == 2
    assert plugin["reshard_after_forward"] is True
    assert plugin["auto_wrap_policy"] == "TRANSFORMER_BASED_WRAP"
    assert plugin["state_dict_type"] == "FULL_STATE_DICT"


def test_each_call_gives_settings_of_its_own() -> None:
    training_arguments("zero2")["deepspeed"]["zero_optimization"]["stage"] = 0
    assert training_arguments("zero2")["deepspeed"]["zero_optimization"]["stage"] == 2


@pytest.mark.parametrize("name", ["ACCELERATE_USE_DEEPSPEED", "ACCELERATE_USE_FSDP"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_accelerate_launch_chose_wins(kind: Kind, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "true")
    assert training_arguments(kind) == {}
    check_not_fallen_back(StandIn(DistributedType.DEEPSPEED, zero_stage=1), kind, 2)
    with pytest.raises(GpgError, match="2 processes were started"):
        check_not_fallen_back(StandIn(DistributedType.DEEPSPEED, num_processes=1), kind, 2)


def test_what_accelerate_sets_itself_is_no_choice_of_a_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    training_arguments("zero2")
    monkeypatch.setenv("ACCELERATE_USE_DEEPSPEED", "true")
    with pytest.raises(GpgError, match="zero2 was asked for, and accelerate made it ddp"):
        check_not_fallen_back(StandIn(DistributedType.MULTI_CPU), "zero2", 2)


def test_missing_deepspeed_is_said_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for kind in ("zero2", "zero3"):
        with pytest.raises(GpgError) as caught:
            require_installed(kind)
        assert caught.value.hint == 'Install it: pip install "gpg-cli[deepspeed]"'
    require_installed("ddp")
    require_installed("fsdp")


@pytest.mark.parametrize(
    ("kind", "accelerator"),
    [
        ("ddp", StandIn(DistributedType.MULTI_GPU)),
        ("ddp", StandIn(DistributedType.MULTI_CPU)),
        ("zero2", StandIn(DistributedType.DEEPSPEED, zero_stage=2)),
        ("zero3", StandIn(DistributedType.DEEPSPEED, zero_stage=3)),
        ("fsdp", StandIn(DistributedType.FSDP, is_fsdp2=True)),
    ],
)
def test_what_was_asked_for_is_accepted(kind: Kind, accelerator: StandIn) -> None:
    check_not_fallen_back(accelerator, kind, 2)


def test_a_single_process_is_ddp_of_one() -> None:
    check_not_fallen_back(StandIn(DistributedType.NO, num_processes=1), "ddp", 1)


@pytest.mark.parametrize(
    ("kind", "accelerator", "made"),
    [
        ("fsdp", StandIn(DistributedType.MULTI_CPU), "ddp"),
        ("fsdp", StandIn(DistributedType.FSDP), "fsdp of version 1"),
        ("zero3", StandIn(DistributedType.DEEPSPEED, zero_stage=2), "zero2"),
        ("zero2", StandIn(DistributedType.MULTI_CPU), "ddp"),
        ("ddp", StandIn(DistributedType.FSDP, is_fsdp2=True), "fsdp"),
        ("ddp", StandIn(DistributedType.MEGATRON_LM), "MEGATRON_LM"),
    ],
)
def test_another_kind_is_refused(kind: Kind, accelerator: StandIn, made: str) -> None:
    with pytest.raises(GpgError, match=f"{kind} was asked for, and accelerate made it {made}"):
        check_not_fallen_back(accelerator, kind, 2)


def test_a_process_on_its_own_is_refused() -> None:
    with pytest.raises(GpgError, match="2 processes were started, and accelerate trains with 1"):
        check_not_fallen_back(StandIn(DistributedType.NO, num_processes=1), "ddp", 2)
