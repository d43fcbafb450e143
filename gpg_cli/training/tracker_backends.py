"""One class for each tracker: opening goes on with a run that is there, and each call may raise whatever it likes."""

import contextlib
import hashlib
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from rich.markup import escape

from gpg_cli.console import say
from gpg_cli.errors import GpgError

TENSORBOARD_FOLDER = "tensorboard"
# How long the end of a run may wait for a tracker's network or disk.
_CLOSE_WITHIN_S = 120.0


@dataclass(frozen=True)
class TrackedRun:
    """What a tracker is told of a run.

    Attributes:
        name: of the run folder, or `run_name` of the settings.
        folder: the run folder.
        started: when the run began, the same after it was interrupted.
        project: what trackio and Weights & Biases file it under, unless the environment says otherwise.
        settings: as run.json has them.
        resumed_at: the step of the checkpoint that it goes on from, in the process that trains.
        goes_on: whether the tracker has a part of this run already.
    """

    name: str
    folder: Path
    started: str
    project: str
    settings: dict[str, Any]
    resumed_at: int | None
    goes_on: bool


class Tracker(Protocol):
    """What a run does with a tracker; every call may raise."""

    def log(self, values: Mapping[str, float], step: int) -> None: ...
    def report(self, values: Mapping[str, float], step: int) -> None: ...
    def close(self) -> None: ...


class TensorBoard:
    """Event files in the run folder, or in TENSORBOARD_LOGGING_DIR/NAME."""

    def __init__(self, run: TrackedRun) -> None:
        import yaml
        from torch.utils.tensorboard import SummaryWriter

        elsewhere = os.environ.get("TENSORBOARD_LOGGING_DIR")
        folder = Path(elsewhere).expanduser() / run.name if elsewhere else run.folder / TENSORBOARD_FOLDER
        # Steps after the checkpoint are made again: readers leave out what an earlier file has of them.
        purge = None if run.resumed_at is None else run.resumed_at + 1
        self._writer = SummaryWriter(str(folder), purge_step=purge)
        text = yaml.safe_dump(run.settings, sort_keys=False, allow_unicode=True)
        self._writer.add_text("settings", "".join(f"    {line}\n" for line in text.splitlines()), run.resumed_at or 0)
        self._writer.flush()

    def log(self, values: Mapping[str, float], step: int) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)
        # Its thread writes: only a flush says that the disk is full.
        self._writer.flush()

    report = log

    def close(self) -> None:
        self._writer.close()


class Trackio:
    """trackio's database in TRACKIO_DIR, or the Space of TRACKIO_SPACE_ID; TRACKIO_PROJECT names the project."""

    def __init__(self, run: TrackedRun) -> None:
        import trackio

        project = os.environ.get("TRACKIO_PROJECT") or run.project
        # By itself it would go on with another run of that name.
        resume = "allow" if run.goes_on else "never"
        self._run = trackio.init(project=project, name=run.name, config=run.settings, resume=resume)
        # Of steps that are made again the numbers are there already, and are the same. trackio 0.43 keeps the number
        # of the next step in `_next_step`, and has no other word for it.
        self._next = int(self._run._next_step)

    def log(self, values: Mapping[str, float], step: int) -> None:
        if step >= self._next:
            self._run.log(dict(values), step=step)

    def report(self, values: Mapping[str, float], step: int) -> None:
        self._run.log(dict(values), step=step)

    def close(self) -> None:
        _within(_CLOSE_WITHIN_S, self._run.finish)


class Wandb:
    """Weights & Biases, by its own environment variables: WANDB_MODE=offline, WANDB_PROJECT, WANDB_DIR, ..."""

    def __init__(self, run: TrackedRun) -> None:
        import wandb

        # What it collects by itself is left out: the command line, the code and what the program says may hold what is
        # nobody's business, and what it puts in the place of stdout and stderr would tear the live line.
        settings = wandb.Settings(
            console="off", save_code=False, disable_code=True, disable_git=True, x_disable_meta=True, silent=True
        )
        with _no_questions():
            self._run = wandb.init(
                project=os.environ.get("WANDB_PROJECT") or run.project,
                name=run.name,
                id=hashlib.sha256(f"{run.name} {run.started}".encode()).hexdigest()[:16],
                resume="allow",
                dir=os.environ.get("WANDB_DIR") or str(run.folder),
                config=run.settings,
                settings=settings,
            )
        if self._run.offline and not run.goes_on:
            say(f"wandb is offline; to send the run later: wandb sync {escape(str(Path(self._run.dir).parent))}")

    def log(self, values: Mapping[str, float], step: int) -> None:
        # It drops a step below its last one: those that are made again are there, and are the same.
        self._run.log(dict(values), step=step)

    def report(self, values: Mapping[str, float], step: int) -> None:
        self._run.log(dict(values), step=step)
        self._run.summary.update(dict(values))

    def close(self) -> None:
        _within(_CLOSE_WITHIN_S, self._run.finish)


@contextlib.contextmanager
def _no_questions() -> Iterator[None]:
    """Without a key, wandb asks for one on a terminal, and a run would wait for the answer; so it fails instead."""
    kept = sys.stdin
    with open(os.devnull, encoding="utf-8") as nobody:
        sys.stdin = nobody
        try:
            yield
        finally:
            sys.stdin = kept


def _within(seconds: float, work: Callable[[], Any]) -> None:
    """Do something that may wait for a network for ever.

    Raises:
        GpgError: it is not done by then; it goes on by itself as long as the program runs.
        Exception: what the work raised.
    """
    raised: list[BaseException] = []

    def do() -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=do, daemon=True)
    thread.start()
    thread.join(seconds)
    if raised:
        raise raised[0]
    if thread.is_alive():
        raise GpgError(f"it did not end within {seconds:.0f} s", "Its own files are on disk.")
