"""Checkpoints that two processes left in shards, against the weights of one process that made the same steps."""

import importlib.util
import pickle
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.publishing.loading import load_model
from gpg_cli.publishing.request import ExportRequest
from gpg_cli.publishing.run import export_model
from gpg_cli.publishing.sharded import check_shards
from gpg_cli.training.launch import Machines, launch
from tests.publishing.sharded_worker import STEPS, settings_for
from tests.training.rollouts import make_trainer

CHECKOUT = Path(__file__).parents[2]
needs_deepspeed = pytest.mark.skipif(importlib.util.find_spec("deepspeed") is None, reason="needs deepspeed")
KINDS = [pytest.param("zero2", marks=needs_deepspeed), pytest.param("zero3", marks=needs_deepspeed), "fsdp"]


@pytest.fixture(scope="module")
def base(untrained_quickstart: Path) -> Path:
    """What the checkpoints were trained from."""
    return untrained_quickstart


@pytest.fixture(scope="module")
def sharded(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`sharded("zero3")`: the checkpoint of two processes, made once for all tests."""
    done: dict[str, Path] = {}

    def make(kind: str) -> Path:
        if kind not in done:
            out = tmp_path_factory.mktemp(kind)
            program = [sys.executable, "-m", "tests.publishing.sharded_worker"]
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("PYTHONPATH", str(CHECKOUT))
                assert launch(Machines(2), [kind, str(base), str(out)], program) == 0
            done[kind] = out / f"checkpoint-{STEPS}"
            # Whole weights that ZeRO-2 keeps beside its shards would be taken instead.
            (done[kind] / "model.safetensors").unlink(missing_ok=True)
            (done[kind] / "manifest.json").unlink()
        return done[kind]

    return make


@pytest.fixture(scope="module")
def one(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The same steps in this process: the weights."""
    trainer = make_trainer(base, tmp_path_factory.mktemp("one"), **settings_for(1))
    trainer.train()
    return trainer.model.state_dict()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_shards_are_exported_as_the_weights_of_one_process(
    kind: str, sharded: Callable[[str], Path], one: Any, base: Path, tmp_path: Path
) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    # An FSDP checkpoint has neither configuration nor tokenizer.
    named = str(base) if kind == "fsdp" else None
    result = export_model(ExportRequest(str(sharded(kind)), to=tmp_path / "whole", base=named))
    exported = AutoModelForCausalLM.from_pretrained(tmp_path / "whole", dtype="auto")
    assert exported.dtype == torch.float32
    assert "same logits" in result.checks[0]
    weights = exported.state_dict()
    assert weights.keys() == one.keys()
    start = AutoModelForCausalLM.from_pretrained(base).state_dict()
    for name, wanted in one.items():
        # The key's bias is left out: softmax takes no notice of it, so its gradient is rounding, which Adam enlarges.
        if not name.endswith("k_proj.bias"):
            assert (weights[name] - wanted).norm() <= 1e-5 * wanted.norm(), name
    assert any(not weights[name].equal(start[name]) for name in weights), "it was trained"
    assert not list((tmp_path / "whole").rglob("*.pt")) + list((tmp_path / "whole").rglob("*.distcp"))


@pytest.mark.slow
@needs_deepspeed
def test_missing_shards_are_told_of(sharded: Callable[[str], Path], tmp_path: Path) -> None:
    cut = shutil.copytree(sharded("zero3"), tmp_path / "checkpoint-2")
    next(cut.glob("global_step*/zero_pp_rank_1_*_optim_states.pt")).unlink()
    with pytest.raises(GpgError, match="DeepSpeed cannot read"):
        export_model(ExportRequest(str(cut), to=tmp_path / "whole"))
    assert not (tmp_path / "whole").exists()


@pytest.mark.slow
def test_fsdp_shards_need_to_be_told_the_model(sharded: Callable[[str], Path], tmp_path: Path) -> None:
    with pytest.raises(GpgError, match=r"holds no tokenizer[\s\S]*--base"):
        export_model(ExportRequest(str(sharded("fsdp")), to=tmp_path / "whole"))


class Harmful:
    """Unpickled, it would print."""

    def __reduce__(self) -> Any:
        return print, ("unpickled",)


def test_a_pickle_that_would_run_code_is_not_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shards = tmp_path / "pytorch_model_fsdp_0"
    shards.mkdir()
    (shards / ".metadata").write_bytes(pickle.dumps(Harmful()))
    with pytest.raises(GpgError, match=r"refers to builtins\.print"):
        check_shards(tmp_path, "fsdp")
    assert "unpickled" not in capsys.readouterr().out


@needs_deepspeed
def test_neither_is_one_among_the_shards_of_zero(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    shards = tmp_path / "global_step2"
    shards.mkdir()
    (tmp_path / "latest").write_text("global_step2")
    torch.save({"module": Harmful()}, shards / "mp_rank_00_model_states.pt")
    with pytest.raises(GpgError, match=r"refers to (builtins|__builtin__)\.print"):
        check_shards(tmp_path, "zero")
    assert "unpickled" not in capsys.readouterr().out


@needs_deepspeed
def test_latest_names_a_folder_beside_it(tmp_path: Path) -> None:
    (tmp_path / "latest").write_text("../elsewhere")
    with pytest.raises(GpgError, match="does not name the folder of the shards"):
        check_shards(tmp_path, "zero")


def test_without_deepspeed_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(GpgError, match=r"pip install .*deepspeed"):
        check_shards(tmp_path, "zero")


def save_as_fsdp(weights: Any, folder: Path) -> None:
    from torch.distributed import checkpoint

    checkpoint.save({"model": weights}, checkpoint_id=folder / "pytorch_model_fsdp_0", no_dist=True)


def test_shards_of_a_vision_model_get_the_names_of_its_files(tiny_qwen2_vl: Path, tmp_path: Path) -> None:
    from safetensors import safe_open

    # In a process the weights have other names than in a file (transformers 5).
    save_as_fsdp(load_model(tiny_qwen2_vl, "float32").state_dict(), tmp_path / "checkpoint-2")
    export_model(ExportRequest(str(tmp_path / "checkpoint-2"), to=tmp_path / "whole", base=str(tiny_qwen2_vl)))
    files = [safe_open(folder / "model.safetensors", "pt") for folder in (tiny_qwen2_vl, tmp_path / "whole")]
    assert set(files[1].keys()) == set(files[0].keys())
    assert all(files[1].get_tensor(name).equal(files[0].get_tensor(name).float()) for name in files[0].keys())  # noqa: SIM118


def test_shards_of_an_adapter_or_of_another_model_are_refused(base: Path, tmp_path: Path) -> None:
    weights = load_model(base).state_dict()
    for prefix, message in (("base_model.model.", "the shards of a LoRA training"), ("", r"norm\.weight is missing")):
        shutil.rmtree(tmp_path / "checkpoint-2", ignore_errors=True)
        kept = {f"{prefix}{name}": weight for name, weight in weights.items() if name != "model.norm.weight"}
        save_as_fsdp(kept, tmp_path / "checkpoint-2")
        with pytest.raises(GpgError, match=message):
            export_model(ExportRequest(str(tmp_path / "checkpoint-2"), to=tmp_path / "whole", base=str(base)))
        assert not (tmp_path / "whole").exists()
