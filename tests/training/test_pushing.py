"""Checkpoints and the final model are pushed while a real, tiny training goes on; a small program stands in for
`gpg export`."""

import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from gpg_cli.console import messages
from gpg_cli.errors import GpgError
from gpg_cli.sealed_folder import seal, what_is_wrong
from gpg_cli.training.plan import TrainRequest
from gpg_cli.training.pushing import Publisher, Push, make_snapshot, read_push
from gpg_cli.training.run import Benchmarks, TrainResult
from gpg_cli.training.run import train as run_training
from gpg_cli.training.uploads import Pushed, Uploads

# Takes the arguments of `gpg export`; writes down what it was given, after the file `gate` is there, if it is told to
# wait for it; fails as often as `faults` says.
STAND_IN = """
import json, os, pathlib, sys, time
model, revision = pathlib.Path(sys.argv[2]), "main"
if "--revision" in sys.argv:
    revision = sys.argv[sys.argv.index("--revision") + 1]
here = pathlib.Path(__file__).parent
(here / f"started-{revision}").touch()
while (here / "wait").exists() and not (here / "gate").exists():
    time.sleep(0.02)
faults = here / f"faults-{revision}"
if faults.exists() and int(faults.read_text()):
    faults.write_text(str(int(faults.read_text()) - 1))
    sys.exit("Error: the Hub has a fault of its own (500)\\nTry again later.")
weights = (model / "model.safetensors").stat().st_size
run = json.loads((model.parent / "run.json").read_text())
files = sorted(path.name for path in model.iterdir())
environment = {name: os.environ.get(name) for name in ("RANK", "MASTER_ADDR", "CUDA_VISIBLE_DEVICES", "HF_TOKEN")}
told = {"arguments": sys.argv[1:], "revision": revision, "weights": weights, "files": files, "seed": run["seed"],
        "environment": environment,
        "priority": os.getpriority(os.PRIO_PROCESS, 0),
        "summary": run["summary"]}
with (here / "pushed.jsonl").open("a") as file:
    file.write(json.dumps(told) + "\\n")
print(json.dumps({"repo_url": "http://hub/me/tiny"}))
"""
SETTINGS = (
    *("per_device_train_batch_size=8", "max_completion_length=8", "save_strategy=no", "learning_rate=0.01"),
    *("eval_bench=null", "max_steps=4"),
)


class StandIn:
    """The program, and what it was told."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        (folder / "program.py").write_text(STAND_IN)
        self.checked: list[tuple[str, bool]] = []
        self.publisher = Publisher(
            lambda repo_id, private: self.checked.append((repo_id, private)),
            lambda model, repo_id, revision, private: [
                *("export", str(model), "--repo-id", repo_id),
                *(["--revision", revision] if revision else []),
            ],
            (sys.executable, str(folder / "program.py")),
        )

    @property
    def pushed(self) -> list[dict]:
        path = self.folder / "pushed.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    @property
    def revisions(self) -> list[str]:
        return [push["revision"] for push in self.pushed]


@pytest.fixture
def hub(tmp_path: Path) -> StandIn:
    return StandIn(tmp_path / "hub")


@pytest.fixture
def train(hub: StandIn, tiny_model: Path, json_lines: Callable) -> Callable[..., TrainResult]:
    """`train(every=2, "max_steps=6")`: a run in the folder `run`, of four steps where nothing else is said."""
    rows = json_lines(*({"problem": f"1{n}+1{n}=", "answer": str(20 + 2 * n)} for n in range(8)))
    named = {"model_name_or_path": ("--model", str(tiny_model)), "dataset_name": ("--dataset", str(rows))}

    def never(*arguments: object) -> float:
        raise AssertionError("nothing is measured here")

    def call(*assignments: str, every: int | None = None, **more) -> TrainResult:
        request = TrainRequest(
            preset="quickstart",
            assignments=[*SETTINGS, *assignments],
            options=named,
            output_dir=Path("run"),
            num_processes=more.pop("num_processes", 1),
            push=read_push("me/tiny", every, private=False),
            **more,
        )
        result = run_training(request, Benchmarks(never, never, never), hub.publisher)
        assert result is not None
        return result

    return call


def test_checkpoints_become_revisions_in_order_and_the_final_model_is_main(
    train: Callable, hub: StandIn, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_canarycanarycanary")
    result = train(every=2)
    assert (result.repo_url, result.not_pushed) == ("http://hub/me/tiny", [])
    assert hub.checked == [("me/tiny", False)]
    assert hub.revisions == ["step-2", "step-4", "main"]
    step, _, final = hub.pushed
    assert "model.safetensors" in step["files"]
    assert not {"optimizer.pt", "scheduler.pt", "rng_state.pth"} & set(step["files"])
    # The card of the final model can tell how the run ended.
    assert (step["summary"], final["summary"]["steps"]) == (None, 4)
    assert step["environment"]["CUDA_VISIBLE_DEVICES"] == ""
    assert step["environment"]["HF_TOKEN"] == "hf_canarycanarycanary"
    assert step["priority"] > os.getpriority(os.PRIO_PROCESS, 0)
    # save_strategy=no: these two are there for the pushes alone, and nothing else is left of those.
    assert {path.name for path in Path("run").iterdir()} == {
        *("run.json", "metrics.jsonl", "completions.jsonl", "reward.png", "model", "checkpoint-2", "checkpoint-4")
    }
    assert json.loads(Path("run/run.json").read_text())["push"] == {"repo_id": "me/tiny", "every": 2, "private": False}
    out, err = capfd.readouterr()
    assert "hf_canary" not in Path("run/run.json").read_text() + out + err


def test_a_failure_is_told_and_tried_again_at_the_end_and_the_training_goes_on(
    train: Callable, hub: StandIn, capfd: pytest.CaptureFixture[str]
) -> None:
    (hub.folder / "faults-step-2").write_text("1")
    (hub.folder / "faults-main").write_text("1")
    result = train(every=2)
    assert (result.steps, result.repo_url, result.not_pushed) == (4, None, ["main"])
    assert sorted(hub.revisions) == ["step-2", "step-4"]
    told = capfd.readouterr().err
    assert "Could not push step-2 to me/tiny: the Hub has a fault of its own (500). Later:" in told
    assert "  gpg export run/.push/step-2/checkpoint-2 --repo-id me/tiny --revision step-2\n" in told
    assert "Could not push the final model to me/tiny" in told
    assert "  gpg export run/model --repo-id me/tiny\n" in told


def test_a_checkpoint_that_is_deleted_while_it_waits_is_pushed_whole(train: Callable, hub: StandIn) -> None:
    (hub.folder / "wait").touch()

    def open_gate() -> None:
        while not Path("run/checkpoint-4").exists():
            time.sleep(0.02)
        deleted.append(not Path("run/checkpoint-1").exists() and not Path("run/checkpoint-2").exists())
        (hub.folder / "gate").touch()

    deleted: list[bool] = []
    opener = threading.Thread(target=open_gate)
    opener.start()
    train("save_total_limit=1", every=1)
    opener.join()
    assert deleted == [True]
    assert hub.revisions == ["step-1", "step-2", "step-3", "step-4", "main"]
    assert len({push["weights"] for push in hub.pushed}) == 1
    assert not Path("run/.push").exists()


def test_ctrl_c_while_waiting_leaves_the_run_whole_and_what_is_missing_is_pushed_on_resuming(
    train: Callable, hub: StandIn, capfd: pytest.CaptureFixture[str]
) -> None:
    (hub.folder / "wait").touch()

    def interrupt() -> None:
        while not Path("run/model").exists() or not (hub.folder / "started-step-2").exists():
            time.sleep(0.02)
        # Until the run waits for its pushes, the signal would be one to stop training.
        while "Waiting for" not in "".join(seen):
            seen.append(capfd.readouterr().err)
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    seen: list[str] = []
    thread = threading.Thread(target=interrupt)
    thread.start()
    result = train(every=2)
    thread.join()
    assert (result.steps, result.not_pushed) == (4, ["step-2", "step-4", "main"])
    told = capfd.readouterr().err
    assert "Not pushed to me/tiny yet; the run is whole. Later:" in told
    assert told.count("  gpg export run/") == 3
    assert Path("run/model/model.safetensors").is_file()
    assert json.loads(Path("run/run.json").read_text())["summary"]["steps"] == 4
    assert hub.pushed == []

    (hub.folder / "gate").touch()
    assert train(resume="run", every=2).not_pushed == []
    assert hub.revisions == ["step-2", "step-4", "main"]


def test_a_run_that_is_asked_to_stop_waits_for_its_pushes_and_leaves_main_alone(
    train: Callable, hub: StandIn, capfd: pytest.CaptureFixture[str]
) -> None:
    def interrupt() -> None:
        while not (hub.folder / "started-step-2").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    result = train("max_steps=300", every=2)
    thread.join()
    assert (result.interrupted, result.repo_url, result.not_pushed) == (True, None, [])
    assert hub.revisions[0] == "step-2"
    assert "main" not in hub.revisions
    assert "pushed only if told again: --push-to-hub me/tiny --push-every 2" in capfd.readouterr().err


def test_without_an_interval_the_final_model_alone_is_pushed_and_not_again_unless_that_is_said_again(
    train: Callable, hub: StandIn, gpg: Callable
) -> None:
    train("save_strategy=steps", "save_steps=4")
    assert hub.revisions == ["main"]
    outcome = gpg("train", "--resume", "run", "--max-steps", "5")
    assert outcome.code == 0, outcome.err
    assert "to go on with that: --push-to-hub me/tiny" in outcome.err
    assert hub.revisions == ["main"]


@pytest.mark.slow
def test_of_two_processes_one_pushes(train: Callable, hub: StandIn) -> None:
    result = train("per_device_train_batch_size=4", every=2, num_processes=2)
    assert (result.steps, result.not_pushed) == (4, [])
    assert hub.revisions == ["step-2", "step-4", "main"]
    assert {push["environment"]["RANK"] for push in hub.pushed} == {None}
    assert not Path("run/.push").exists()


def test_what_cannot_be_pushed_is_refused_before_anything_is_made(
    gpg: Callable, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    for arguments, complaint in (
        (("--push-every", "5"), "--push-every is set, but not where to push"),
        (("--push-private",), "--push-private is set, but not where to push"),
        (("--push-to-hub", "no owner"), "'no owner'"),
        (("--push-to-hub", "me/tiny", "--dry-run"), "token"),
    ):
        outcome = gpg("train", "--preset", "quickstart", "--output-dir", "run", *arguments)
        assert outcome.code == 2, outcome.err
        assert complaint in outcome.err
    assert not Path("run").exists()


def test_an_upload_is_no_process_of_the_training_and_speaks_itself_where_somebody_watches_the_last_one(
    hub: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    (run / "model").mkdir(parents=True)
    (run / "model" / "model.safetensors").touch()
    (run / "run.json").write_text('{"seed": 0, "summary": null}')
    # As a run left it that was killed.
    (run / ".push" / "step-1.half").mkdir(parents=True)
    (run / ".push" / "step-1.log").touch()
    for name in ("RANK", "MASTER_ADDR"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setattr(messages, "_force_terminal", True)
    (hub.folder / "faults-main").write_text("1")
    for pushed in (Pushed(None, ["main"]), Pushed("http://hub/me/tiny", [])):
        with Uploads(run, Push("me/tiny"), hub.publisher) as uploads:
            assert uploads.finish(run / "model") == pushed
    assert "Error: the Hub has a fault of its own (500)" in capfd.readouterr().err
    (push,) = hub.pushed
    assert (push["environment"]["RANK"], push["environment"]["MASTER_ADDR"]) == (None, None)
    assert not (run / ".push").exists()


def test_a_snapshot_is_of_links_and_of_copies_where_there_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = tmp_path / "run" / "checkpoint-3"
    (checkpoint / "additional_chat_templates").mkdir(parents=True)
    for name in ("model.safetensors", "optimizer.pt", "additional_chat_templates/tools.jinja"):
        (checkpoint / name).write_text(name)
    seal(checkpoint, {"step": 3})
    snapshot = make_snapshot(checkpoint)
    assert snapshot == tmp_path / "run" / ".push" / "step-3"
    weights = snapshot / "checkpoint-3" / "model.safetensors"
    assert weights.stat().st_ino == (checkpoint / "model.safetensors").stat().st_ino
    assert (snapshot / "checkpoint-3" / "additional_chat_templates" / "tools.jinja").is_file()
    assert not (snapshot / "checkpoint-3" / "optimizer.pt").exists()
    # Each is whole by its own manifest.
    assert [what_is_wrong(folder) for folder in (checkpoint, snapshot / "checkpoint-3")] == [None, None]
    assert "optimizer.pt" in (checkpoint / "manifest.json").read_text()

    def refuse(*arguments: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    make_snapshot(checkpoint)
    assert weights.read_text() == "model.safetensors"
    assert weights.stat().st_ino != (checkpoint / "model.safetensors").stat().st_ino


def test_what_waits_may_not_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for step in (3, 4):
        (tmp_path / f"checkpoint-{step}").mkdir()
        (tmp_path / f"checkpoint-{step}" / "model.safetensors").write_bytes(b"0" * 100)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=150))
    make_snapshot(tmp_path / "checkpoint-3")
    with pytest.raises(OSError, match="step-3 wait already, and the disk is nearly full"):
        make_snapshot(tmp_path / "checkpoint-4")
    assert [path.name for path in (tmp_path / ".push").iterdir()] == ["step-3"]


def test_shards_without_whole_weights_are_kept_with_all_that_puts_them_together(tmp_path: Path) -> None:
    shard = tmp_path / "run" / "checkpoint-3" / "global_step3" / "zero_pp_rank_0_mp_rank_00_model_states.pt"
    shard.parent.mkdir(parents=True)
    shard.touch()
    assert (make_snapshot(shard.parents[1]) / "checkpoint-3" / "global_step3" / shard.name).is_file()


def test_options_without_a_repository_are_refused() -> None:
    with pytest.raises(GpgError, match="--push-every"):
        read_push(None, 5, private=False)
    assert read_push(None, None, private=False) is None
