"""What a run leaves behind besides its model: run.json and metrics.jsonl."""

import datetime
import platform
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from gpg_cli.metrics_file import read_metrics, step_of
from gpg_cli.run_folder import METRICS_FILE, RUN_FILE, read_json, write_json
from gpg_cli.secrets import hidden_command
from gpg_cli.training.hardware import describe_hardware
from gpg_cli.training.plan import Plan
from gpg_cli.training.step_lines import StepLines
from gpg_cli.versions import installed_versions


class RunRecord:
    """run.json, written when a run starts and again when it ends.

    It holds settings, versions and the command line, and no secret: tokens are read from the environment or the stored
    login by huggingface_hub, never from a setting, and what looks like one in the command line is hidden.
    """

    def __init__(self, plan: Plan) -> None:
        settings = plan.settings
        self._path = plan.output_dir / RUN_FILE
        earlier = read_json(self._path) if plan.checkpoint else {}
        resumed = {"checkpoint": str(plan.checkpoint), "at": _now(), "command": ["gpg", *hidden_command(sys.argv[1:])]}
        self._facts: dict[str, Any] = {
            "schema": 1,
            "command": earlier.get("command", ["gpg", *hidden_command(sys.argv[1:])]),
            "preset": settings.preset,
            "model": settings.run.model_name_or_path,
            "dataset": settings.run.dataset_name,
            "data": plan.data.facts(),
            "seed": plan.config.seed,
            "settings": settings.to_dict(),
            "notes": plan.notes,
            "push": asdict(plan.push) if plan.push else None,
            "versions": {"python": platform.python_version()} | installed_versions(),
            "git_commit": _git_commit(),
            "hardware": describe_hardware(),
            "processes": plan.machines.world_size if plan.machines else plan.config.world_size,
            "started": earlier.get("started", _now()),
            "resumed": [*(earlier.get("resumed") or []), *([resumed] if plan.checkpoint else [])],
            "accuracy_before": earlier.get("accuracy_before"),
            "finished": None,
            "summary": None,
        }
        write_json(self._path, self._facts)

    @property
    def accuracy_before(self) -> float | None:
        """Share of right answers before the first step; None where it was not measured, or not to the end."""
        share: float | None = self._facts["accuracy_before"]
        return share

    def begin(self, accuracy_before: float) -> None:
        """Keep what was measured before the first step, for a run that is interrupted."""
        self._facts["accuracy_before"] = accuracy_before
        write_json(self._path, self._facts)

    def finish(self, summary: dict[str, Any]) -> None:
        """Add the summary of a run that went to its end."""
        self._facts |= {"finished": _now(), "summary": summary}
        write_json(self._path, self._facts)


class MetricsFile(TrainerCallback):
    """metrics.jsonl: one line a step, as the trainer logs it.

    While the disk is full, lines are held back. A checkpoint knows the lines before it, so none is lost with the run.

    Args:
        folder: the run.
        checkpoint: what it goes on from.
    """

    def __init__(self, folder: Path, checkpoint: Path | None = None) -> None:
        self._lines = StepLines(folder / METRICS_FILE)
        self._checkpoint = checkpoint

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Steps after the checkpoint that a run goes on from are made again, and logged again.

        Those before it that the file lacks, after a power cut for example, are taken from the checkpoint.
        """
        path = self._lines.path
        if not state.is_world_process_zero or not (state.global_step or path.exists()):
            return
        lines: dict[int, dict[str, Any]] = {}
        for known in (
            state.log_history,
            *(read_metrics(place) for place in (self._checkpoint, path.parent) if place),
        ):
            found = {step_of(line): line for line in known if "loss" in line}
            lines |= {step: {"step": step, **line} for step, line in found.items() if step is not None}
        self._lines.replace(lines[step] for step in sorted(lines) if step <= state.global_step)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        # Trainer ends with a line of totals (train_runtime, ...), which is no step.
        if state.is_world_process_zero and logs and "loss" in logs:
            self._lines.append([{"step": state.global_step, **logs}])

    def on_train_end(self, *args: Any, **kwargs: Any) -> None:
        """Raises OSError where there is still no room for lines that were held back."""
        self._lines.flush()


def _git_commit() -> str | None:
    """The commit of our own checkout; None where the package was installed from a wheel."""
    checkout = Path(__file__).parents[2]
    if not (checkout / ".git").exists():
        return None
    command = ["git", "-C", str(checkout), "rev-parse", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
