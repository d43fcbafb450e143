"""Which model of a run is meant, and what kind of thing a folder holds."""

import json
import re
from pathlib import Path

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.publishing.source import find_source
from gpg_cli.sealed_folder import seal


def add_checkpoint(run: Path, step: int) -> Path:
    folder = run / f"checkpoint-{step}"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    seal(folder, {"step": step})
    return folder


def measured(run: Path, scores: dict[int, float]) -> None:
    """The curve that `eval_every` leaves, with the beginning of a line that a kill cut short."""
    lines = [json.dumps({"step": step, "reward": 0.5, "eval/math500/score": score}) for step, score in scores.items()]
    (run / "metrics.jsonl").write_text("\n".join([*lines, '{"step": 9']))


@pytest.fixture
def run(run: Path) -> Path:
    """Of 100 steps, with checkpoints of steps 50 and 75."""
    add_checkpoint(run, 75)
    return run


@pytest.mark.parametrize(
    ("checkpoint", "folder", "step"),
    [(None, "model", None), ("last", "model", None), ("75", "checkpoint-75", 75), ("100", "model", None)],
)
def test_of_a_run_its_final_model_or_the_step_that_is_named(
    run: Path, checkpoint: str | None, folder: str, step: int | None
) -> None:
    source = find_source(str(run), checkpoint)
    assert (source.folder, source.kind, source.run, source.step) == (run / folder, "model", run, step)


@pytest.mark.parametrize(
    ("scores", "folder"),
    [
        ({50: 0.2, 75: 0.6, 100: 0.4}, "checkpoint-75"),
        ({50: 0.6, 75: 0.6, 100: 0.4}, "checkpoint-50"),
        ({50: 0.2, 75: 0.3, 100: 0.4}, "model"),
    ],
)
def test_the_best_is_the_first_with_the_highest_score(run: Path, scores: dict[int, float], folder: str) -> None:
    measured(run, scores)
    assert find_source(str(run), "best").folder == run / folder


def test_the_best_of_those_that_are_left_is_said_to_be_no_more_than_that(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measured(run, {25: 0.9, 50: 0.5, 75: 0.4})
    assert find_source(str(run), "best").folder == run / "checkpoint-50"
    said = " ".join(capsys.readouterr().err.split())
    assert "Step 50 was the best: 50.0% of math500." in said
    assert "Step 25 scored 90.0%, and its checkpoint is not there any more." in said


def test_without_a_curve_no_checkpoint_is_the_best(run: Path) -> None:
    with pytest.raises(GpgError, match=r"none of its checkpoints is known to be the best[\s\S]*eval_every"):
        find_source(str(run), "best")


def test_a_run_that_never_finished_offers_its_last_checkpoint(run: Path) -> None:
    (run / "model" / "config.json").unlink()
    with pytest.raises(GpgError, match=r"has not finished[\s\S]*its last checkpoint, of step 75: --checkpoint last"):
        find_source(str(run))
    assert find_source(str(run), "last").folder == run / "checkpoint-75"


def test_a_checkpoint_that_was_cut_short_is_refused_and_others_are_named(run: Path) -> None:
    (run / "checkpoint-75" / "model.safetensors").write_bytes(b"weig")
    with pytest.raises(GpgError, match=r"checkpoint-75 is not whole: [\s\S]*Export another one: checkpoint-50"):
        find_source(str(run), "last" if not (run / "model").exists() else "75")


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        (["config.json", "model.safetensors"], "model"),
        (["adapter_config.json", "adapter_model.safetensors"], "adapter"),
        (["config.json", "latest", "global_step2/zero_pp_rank_0_mp_rank_00_optim_states.pt"], "zero"),
        (["config.json", "model.safetensors", "global_step2/zero_pp_rank_0_mp_rank_00_optim_states.pt"], "model"),
        (["pytorch_model_fsdp_0/.metadata"], "fsdp"),
    ],
)
def test_what_a_folder_holds_is_seen_by_its_files(tmp_path: Path, files: list[str], kind: str) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    assert find_source(str(tmp_path)).kind == kind


def test_the_base_is_what_the_user_names_else_the_adapter_else_the_run(tmp_path: Path) -> None:
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (tmp_path / "run.json").write_text(json.dumps({"model": "org/of-the-run"}))
    (adapter / "adapter_config.json").write_text("{}")
    assert find_source(str(adapter)).base == "org/of-the-run"
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "org/of-the-adapter"}))
    assert find_source(str(adapter)).base == "org/of-the-adapter"
    assert find_source(str(adapter), base="org/named").base == "org/named"


def test_a_whole_model_needs_no_base(run: Path) -> None:
    assert find_source(str(run / "model")).base is None


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GpgError, match=re.escape(f"{tmp_path} holds no model: it has no config.json")):
        find_source(str(tmp_path))
