"""`gpg export` from end to end, but for the command line itself."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.publishing.request import ExportRequest
from gpg_cli.publishing.run import export_model

from .fake_hub import FakeHub

MODEL_FILES = [
    "README.md",
    "chat_template.jinja",
    "config.json",
    "generation_config.json",
    "gpg_export.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
]
RUN_FILES = sorted([*MODEL_FILES, "reward.png", "run.json"])


def logits(folder: Path) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype="auto")
    with torch.no_grad():
        return model(input_ids=torch.arange(40)[None]).logits


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder; to see that nothing was written."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_run_becomes_a_model_folder_with_the_same_logits_and_no_pickles(run: Path, tmp_path: Path) -> None:
    target = tmp_path / "new" / "exported"
    result = export_model(ExportRequest(str(run), to=target))
    assert sorted(path.name for path in target.iterdir()) == RUN_FILES
    assert logits(target).equal(logits(run / "model"))
    told = result.to_dict()
    assert told.pop("checks")[0] == "The exported model gives the same logits as its source."
    assert told == {
        "source": str(run / "model"),
        "output_dir": str(target),
        "files": RUN_FILES,
        "bytes": sum(path.stat().st_size for path in target.iterdir()),
        "repo_url": None,
        "dry_run": False,
    }
    assert [path.name for path in target.parent.iterdir()] == ["exported"]


@pytest.mark.parametrize("source", ["model", "checkpoint-50"])
def test_a_checkpoint_or_a_model_of_a_run_is_exported_too(run: Path, tmp_path: Path, source: str) -> None:
    export_model(ExportRequest(str(run / source), to=tmp_path / "exported"))
    assert (tmp_path / "exported" / "model.safetensors").is_file()


def test_a_plain_model_folder_gets_a_card_that_claims_no_training(model: Path, tmp_path: Path) -> None:
    export_model(ExportRequest(str(model), to=tmp_path / "exported"))
    assert sorted(path.name for path in (tmp_path / "exported").iterdir()) == MODEL_FILES
    assert "Group Policy Gradient" not in (tmp_path / "exported" / "README.md").read_text()


def test_overwrite_replaces_an_earlier_export_whole(run: Path, tmp_path: Path) -> None:
    target = tmp_path / "exported"
    export_model(ExportRequest(str(run), to=target))
    (target / "model-00001-of-00002.safetensors").write_bytes(b"of an older model")
    export_model(ExportRequest(str(run), to=target, overwrite=True))
    assert sorted(path.name for path in target.iterdir()) == RUN_FILES


def test_a_repository_alone_leaves_nothing_on_the_disk(
    run: Path, tmp_path: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    result = export_model(ExportRequest(str(run), repo_id="me/open-rs1-gpg"))
    assert sorted(hub.repositories["me/open-rs1-gpg"].files) == RUN_FILES
    assert result.to_dict()["output_dir"] is None
    assert result.repo_url == f"{hub.url}/me/open-rs1-gpg"
    assert list(temporary.iterdir()) == []


def test_a_folder_stays_when_the_hub_refuses_it(run: Path, tmp_path: Path, hub: FakeHub) -> None:
    hub.refusals["create"] = 403
    with pytest.raises(GpgError, match="may not write"):
        export_model(ExportRequest(str(run), to=tmp_path / "exported", repo_id="me/model"))
    assert logits(tmp_path / "exported").equal(logits(run / "model"))


def without_config(run: Path) -> None:
    shutil.rmtree(run / "checkpoint-50")
    (run / "model" / "config.json").unlink()


def with_pickles_only(run: Path) -> None:
    (run / "model" / "model.safetensors").rename(run / "model" / "pytorch_model.bin")


def without_tokenizer(run: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (run / "model" / name).unlink()


def with_a_broken_config(run: Path) -> None:
    (run / "model" / "config.json").write_text("{")


def with_a_broken_record(run: Path) -> None:
    (run / "run.json").write_text("[]")


def with_cut_weights(run: Path) -> None:
    weights = run / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])


def with_missing_weights(run: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(run / "model" / "model.safetensors")
    del tensors["model.norm.weight"]
    save_file(tensors, run / "model" / "model.safetensors", metadata={"format": "pt"})


def with_a_weight_of_nan(run: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(run / "model" / "model.safetensors")
    tensors["model.norm.weight"][0] = float("nan")
    save_file(tensors, run / "model" / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (without_config, "has not finished: there is no final model in it"),
        (with_pickles_only, "as a pickle"),
        (without_tokenizer, "holds no tokenizer"),
        (with_a_broken_config, "is not valid JSON"),
        (with_a_broken_record, "does not hold a JSON object"),
        (with_cut_weights, "is no whole safetensors file"),
        (with_missing_weights, "lack 1 tensors of the model, for example model.norm.weight"),
        (with_a_weight_of_nan, "NaN or infinite weights: model.norm.weight in model.safetensors"),
    ],
)
def test_a_run_that_is_no_whole_model_is_refused_and_nothing_written(
    run: Path, tmp_path: Path, spoil: Callable[[Path], None], message: str
) -> None:
    spoil(run)
    before = tree(tmp_path)
    with pytest.raises(GpgError, match=message):
        export_model(ExportRequest(str(run), to=tmp_path / "new" / "exported"))
    assert tree(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (ExportRequest("runs/open-rs1"), "nowhere to export to"),
        (ExportRequest("runs/none", to=Path("new")), "there is no folder runs/none"),
        (ExportRequest("./none", to=Path("new")), "there is no folder ./none"),
        (ExportRequest("runs", to=Path("new")), "it has no config.json"),
        (ExportRequest("runs/open-rs1", to=Path("new"), dtype="int8"), "--dtype int8 is not known"),
        (ExportRequest("runs/open-rs1", to=Path("new"), check="sglang"), "--check sglang is not known"),
        (ExportRequest("runs/open-rs1", to=Path("new"), merge=True), "is no adapter"),
        (ExportRequest("runs/open-rs1", to=Path("new"), private=True), "are about the Hub"),
        (ExportRequest("runs/open-rs1", to=Path("new"), card=Path("none.md")), "none.md"),
        (ExportRequest("runs/open-rs1", to=Path("new"), checkpoint="first"), "neither best, last nor a step"),
        (ExportRequest("runs/open-rs1", to=Path("new"), checkpoint="51"), "has no checkpoint of step 51"),
        (ExportRequest("runs/open-rs1/model", to=Path("new"), checkpoint="last"), "is no run folder"),
        (ExportRequest("runs/open-rs1", repo_id="me/my model"), "no name for a repository"),
        (ExportRequest("runs/open-rs1", to=Path("new"), repo_id="model"), "exactly one slash"),
        (ExportRequest("runs/open-rs1", to=Path("full")), "exists and is not empty"),
        (ExportRequest("runs/open-rs1", to=Path("full"), overwrite=True), "was not written by this command"),
        (ExportRequest("runs/open-rs1", to=Path("full/notes.txt")), "is a file"),
        (ExportRequest("runs/open-rs1", to=Path("full/notes.txt/new")), "is a file, not a folder"),
        (ExportRequest("runs/open-rs1", to=Path(".")), "exists and is not empty"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_written(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request_: ExportRequest, message: str
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    monkeypatch.chdir(tmp_path)
    before = tree(tmp_path)
    with pytest.raises(GpgError, match=message):
        export_model(request_)
    assert tree(tmp_path) == before


def test_an_export_never_replaces_its_own_source(model: Path) -> None:
    (model / "gpg_export.json").write_text("{}")
    with pytest.raises(GpgError, match="holds the model to export"):
        export_model(ExportRequest(str(model), to=model, overwrite=True))


def test_the_current_folder_is_not_replaced_under_the_shell(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(GpgError, match="is the current folder"):
        export_model(ExportRequest(str(run), to=Path(".")))


def test_the_export_notes_what_it_wrote(run: Path, tmp_path: Path) -> None:
    export_model(ExportRequest(str(run), to=tmp_path / "exported"))
    note = json.loads((tmp_path / "exported" / "gpg_export.json").read_text())
    assert note["schema"] == 1
    assert note["files"]["config.json"] == (tmp_path / "exported" / "config.json").stat().st_size


def test_no_place_of_this_machine_is_written(run: Path, tmp_path: Path) -> None:
    config = run / "model" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"_name_or_path": str(run / "model")}))
    export_model(ExportRequest(str(run), to=tmp_path / "exported"))
    for name, content in tree(tmp_path / "exported").items():
        assert str(tmp_path).encode() not in content, name
        assert b"/home/me" not in content, name


def test_nan_is_exported_by_force(run: Path, tmp_path: Path) -> None:
    with_a_weight_of_nan(run)
    export_model(ExportRequest(str(run), to=tmp_path / "exported", force=True))
    assert logits(tmp_path / "exported").isnan().any()


def test_another_dtype_halves_the_weights_and_is_checked(run: Path, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(run / "model", dtype=torch.float32)
    model.save_pretrained(run / "model")
    result = export_model(ExportRequest(str(run), to=tmp_path / "exported", dtype="bfloat16"))
    exported = AutoModelForCausalLM.from_pretrained(tmp_path / "exported", dtype="auto")
    assert exported.dtype == torch.bfloat16
    assert "% of rounding" in result.checks[0]
    for name, weight in model.to(torch.bfloat16).state_dict().items():
        assert exported.state_dict()[name].equal(weight), name


def test_a_dry_run_says_what_would_be_exported_and_writes_nothing(run: Path, tmp_path: Path) -> None:
    before = tree(tmp_path)
    result = export_model(ExportRequest(str(run), to=tmp_path / "exported", repo_id="me/model", dry_run=True))
    assert tree(tmp_path) == before
    assert result.dry_run
    assert "config.json" in result.files
    weights = result.files["model.safetensors (about)"]
    assert weights == pytest.approx((run / "model" / "model.safetensors").stat().st_size, rel=0.1)
    assert result.card.startswith("---\n")


def test_a_disk_without_room_is_told_before_anything_is_copied(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda place: shutil._ntuple_diskusage(2, 1, 1))  # type: ignore[attr-defined]
    before = tree(tmp_path)
    with pytest.raises(GpgError, match=r"the export needs .* GB in .*, where 0.00 GB are free"):
        export_model(ExportRequest(str(run), to=tmp_path / "exported"))
    assert tree(tmp_path) == before
