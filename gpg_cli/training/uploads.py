"""Uploads of a run, in the background: one at a time, in order of the steps, each by a process of its own.

A process of its own, because neither its crash nor its memory nor Python's global lock may reach the training.
"""

import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from rich.markup import escape

from gpg_cli.console import messages, say
from gpg_cli.training.pushing import QUEUE, Publisher, Push, checkpoint_in, remove_leftovers, waiting_snapshots

_POLL_S = 0.2
_NICENESS = 10
_GRACE_S = 10.0
# By these torch, accelerate, DeepSpeed and we ourselves would take the upload for one of the training processes.
_OF_A_LAUNCHER = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "NODE_RANK", "GROUP_RANK")
_PREFIXES = ("MASTER_", "ACCELERATE_", "FSDP_", "TORCHELASTIC_", "ROLE_", "GPG_STARTED_BY_")


@dataclass(frozen=True)
class Pushed:
    """How the pushes of a run ended.

    Attributes:
        repo_url: of the final model; None where it was not pushed.
        missing: revisions that were to be pushed and are not, `main` among them.
    """

    repo_url: str | None = None
    missing: list[str] = field(default_factory=list)


class _Failed(Exception):
    """Why an upload failed, in one line."""


class Uploads:
    """While it is entered, the snapshots that appear in the queue of a run are uploaded, and removed once they are.

        with Uploads(run, push, publisher) as uploads:
            train()
            uploads.finish(run / "model")

    A failure is told and changes nothing else; `finish` tries again. Where the body raises, what is being uploaded is
    stopped, and what waits stays in the queue.
    """

    def __init__(self, run: Path, push: Push, publisher: Publisher) -> None:
        self._run = run
        self._push = push
        self._publisher = publisher
        self._tried: set[Path] = set()
        self._no_more = threading.Event()
        self._stopped = False
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._work, name="uploads", daemon=True)

    def __enter__(self) -> Self:
        remove_leftovers(self._run)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *exception: object) -> None:
        self._no_more.set()
        if kind is not None:
            self._stop()
            self._tell_missing(final=None)
        self._thread.join()

    def finish(self, final: Path | None) -> Pushed:
        """Wait for what is being uploaded, upload what waits or failed, then the final model; Ctrl-C leaves the rest.

        Args:
            final: the folder of the final model, pushed to main; None where the run has none yet.
        """
        self._no_more.set()
        waiting = waiting_snapshots(self._run)
        url = None
        try:
            if waiting:
                names = ", ".join(path.name for path in waiting)
                count = "1 push" if len(waiting) == 1 else f"{len(waiting)} pushes"
                say(f"Waiting for {count} to {self._name} ({names}); Ctrl-C leaves them for later.")
            self._thread.join()
            for snapshot in waiting_snapshots(self._run):
                self._push_snapshot(snapshot)
            if final is not None:
                say(f"Pushing the final model to {self._name}.")
                url = self._push_final(final)
        except KeyboardInterrupt:
            self._stop()
            self._tell_missing(final)
        missing = [path.name for path in waiting_snapshots(self._run)]
        missing += ["main"] if final is not None and url is None else []
        if not missing:
            shutil.rmtree(self._run / QUEUE, ignore_errors=True)
        return Pushed(url, missing)

    @property
    def _name(self) -> str:
        return escape(self._push.repo_id)

    def _work(self) -> None:
        """Until no more are to be waited for: the first that was not tried yet."""
        while not self._no_more.is_set():
            new = [path for path in waiting_snapshots(self._run) if path not in self._tried]
            if new:
                self._push_snapshot(new[0])
            else:
                self._no_more.wait(_POLL_S)

    def _push_snapshot(self, snapshot: Path) -> None:
        self._tried.add(snapshot)
        with self._told(checkpoint_in(snapshot), snapshot.name):
            self._upload(checkpoint_in(snapshot), snapshot.name)
            shutil.rmtree(snapshot, ignore_errors=True)
            say(f"Pushed {snapshot.name} to {self._name}.")

    def _push_final(self, final: Path) -> str | None:
        with self._told(final, None):
            return self._upload(final, None)
        return None

    @contextlib.contextmanager
    def _told(self, folder: Path, revision: str | None) -> Iterator[None]:
        try:
            yield
        except (_Failed, OSError) as error:
            if not self._stopped:
                what = revision or "the final model"
                say(f"[yellow]Could not push {what} to {self._name}: {escape(str(error))}[/] Later:")
                say(f"  {escape(self._command(folder, revision))}")

    def _upload(self, folder: Path, revision: str | None) -> str:
        """Run one upload to its end; the address of what it made.

        Raises:
            _Failed: with the reason, as the process said it.
        """
        queue = self._run / QUEUE
        queue.mkdir(exist_ok=True)
        log = queue / f"{revision or 'main'}.log"
        # Nothing else is on the screen when the final model goes: its progress bar is.
        shown = revision is None and messages.is_terminal
        command = [*self._publisher.program, *self._arguments(folder, revision), "--json"]
        with log.open("wb") as errors, tempfile.TemporaryFile() as output:
            with self._lock:
                if self._stopped:
                    raise _Failed("stopped")
                # A session of its own: Ctrl-C asks the training to stop, and not the upload.
                self._process = subprocess.Popen(
                    command,
                    env=_environment(queue),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=None if shown else errors,
                    start_new_session=True,
                )
            with contextlib.suppress(OSError, AttributeError):
                os.setpriority(os.PRIO_PROCESS, self._process.pid, _NICENESS)
            code = self._process.wait()
            output.seek(0)
            printed = output.read()
        if code:
            raise _Failed("see above." if shown else _reason(log) or f"it ended with exit code {code}.")
        log.unlink(missing_ok=True)
        with contextlib.suppress(ValueError, KeyError, TypeError):
            return str(json.loads(printed)["repo_url"])
        return self._push.repo_id

    def _stop(self) -> None:
        """End what is being uploaded, and start nothing more."""
        self._no_more.set()
        with self._lock:
            self._stopped = True
            process = self._process
        if process is not None:
            try:
                # Time to remove the copy that it made of the model.
                _send(process, signal.SIGINT)
                process.wait(_GRACE_S)
            except subprocess.TimeoutExpired:
                pass
            finally:
                _send(process, signal.SIGKILL)
        self._thread.join()

    def _tell_missing(self, final: Path | None) -> None:
        commands = [self._command(checkpoint_in(path), path.name) for path in waiting_snapshots(self._run)]
        commands += [self._command(final, None)] if final is not None else []
        if commands:
            say(f"[yellow]Not pushed to {self._name} yet[/]; the run is whole. Later:")
            for command in commands:
                say(f"  {escape(command)}")

    def _command(self, folder: Path, revision: str | None) -> str:
        return shlex.join(["gpg", *self._arguments(folder, revision)])

    def _arguments(self, folder: Path, revision: str | None) -> Sequence[str]:
        return self._publisher.arguments(folder, self._push.repo_id, revision, self._push.private)


def _send(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    """To its whole session, if it runs still: libraries upload with processes of their own."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)


def _environment(queue: Path) -> dict[str, str]:
    """Ours, with its token, but out of the way of the training: no GPU, no part in its processes.

    A copy of a model is large, and there is more room beside the run than in most places for temporary files.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _OF_A_LAUNCHER and not name.startswith(_PREFIXES)
    }
    return kept | {"CUDA_VISIBLE_DEVICES": "", "TMPDIR": str(queue.resolve())}


def _reason(log: Path) -> str:
    """What an upload said last: the line of its error, where it wrote one, else its last line."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    errors = [line.removeprefix("Error:").strip() for line in lines if line.startswith("Error:")]
    reason = (errors or lines or [""])[-1]
    return f"{reason.rstrip('.')}." if reason else ""
