"""Models of strangers: code that comes with them, and pickles, run nothing, whatever asks for them."""

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.conftest import Outcome
from tests.faults import LONG
from tests.faults.hostile_models import Pickled, with_code, with_pickle

Gpg = Callable[..., Outcome]
Tally = Callable[[str, int], None]
TRAIN = ("train", "--preset", "quickstart", "--max-steps", "1", "--set", "eval_bench=null")
EVAL = ("eval", "--bench", "quickstart", "--limit", "1", "--max-tokens", "4")


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """There if anything was run."""
    return tmp_path / "canary"


@pytest.fixture
def strange(untrained_quickstart: Path, tmp_path: Path, canary: Path) -> Path:
    return with_code(untrained_quickstart, tmp_path / "strange", canary)


@pytest.mark.parametrize("engine", ["transformers", pytest.param("vllm", marks=LONG)])
def test_code_of_a_model_is_not_run(strange: Path, canary: Path, gpg: Gpg, engine: str, tally: Tally) -> None:
    Path("recipe.yaml").write_text("base: quickstart\ntrust_remote_code: true\n")
    calls: list[tuple[Any, ...]] = [
        (*TRAIN, "--model", strange),
        (*TRAIN, "--model", strange, "--dry-run"),
        (*TRAIN, "--model", strange, "--set", "trust_remote_code=true"),
        ("train", "--config", "recipe.yaml", "--model", strange, "--max-steps", "1"),
        ("check", "--preset", "quickstart", "--model", strange),
        (*EVAL, "--model", strange, "--engine", engine),
        ("export", strange, "--to", "exported"),
    ]
    if engine == "vllm":
        calls = [
            (*EVAL, "--model", strange, "--engine", engine),
            (*EVAL, "--model", strange, "--engine", engine, "--engine-arg", "trust_remote_code=true"),
        ]
    for call in calls:
        outcome = gpg(*call)
        assert outcome.code == 2, call
        assert "--trust-remote-code" in outcome.error_lines[-1], outcome.err
        assert not canary.exists(), call
    tally("ways to have a model's code run unasked", len(calls))


def test_code_of_a_model_is_run_when_it_is_asked_for(strange: Path, canary: Path, gpg: Gpg) -> None:
    outcome = gpg(*EVAL, "--model", strange, "--engine", "transformers", "--trust-remote-code")
    assert outcome.code == 0, outcome.err
    assert canary.exists()


@pytest.mark.slow
def test_a_training_and_an_export_may_run_it_too(strange: Path, canary: Path, gpg: Gpg) -> None:
    for call in [(*TRAIN, "--model", strange, "--output-dir", "run"), ("export", "run", "--to", "exported")]:
        canary.unlink(missing_ok=True)
        outcome = gpg(*call, "--trust-remote-code")
        assert outcome.code == 0, outcome.err
        assert canary.exists()


@pytest.mark.parametrize("engine", ["transformers", pytest.param("vllm", marks=LONG)])
def test_weights_in_a_pickle_are_refused(
    untrained_quickstart: Path, tmp_path: Path, canary: Path, gpg: Gpg, engine: str, tally: Tally
) -> None:
    model = with_pickle(untrained_quickstart, tmp_path / "pickled", canary)
    calls: list[tuple[Any, ...]] = [(*EVAL, "--model", model, "--engine", engine)]
    calls += [(*TRAIN, "--model", model), ("export", model, "--to", "exported")] if engine == "transformers" else []
    for call in calls:
        refused = gpg(*call)
        assert refused.code == 2, call
        assert "pickle" in refused.err
        assert "--allow-pickle" in refused.error_lines[-1]
        # Allowed, it is read as tensors, and this one holds a call.
        assert gpg(*call, "--allow-pickle").code == 2, call
        assert not canary.exists(), call
    tally("ways to have a pickle of weights run", 2 * len(calls))


def test_honest_weights_in_a_pickle_can_be_allowed(untrained_quickstart: Path, tmp_path: Path, gpg: Gpg) -> None:
    model = with_pickle(untrained_quickstart, tmp_path / "pickled")
    outcome = gpg(*EVAL, "--model", model, "--engine", "transformers", "--allow-pickle")
    assert outcome.code == 0, outcome.err
    exported = gpg("export", model, "--to", "exported", "--allow-pickle")
    assert exported.code == 0, exported.err
    assert Path("exported/model.safetensors").is_file()


@pytest.mark.parametrize("kind", ["pytorch_model.pt", "model.ckpt", "tf_model.h5"])
def test_other_kinds_of_pickles_are_never_read(untrained_quickstart: Path, tmp_path: Path, gpg: Gpg, kind: str) -> None:
    model = with_pickle(untrained_quickstart, tmp_path / "pickled")
    (model / "pytorch_model.bin").rename(model / kind)
    outcome = gpg(*EVAL, "--model", model, "--engine", "transformers", "--allow-pickle")
    assert outcome.code == 2
    assert kind in outcome.err


def test_an_index_names_no_weights_elsewhere(untrained_quickstart: Path, tmp_path: Path, gpg: Gpg) -> None:
    model = tmp_path / "indexed"
    shutil.copytree(untrained_quickstart, model)
    (model / "model.safetensors").unlink()
    names = [str(untrained_quickstart / "model.safetensors"), f"../{untrained_quickstart.name}/model.safetensors"]
    for name in names:
        index = {"metadata": {}, "weight_map": {"model.embed_tokens.weight": name}}
        (model / "model.safetensors.index.json").write_text(json.dumps(index))
        for call in [(*EVAL, "--model", model, "--engine", "transformers"), (*TRAIN, "--model", model)]:
            outcome = gpg(*call)
            assert outcome.code == 2
            assert "no safetensors file beside it" in outcome.err, outcome.err


@pytest.mark.slow
def test_no_pickle_in_a_checkpoint_is_run(tmp_path: Path, canary: Path, gpg: Gpg, tally: Tally) -> None:
    from gpg_cli.sealed_folder import MANIFEST, seal

    assert gpg(*TRAIN, "--output-dir", "run", "--set", "save_strategy=steps", "--set", "save_steps=1").code == 0
    whole = Path("run/checkpoint-1")
    facts = json.loads((whole / MANIFEST).read_text())["facts"]
    files = ["optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin", "pytorch_model.bin"]
    files += ["adapter_model.bin", "pytorch_model_fsdp_0/.metadata", "global_step1/zero_pp_rank_0_optim_states.pt"]
    for name in files:
        shutil.rmtree("other", ignore_errors=True)
        shutil.copytree("run", "other")
        checkpoint = Path("other/checkpoint-1")
        path = checkpoint / name
        path.parent.mkdir(exist_ok=True)
        content = {"canary": Pickled(canary)}
        if name.endswith(".metadata"):
            path.write_bytes(pickle.dumps(content))
        else:
            torch.save(content, path)
        if name.startswith("global_step"):
            (checkpoint / "latest").write_text("global_step1")
        seal(checkpoint, facts)
        # A stranger has made the manifest, so it fits. What need not be read may lie there.
        outcome = gpg("train", "--resume", "other", "--set", "max_steps=2")
        assert outcome.code in (0, 2), outcome.err
        assert not canary.exists(), name
    tally("pickles in a stranger's checkpoint", len(files))


@pytest.mark.parametrize("name", ["pytorch_model_fsdp_0/.metadata", "global_step1/zero_pp_rank_0_optim_states.pt"])
def test_pickles_that_would_be_read_whole_are_looked_at_first(tmp_path: Path, canary: Path, name: str) -> None:
    from gpg_cli.errors import GpgError
    from gpg_cli.pickles import check_checkpoint

    (tmp_path / name).parent.mkdir()
    (tmp_path / "latest").write_text("global_step1") if name.startswith("global") else None
    content = {"canary": Pickled(canary)}
    if name.endswith(".metadata"):
        (tmp_path / name).write_bytes(pickle.dumps(content))
    else:
        torch.save(content, tmp_path / name)
    with pytest.raises(GpgError, match=r"refers to (posix|os)\.system"):
        check_checkpoint(tmp_path)
    (tmp_path / "latest").write_text("../elsewhere")
    with pytest.raises(GpgError):
        check_checkpoint(tmp_path)
    assert not canary.exists()
