"""The layout of a run folder, and how a path on the command line is understood.

Shared by training (which writes it), evaluation and publishing (which read it), so that none of them imports another.

    run.json          resolved settings, versions, git commit, command line (no secrets)
    metrics.jsonl     one line a step
    completions.jsonl a few sampled completions a step, with what they earned
    checkpoint-50/    written while training
    adapter/          the LoRA adapter, where one was trained
    model/            the final model, ready for transformers, vLLM and `gpg export`
    reward.png        the curve
    eval/             what `gpg eval` wrote about model/
    report.html       what `gpg report` wrote about all of it
"""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any

from gpg_cli.errors import GpgError

RUN_FILE = "run.json"
METRICS_FILE = "metrics.jsonl"
COMPLETIONS_FILE = "completions.jsonl"
MODEL_FOLDER = "model"
ADAPTER_FOLDER = "adapter"
EVAL_FOLDER = "eval"
REWARD_PICTURE = "reward.png"
REPORT_PAGE = "report.html"


@dataclass(frozen=True)
class ModelSource:
    """What `--model` (or the argument of `gpg export`) named.

    Attributes:
        location: a folder with config.json, or a Hub id.
        run: the run folder it belongs to, where there is one.
    """

    location: str
    run: Path | None = None

    @property
    def is_local(self) -> bool:
        return os.path.isdir(self.location)


def find_model(name: str) -> ModelSource:
    """Understand a run folder, a checkpoint, a model folder or a Hub id.

    A run folder stands for its final model, or for its newest checkpoint where it has none yet.

    Raises:
        GpgError: a folder without a model, or a path that does not exist.
    """
    path = Path(name)
    if path.is_dir():
        if (path / RUN_FILE).is_file() and not (path / "config.json").is_file():
            return ModelSource(str(_model_of_run(path)), run=path)
        if not (path / "config.json").is_file():
            raise GpgError(
                f"{path} holds no model: it has no config.json",
                "Name a run folder of `gpg train`, a checkpoint, a folder written by save_pretrained, or a Hub id.",
            )
        run = path.parent if (path.parent / RUN_FILE).is_file() else None
        return ModelSource(str(path), run=run)
    if _looks_like_path(name):
        raise GpgError(f"there is no folder {name}", "Check the path, or name a Hub id such as org/model.")
    return ModelSource(name)


def _model_of_run(run: Path) -> Path:
    if (run / MODEL_FOLDER / "config.json").is_file():
        return run / MODEL_FOLDER
    found = (path for path in run.glob("checkpoint-*") if path.name.removeprefix("checkpoint-").isdecimal())
    checkpoints = [path for path in found if (path / "config.json").is_file()]
    if not checkpoints:
        raise GpgError(f"{run} holds no trained model yet", "Wait for the run to end, or train again.")
    return max(checkpoints, key=lambda path: int(path.name.rpartition("-")[2]))


def _looks_like_path(name: str) -> bool:
    """Whether a name that is no folder was meant as one: Hub ids are `name` or `org/name`, nothing more."""
    return name.startswith((".", "/", "~")) or name.count("/") > 1 or name.endswith("/") or os.path.exists(name)


def prepare_output_folder(path: Path, *, overwrite: bool, written_by_us: Sequence[str]) -> None:
    """Make an empty output folder; call it only when everything else has been checked.

    Args:
        path: the folder; its parents are made too.
        overwrite: whether to replace a folder of an earlier run.
        written_by_us: file names of which an earlier run of the same command left at least one. A folder without any
            of them is somebody's own and is never deleted, `overwrite` or not.

    Raises:
        GpgError: the folder is not empty and may not be replaced, or it is a file, or it cannot be written.
    """
    check_output_folder(path, overwrite=overwrite, written_by_us=written_by_us)
    try:
        if path.is_dir():
            empty_folder(path, last=written_by_us)
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GpgError(f"cannot write to {path}: {error.strerror}", "Name another output folder.") from error


def make_new_folder(path: Path) -> Path:
    """Make a folder that was not there: this one, or one with a number behind its name, and its parents.

    Several processes may ask for the same name at once; each gets another.

    Raises:
        GpgError: it cannot be written there.
    """
    numbered = (path.with_name(f"{path.name}-{number}") for number in count(2))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for folder in chain([path], numbered):
            with contextlib.suppress(FileExistsError):
                folder.mkdir()
                return folder
    except OSError as error:
        raise GpgError(f"cannot write to {path}: {error.strerror}", "Name another output folder.") from error
    raise AssertionError("numbers do not end")


def empty_folder(path: Path, *, last: Sequence[str], keep: Sequence[str] = ()) -> None:
    """Delete what is in a folder.

    Args:
        last: names that tell whose folder it is. They go after all others, in this order: what a kill in between leaves
            can be overwritten still.
        keep: names that stay.

    Raises:
        OSError: something cannot be deleted.
    """
    order = {name: place for place, name in enumerate(last, start=1)}
    for each in sorted(path.iterdir(), key=lambda each: order.get(each.name.removesuffix(".tmp"), 0)):
        if each.name in keep:
            continue
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each)
        else:
            each.unlink()


def check_output_folder(path: Path, *, overwrite: bool, written_by_us: Sequence[str]) -> None:
    """What `prepare_output_folder` would refuse, without touching anything."""
    if "\0" in str(path):
        raise GpgError(f"{path} holds a NUL character, so it cannot be a folder", "Name another output folder.")
    if path.exists() and not path.is_dir():
        raise GpgError(f"{path} is a file, not a folder", "Name another output folder.")
    if not path.is_dir() or not any(path.iterdir()):
        return
    if not overwrite:
        raise GpgError(
            f"the output folder {path} exists and is not empty",
            "Name another one, or pass --overwrite to replace what is in it.",
        )
    # A kill may leave no more than the beginning of such a file (`write_json`).
    if not any((path / name).exists() or (path / f"{name}.tmp").exists() for name in written_by_us):
        raise GpgError(
            f"{path} is not empty and was not written by this command, so --overwrite leaves it alone",
            "Name another output folder, or empty this one yourself.",
        )


def set_aside_scores(run: Path) -> None:
    """Move RUN/eval, whose scores are those of the final model, out of the way of a new final model's."""
    scores = run / EVAL_FOLDER
    if scores.is_dir():
        replaced = len(list(run.glob(f"{EVAL_FOLDER}-replaced-*")))
        os.replace(scores, run / f"{EVAL_FOLDER}-replaced-{replaced + 1}")


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write a JSON file whole or not at all: beside it first, then renamed over it.

    Raises:
        OSError: the disk is full, for example; the file is as it was.
    """
    with written_whole(path) as beside:
        text = json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n"
        # Half of a surrogate pair, which JSON may hold and UTF-8 may not, becomes the JSON escape it was.
        beside.write_text(text, encoding="utf-8", errors="backslashreplace")


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A file to write beside another one, whose place it then takes; where writing fails it is deleted."""
    beside = path.with_name(path.name + ".tmp")
    try:
        yield beside
        os.replace(beside, path)
    except BaseException:
        # On a full disk it would take up the room that is to be made.
        beside.unlink(missing_ok=True)
        raise


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object that this program wrote.

    Raises:
        GpgError: the file is missing, is not JSON, or is not an object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise GpgError(f"cannot read {path}: {error.strerror}", "Check the path.") from error
    except (ValueError, RecursionError) as error:
        raise GpgError(f"{path} is not valid JSON: {error}", "Restore the file, or run again.") from error
    if not isinstance(value, dict):
        raise GpgError(f"{path} does not hold a JSON object", "Restore the file, or run again.")
    return value
