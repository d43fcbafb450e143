"""Checkpoints that are to be pushed to the Hub while a model trains: which, and what of them is kept for it.

The process that trains only puts a snapshot beside the run (RUN/.push/step-50); the one that tells the story of the run
uploads it meanwhile (gpg_cli/training/uploads.py). The folder is their queue, so it does not matter whether they are
one process, and what a run that was killed did not push is still in it when the run goes on.
"""

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.markup import escape
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from gpg_cli.console import say
from gpg_cli.errors import GpgError
from gpg_cli.run_folder import METRICS_FILE, RUN_FILE, read_json, write_json
from gpg_cli.sealed_folder import MANIFEST

QUEUE = ".push"
_HALF = ".half"
# Of a checkpoint, what only going on with the training needs: two thirds of its size and more.
_TRAINING_STATE = ("optimizer*", "scheduler.pt", "scaler.pt", "rng_state*.pth", "global_step*")
_WEIGHTS = ("model*.safetensors", "adapter_model.safetensors")


@dataclass(frozen=True)
class Push:
    """What is pushed, and where to.

    Attributes:
        repo_id: `user/name` on the Hub; its main gets the final model.
        every: steps; the checkpoint of each multiple becomes a revision `step-<number>`. None pushes none of them.
        private: whether a repository that is made is private.
    """

    repo_id: str
    every: int | None = None
    private: bool = False

    def options(self) -> list[str]:
        """As they stand on a command line of `gpg train`."""
        every = [] if self.every is None else ["--push-every", str(self.every)]
        return ["--push-to-hub", self.repo_id, *every, *(["--push-private"] if self.private else [])]


@dataclass(frozen=True)
class Publisher:
    """What training is given of publishing, which is another part of the program, of which it knows nothing.

    Attributes:
        check: (repository, whether it is to be private); raises a GpgError where a push could not work, because of the
            name, the token or its rights.
        arguments: (model folder, repository, revision or None for main, whether the repository is to be private) to
            the arguments of `gpg` that push it.
        program: runs `gpg`; told `--json`, it prints an object with the key `repo_url`.
    """

    check: Callable[[str, bool], None]
    arguments: Callable[[Path, str, str | None, bool], Sequence[str]]
    program: Sequence[str] = (sys.executable, "-m", "gpg_cli")


def read_push(repo_id: str | None, every: int | None, private: bool) -> Push | None:
    """The options of `gpg train`; None where nothing is to be pushed.

    Raises:
        GpgError: it is said how to push, but not where to.
    """
    if repo_id is not None:
        return Push(repo_id, every, private)
    if every is not None or private:
        option = "--push-private" if every is None else "--push-every"
        raise GpgError(f"{option} is set, but not where to push", "Name a repository: --push-to-hub user/name")
    return None


class PushCheckpoints(TrainerCallback):
    """Has a checkpoint written every so many steps, and a snapshot of it put into the queue.

    Args:
        run: the run folder.
        every: steps.
    """

    def __init__(self, run: Path, every: int) -> None:
        self._run = run
        self._every = every

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if state.global_step % self._every == 0:
            control.should_save = True

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        checkpoint = self._run / f"checkpoint-{state.global_step}"
        # Where the disk was full there is no checkpoint, and that has been said.
        if state.global_step % self._every or not state.is_world_process_zero or not checkpoint.is_dir():
            return
        try:
            make_snapshot(checkpoint)
        except OSError as error:
            place = escape(str(checkpoint))
            say(f"[yellow]Could not set {place} aside for its push: {escape(str(error))}[/] It is not pushed.")


def make_snapshot(checkpoint: Path) -> Path:
    """Keep what an export needs of RUN/checkpoint-50 in RUN/.push/step-50, which looks like a run of one checkpoint.

    `save_total_limit` may delete the checkpoint while it waits or is uploaded. Files are linked, which takes neither
    time nor room, and copied only where the file system has no links.

    Returns:
        RUN/.push/step-50, whole: it is renamed into place, over an older one.

    Raises:
        OSError: no permission, or no room, also for the next checkpoint while others wait.
    """
    run = checkpoint.parent
    step = checkpoint.name.rpartition("-")[2]
    queue = run / QUEUE
    half, snapshot = queue / f"step-{step}{_HALF}", queue / f"step-{step}"
    others = [path.name for path in waiting_snapshots(run) if path != snapshot]
    if others and shutil.disk_usage(run).free < 2 * _size(checkpoint):
        # They outlive their checkpoints: where uploads are slower than steps, they would fill the disk.
        raise OSError(f"{', '.join(others)} wait already, and the disk is nearly full.")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    for name in (RUN_FILE, METRICS_FILE):
        # They grow on: a copy tells of the run as it was at this step.
        if (run / name).is_file():
            shutil.copyfile(run / name, half / name)
    has_weights = any(next(checkpoint.glob(pattern), None) for pattern in _WEIGHTS)
    # Without whole weights all is needed to put them together.
    left_out = shutil.ignore_patterns(*_TRAINING_STATE) if has_weights else None
    shutil.copytree(checkpoint, half / checkpoint.name, ignore=left_out, copy_function=_link)
    _seal_again(half / checkpoint.name)
    shutil.rmtree(snapshot, ignore_errors=True)
    os.replace(half, snapshot)
    return snapshot


def waiting_snapshots(run: Path) -> list[Path]:
    """Those in the queue, by step."""
    found = [path for path in (run / QUEUE).glob("step-*") if path.name.removeprefix("step-").isdecimal()]
    return sorted(found, key=lambda path: int(path.name.removeprefix("step-")))


def checkpoint_in(snapshot: Path) -> Path:
    """The checkpoint of RUN/.push/step-50."""
    return snapshot / f"checkpoint-{snapshot.name.removeprefix('step-')}"


def remove_leftovers(run: Path) -> None:
    """Clear away what a killed run left in the queue besides whole snapshots: halves of them, copies, logs."""
    waiting = waiting_snapshots(run)
    for path in (run / QUEUE).glob("*"):
        if path.is_dir() and path not in waiting:
            shutil.rmtree(path, ignore_errors=True)
        elif path.is_file():
            path.unlink(missing_ok=True)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _seal_again(folder: Path) -> None:
    """Let the manifest name what is here, so that publishing finds the checkpoint whole; the hashes stay."""
    if not (folder / MANIFEST).is_file():
        return
    manifest = read_json(folder / MANIFEST)
    manifest["files"] = {name: entry for name, entry in manifest["files"].items() if (folder / name).is_file()}
    # The new file takes the name only: the link to the old one, which is the checkpoint's, is cut.
    write_json(folder / MANIFEST, manifest)


def _link(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
    return target
