"""The story of `gpg export`: check everything, copy, verify, describe, put in place, upload."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.markup import escape

from gpg_cli import __version__
from gpg_cli.console import results, say
from gpg_cli.errors import GpgError
from gpg_cli.publishing import card, checkpoint, hub, staging, verification
from gpg_cli.publishing.facts import read_facts
from gpg_cli.publishing.scores import read_scores
from gpg_cli.run_folder import ModelSource, find_model, write_json

# Left in every export; what holds none of ours is never overwritten.
MARKER = "gpg_export.json"


@dataclass(frozen=True)
class ExportRequest:
    """What to export and where to.

    Attributes:
        source: a run folder, a checkpoint or a model folder.
        to: the folder to make; None with `repo_id` alone.
        repo_id: `user/name` on the Hub to upload to.
        private: whether a repository that is made is private.
        overwrite: whether an earlier export in `to` is replaced.
    """

    source: str
    to: Path | None = None
    repo_id: str | None = None
    private: bool = False
    overwrite: bool = False


@dataclass(frozen=True)
class ExportResult:
    """What was exported; `output_dir` is None where only the Hub has it, `repo_url` where only the disk has."""

    output_dir: Path | None
    files: list[str]
    bytes: int
    repo_url: str | None

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of `gpg export --json`."""
        return {
            "output_dir": str(self.output_dir) if self.output_dir else None,
            "files": self.files,
            "bytes": self.bytes,
            "repo_url": self.repo_url,
        }


def export_model(request: ExportRequest) -> ExportResult:
    """Write a self-contained model folder, upload it, or both.

    Raises:
        GpgError: the source is no model that can be exported, the target may not be written, the copy does not give the
            logits of the source, or the Hub refuses. But for a refusal by the Hub after `to` was written, nothing is
            left behind.
    """
    source = check(request)
    folder = Path(source.location)
    with staging.staging_folder(request.to) as staged:
        checkpoint.copy_checkpoint(folder, staged)
        verification.verify_copy(folder, staged)
        say("The exported model gives the same logits as its source.")
        card.write_card(staged, card_name(request), request.repo_id, read_facts(source), read_scores(source))
        files = write_marker(staged)
        if request.to is not None:
            staging.put_in_place(staged, request.to)
        url = hub.push(request.to or staged, _destination(request)) if request.repo_id else None
    return ExportResult(request.to, sorted(files), sum(files.values()), url)


def print_result(result: ExportResult) -> None:
    """How much was exported and where it is."""
    megabytes = result.bytes / 1e6
    results.print(f"[bold green]Exported.[/] {len(result.files)} files, {megabytes:,.1f} MB", soft_wrap=True)
    for what, where in (("Folder", result.output_dir), ("Hub", result.repo_url)):
        if where is not None:
            results.print(f"{what:<7} {escape(str(where))}", soft_wrap=True)


def check(request: ExportRequest) -> ModelSource:
    """Find the model and refuse what cannot work, before anything is written.

    Raises:
        GpgError: see `export_model`.
    """
    if request.to is None and request.repo_id is None:
        raise GpgError("there is nowhere to export to", "Pass --to DIR, --repo-id user/name, or both.")
    checkpoint.check_no_adapter(Path(request.source))
    source = find_model(request.source)
    if not source.is_local:
        raise GpgError(f"there is no folder {request.source}", "Name a run folder, a checkpoint or a model folder.")
    checkpoint.check_checkpoint(Path(source.location))
    read_facts(source)
    if request.to is not None:
        staging.check_target(request.to, Path(source.location), overwrite=request.overwrite, marker=MARKER)
    if request.repo_id is not None:
        hub.check_can_push(_destination(request))
    return source


def _destination(request: ExportRequest) -> hub.Destination:
    assert request.repo_id is not None
    return hub.Destination(request.repo_id, private=request.private)


def card_name(request: ExportRequest) -> str:
    """What the model is called in its card: as on the Hub, or as its folder."""
    if request.repo_id is not None:
        return request.repo_id.rpartition("/")[2]
    assert request.to is not None
    return request.to.resolve().name


def write_marker(folder: Path) -> dict[str, int]:
    """Note which files the export has, with their sizes in bytes; returns those of all files, the note included."""
    write_json(folder / MARKER, {"schema": 1, "gpg_cli": __version__, "files": _sizes(folder)})
    return _sizes(folder)


def _sizes(folder: Path) -> dict[str, int]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}
