"""What a run leaves behind besides its model: run.json and metrics.jsonl."""

import datetime
import json
import os
import platform
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from gpg_cli.metrics_file import read_metrics, step_of
from gpg_cli.run_folder import METRICS_FILE, RUN_FILE, read_json, write_json
from gpg_cli.training.hardware import describe_hardware
from gpg_cli.training.plan import Plan
from gpg_cli.versions import installed_versions


class RunRecord:
    """run.json, written when a run starts and again when it ends.

    It holds settings, versions and the command line, and no secret: tokens are read from the environment or the stored
    login by huggingface_hub, never from a setting.
    """

    def __init__(self, plan: Plan) -> None:
        settings = plan.settings
        self._path = plan.output_dir / RUN_FILE
        earlier = read_json(self._path) if plan.checkpoint else {}
        resumed = {"checkpoint": str(plan.checkpoint), "at": _now(), "command": ["gpg", *sys.argv[1:]]}
        self._facts: dict[str, Any] = {
            "schema": 1,
            "command": earlier.get("command", ["gpg", *sys.argv[1:]]),
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
            "finished": None,
            "summary": None,
        }
        write_json(self._path, self._facts)

    def finish(self, summary: dict[str, Any]) -> None:
        """Add the summary of a run that went to its end."""
        self._facts |= {"finished": _now(), "summary": summary}
        write_json(self._path, self._facts)


class MetricsFile(TrainerCallback):
    """metrics.jsonl: one line a step, as the trainer logs it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / METRICS_FILE

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Steps after the checkpoint that a run goes on from are made again, and logged again."""
        if state.is_world_process_zero and self._path.exists():
            lines = [(step_of(line), line) for line in read_metrics(self._path.parent)]
            kept = [line for step, line in lines if step is not None and step <= state.global_step]
            beside = self._path.with_name(self._path.name + ".tmp")
            beside.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
            os.replace(beside, self._path)

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
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"step": state.global_step, **logs}) + "\n")


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
