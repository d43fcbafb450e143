"""TensorBoard, trackio and wandb: what they have of a run, read back, and that none of them costs a run."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import TrainerControl, TrainerState

from gpg_cli.training.plan import Plan, TrainRequest, make_plan
from gpg_cli.training.record import RunRecord
from gpg_cli.training.trackers import Trackers
from tests.faults.test_secrets import WRITTEN, Sessions
from tests.publishing.fake_hub import FakeHub
from tests.training import tracked

ALL = ("tensorboard", "trackio", "wandb")


def installed(*names: str) -> None:
    for name in names:
        pytest.importorskip(name, reason=f"needs {name}: pip install 'gpg-cli[trackers]'")


def planned(*trackers: str, **settings: object) -> Plan:
    """The plan of a run, with the run.json that it begins with."""
    sets = [f"report_to=[{', '.join(trackers)}]", *(f"{name}={value}" for name, value in settings.items())]
    plan = make_plan(TrainRequest(preset="quickstart", assignments=sets, output_dir=Path("a-run")))
    plan.output_dir.mkdir()
    RunRecord(plan)
    return plan


def steps(trackers: Trackers, first: int, last: int) -> None:
    for step in range(first, last + 1):
        state = TrainerState(global_step=step, is_world_process_zero=True)
        logs = {"loss": 0.1, "reward": step / 10, "accuracy": None, "grad_norm": float("nan")}
        trackers.on_log(None, state, TrainerControl(), logs)  # type: ignore[arg-type]


def test_without_a_word_nothing_is_tracked_and_nothing_imported() -> None:
    plan = make_plan(TrainRequest(preset="quickstart", output_dir=Path("a-run")))
    assert plan.trackers == ()
    assert plan.config.report_to == []


def test_a_tracker_that_is_not_installed_is_said_before_the_start(
    gpg: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transformers.integrations.get_available_reporting_integrations", lambda: ["tensorboard"])
    told = gpg("train", "--preset", "quickstart", "--set", "report_to=[wandb, trackio]", "--dry-run")
    assert told.code == 0
    assert "wandb and trackio are not installed" in told.err
    assert 'pip install "gpg-cli[trackers]"' in " ".join(told.err.split())


def test_a_tracker_that_cannot_start_costs_a_line(capfd: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    """A file where TensorBoard's folder should be; wandb online without a key, where it would ask a person."""
    installed("tensorboard", "wandb")
    Path("file").touch()
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", "file")
    monkeypatch.setenv("HOME", os.getcwd())
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    with Trackers(planned("tensorboard", "wandb")) as trackers:
        steps(trackers, 1, 2)
        trackers.report({"accuracy_after": 0.5}, 2)
    said = capfd.readouterr().err
    assert said.count("tensorboard failed: ") == 1
    assert said.count("wandb failed: ") == 1
    assert said.count("The run goes on without it") == 2


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from tests.training.test_trackers import planned, steps
from gpg_cli.training.trackers import Trackers
with Trackers(planned("tensorboard")) as trackers:
    steps(trackers, 1, 2)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    size = max(file.stat().st_size for file in Path("a-run/tensorboard").iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, resource.RLIM_INFINITY))
    steps(trackers, 3, 9)
print("the run went on")
"""


def test_a_disk_that_fills_up_costs_a_line() -> None:
    installed("tensorboard")
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "the run went on" in done.stdout, done.stderr
    assert done.stderr.count("tensorboard failed: ") == 1


def test_a_run_that_goes_on_goes_on_in_tensorboard_without_doubles() -> None:
    """Interrupted after step 5, gone on with from the checkpoint of step 3."""
    installed("tensorboard")
    plan = planned("tensorboard")
    with Trackers(plan) as trackers:
        steps(trackers, 1, 5)
    object.__setattr__(plan, "checkpoint", Path("a-run/checkpoint-3"))
    with Trackers(plan) as trackers:
        steps(trackers, 4, 7)
    lines, _, counts = tracked.in_tensorboard(Path("a-run/tensorboard"))
    assert sorted(step for step, line in lines.items() if "reward" in line) == [1, 2, 3, 4, 5, 6, 7]
    assert counts["reward"] == 7
    assert "grad_norm" not in counts
    assert "accuracy" not in counts


def test_of_several_processes_only_the_first_reports() -> None:
    installed("tensorboard")
    with Trackers(planned("tensorboard")) as trackers:
        state = TrainerState(global_step=1, is_world_process_zero=False)
        trackers.on_log(None, state, TrainerControl(), {"loss": 0.1})  # type: ignore[arg-type]
        assert not Path("a-run/tensorboard").exists()


@pytest.mark.slow
def test_all_three_have_metrics_settings_and_scores_and_no_secret(tmp_path: Path) -> None:
    """A run of three steps, gone on with from its second to its fifth.

    `Sessions` plants keys, tokens and passwords, and searches all files and output for them after each command.
    """
    installed(*ALL)
    with FakeHub() as hub:
        sessions = Sessions(tmp_path, hub.url)
        sessions.environment |= {"WANDB_MODE": "offline", "TRACKIO_DIR": str(tmp_path / "trackio")}
        for name in ("WANDB_DIR", "WANDB_PROJECT", "TRACKIO_PROJECT", "TENSORBOARD_LOGGING_DIR"):
            sessions.environment.pop(name, None)
        sets = ("eval_limit=8", f"report_to=[{', '.join(ALL)}]", "save_strategy=steps", "save_steps=2")
        given = [part for each in sets for part in ("--set", each)]
        given += ["--set", f"hub_token={WRITTEN['typed']}", "--output-dir", "a-run"]
        assert sessions.run("train", "--preset", "quickstart", "--max-steps", "3", *given) == 0
        # What came after the checkpoint of step 2 is made again.
        shutil.rmtree(tmp_path / "a-run" / "checkpoint-3", ignore_errors=True)
        assert sessions.run("train", "--resume", "a-run", "--max-steps", "5") == 0

    run = tmp_path / "a-run"
    metrics = {line["step"]: line for line in map(json.loads, (run / "metrics.jsonl").read_text().splitlines())}
    assert sorted(metrics) == [1, 2, 3, 4, 5]
    facts = json.loads((run / "run.json").read_text())
    after = facts["summary"]["accuracy_after"]

    board, settings, counts = tracked.in_tensorboard(run / "tensorboard")
    assert counts["reward"] == 5
    assert "learning_rate" in settings
    trackio, config, logged = tracked.in_trackio(tmp_path / "trackio", "gpg", "a-run")
    assert config["learning_rate"] == facts["settings"]["learning_rate"]
    first, second = sorted((run / "wandb").glob("offline-run-*/*.wandb"), key=lambda file: file.stat().st_mtime)
    history, wandb_config, _, record = tracked.in_wandb(first)
    more, _, summary, again = tracked.in_wandb(second)
    history |= {step: history.get(step, {}) | line for step, line in more.items()}
    assert (record.display_name, record.project, again.run_id) == ("a-run", "gpg", record.run_id)
    assert wandb_config["learning_rate"] == facts["settings"]["learning_rate"]
    assert summary["accuracy_after"] == pytest.approx(after)
    for lines in (board, trackio, history):
        for step, line in metrics.items():
            for name in ("reward", "accuracy", "groups/valid", "completions/mean_length"):
                assert lines[step][name] == pytest.approx(line[name], rel=1e-5), (step, name)
        assert lines[5]["accuracy_after"] == pytest.approx(after)
        assert lines[5]["eval/quickstart/accuracy"] == pytest.approx(after)
        assert lines[5]["accuracy_before"] == pytest.approx(facts["accuracy_before"])
    assert logged == [1, 2, 3, 4, 5]
