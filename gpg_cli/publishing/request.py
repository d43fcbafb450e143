"""What `gpg export` is asked for, and what it answers."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DTYPES = ("float32", "bfloat16", "float16")
CHECKS = ("transformers", "vllm")


@dataclass(frozen=True)
class ExportRequest:
    """What to export and where to.

    Attributes:
        source: a run folder, a checkpoint, an adapter or a model folder.
        to: the folder to make; None with `repo_id` alone.
        repo_id: `user/name` on the Hub to upload to.
        private: whether a repository that is made is private.
        overwrite: whether an earlier export in `to` is replaced.
        checkpoint: which model of a run: `best`, `last` or a step; None is its final one.
        merge: whether an adapter is merged into its base.
        base: the model that the source was made from, where it does not say.
        dtype: what the weights are converted to; None leaves them.
        check: what loads the exported model again, `transformers`, or `vllm` as well.
        gguf: a llama.cpp type to convert to as well (`q8_0`).
        card: a template for the model card, instead of ours.
        revision: the branch to upload to; None is the main one.
        create_pr: whether to open a pull request instead.
        force: whether weights with NaN are exported.
        dry_run: whether only to say what would be exported.
    """

    source: str
    to: Path | None = None
    repo_id: str | None = None
    private: bool = False
    overwrite: bool = False
    checkpoint: str | None = None
    merge: bool = False
    base: str | None = None
    dtype: str | None = None
    check: str = "transformers"
    gguf: str | None = None
    card: Path | None = None
    revision: str | None = None
    create_pr: bool = False
    force: bool = False
    dry_run: bool = False


@dataclass(frozen=True)
class ExportResult:
    """What was exported, or would be.

    Attributes:
        source: the folder it was made of.
        files: name to size in bytes.
        card: the text of README.md.
        checks: a sentence for each thing that was found right.
        output_dir: None where only the Hub has it.
        repo_url: None where only the disk has it.
        dry_run: whether nothing was written.
    """

    source: Path
    files: dict[str, int]
    card: str
    checks: list[str] = field(default_factory=list)
    output_dir: Path | None = None
    repo_url: str | None = None
    dry_run: bool = False

    @property
    def bytes(self) -> int:
        """The sum of the files' sizes."""
        return sum(self.files.values())

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of `gpg export --json`."""
        return {
            "source": str(self.source),
            "output_dir": str(self.output_dir) if self.output_dir else None,
            "repo_url": self.repo_url,
            "files": sorted(self.files),
            "bytes": self.bytes,
            "checks": self.checks,
            "dry_run": self.dry_run,
        }
