"""What `gpg train` is given of publishing: whether it may push, and what pushes a model."""

from pathlib import Path

from gpg_cli import trust
from gpg_cli.publishing import hub


def check_push(repo_id: str, private: bool) -> None:
    """Refuse a push that could not work, before a model is trained.

    Raises:
        GpgError: see `hub.check_can_push`.
    """
    hub.check_can_push(hub.Destination(repo_id, private=private))


def export_arguments(model: Path, repo_id: str, revision: str | None, private: bool) -> list[str]:
    """The command line, after `gpg`, that exports a model folder to a repository; None stands for its main.

    The checkpoint of a LoRA training is merged, as its final model is: all revisions are loaded in the same way.
    """
    to = [] if revision is None else ["--revision", revision]
    merge = ["--merge"] if (model / "adapter_config.json").is_file() else []
    options = [*(["--private"] if private else []), *merge, *trust.granted().options()]
    return ["export", str(model), "--repo-id", repo_id, *to, *options]
