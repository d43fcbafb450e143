"""Whether the Hugging Face Hub can be used, found out in seconds.

huggingface_hub retries an unreachable Hub for 23 seconds, printing each try; a person without a network deserves an
answer at once.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from gpg_cli.console import say
from gpg_cli.data_sources import check_builder
from gpg_cli.errors import GpgError

if TYPE_CHECKING:
    from datasets import Dataset

REACH_TIMEOUT_S = 5.0
_COMMIT = re.compile(r"[0-9a-f]{40}")


def fetch_from_hub(repo_id: str, filename: str, *, repo_type: str = "model", revision: str | None, hint: str) -> Path:
    """A file of a Hub repository, from the local cache where it is there, else downloaded.

    Args:
        repo_id: `name` or `org/name`.
        filename: the file inside the repository.
        repo_type: `model` or `dataset`.
        revision: branch, tag or commit; None is main.
        hint: what a person without the Hub can do instead; the second line of the error.

    Raises:
        GpgError: the id is no Hub id, the repository does not exist or is closed to this login, or the Hub cannot be
            reached and the file is not cached.
    """
    from huggingface_hub import hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError

    name = f"{repo_type} {repo_id!r}"
    try:
        cached = try_to_load_from_cache(repo_id, filename, repo_type=repo_type, revision=revision)
        if isinstance(cached, str):
            return Path(cached)
        if not hub_is_reachable():
            raise GpgError(f"cannot get the {name}: the Hugging Face Hub cannot be reached", hint)
        return Path(hf_hub_download(repo_id, filename, repo_type=repo_type, revision=revision))
    except HFValidationError as error:
        raise GpgError(f"{repo_id!r} is neither a folder nor a Hub id", hint) from error
    except GatedRepoError as error:
        raise GpgError(f"the {name} is gated", "Accept its terms on the Hub, then run `hf auth login`.") from error
    except RepositoryNotFoundError as error:
        raise GpgError(
            f"there is no {name} on the Hub, or it is private", f"`hf auth login` if it is yours. {hint}"
        ) from error
    except OSError as error:
        raise GpgError(f"cannot get {filename} of the {name} from the Hub: {_first_line(error)}", hint) from error


def load_hub_dataset(name: str, config: str | None, split: str, *, revision: str | None = None, hint: str) -> "Dataset":
    """A data set on the Hub; from the local cache alone where HF_HUB_OFFLINE is set.

    Args:
        revision: branch, tag or commit; None is main.

    Raises:
        GpgError: the Hub cannot be reached, or has no such data set, configuration, split or revision. `hint` is what
            a person can do instead. Or it names data that lies elsewhere.
    """
    from datasets import load_dataset, load_dataset_builder
    from huggingface_hub import constants

    unreachable = f"cannot get the data set {name!r}: the Hugging Face Hub cannot be reached"
    if not constants.HF_HUB_OFFLINE and not hub_is_reachable():
        raise GpgError(unreachable, f"{hint.removesuffix('.')}; HF_HUB_OFFLINE=1 uses a copy that is cached.")
    if constants.HF_HUB_OFFLINE and revision:
        # The library then takes the copy that was cached last, whatever its revision.
        text = f"Offline: whether the cached copy of {name} is revision {revision} cannot be checked."
        say(f"[yellow]{escape(text)}[/]")
    try:
        if not constants.HF_HUB_OFFLINE:
            # Its README.md may name data files anywhere, on this machine too.
            builder = load_dataset_builder(name, config, revision=revision)
            check_builder(builder, (f"hf://datasets/{name}@",), f"the data set {name!r}")
        return load_dataset(name, config, split=split, revision=revision)
    except ConnectionError as error:
        raise GpgError(f"{unreachable}, and it is not cached", hint) from error
    except (OSError, ValueError, RuntimeError) as error:  # not there, no access, no such split; a script of its own
        raise GpgError(f"cannot get the data set {name!r}: {_first_line(error)}", hint) from error


def load_hub_rows(name: str, config: str | None, split: str, *, hint: str) -> list[dict[str, Any]]:
    """All rows of a data set on the Hub, pictures as encoded bytes; see `load_hub_dataset`."""
    return list(undecoded(load_hub_dataset(name, config, split, hint=hint)))


def revision_of(dataset: "Dataset") -> str | None:
    """The commit of the Hub that a data set was loaded from; None where it does not tell.

    datasets 5.2 keeps what it loaded from the Hub in a folder named after the commit; of local files that is a hash of
    another length.
    """
    folders = {Path(file["filename"]).parent.name for file in dataset.cache_files}
    commit = folders.pop() if len(folders) == 1 else ""
    return commit if _COMMIT.fullmatch(commit) else None


def undecoded(dataset: "Dataset") -> "Dataset":
    """A data set that gives its pictures as `{"bytes": ..., "path": ...}`: decoded, thousands would fill the memory."""
    from datasets import Image, List

    for column, feature in dataset.features.items():
        # datasets knows lists as a Python list of one feature, and as a type of its own.
        inner = feature[0] if isinstance(feature, list) and feature else getattr(feature, "feature", None)
        if isinstance(feature, Image) and feature.decode:
            dataset = dataset.cast_column(column, Image(decode=False))
        elif isinstance(inner, Image) and inner.decode:
            dataset = dataset.cast_column(column, List(Image(decode=False)))
    return dataset


def cached_hub_dataset(name: str, config: str | None, split: str) -> "Dataset | None":
    """A data set that was loaded from the Hub before, without asking the Hub; None where it was not."""
    from datasets.packaged_modules.cache.cache import Cache

    try:
        builder = Cache(repo_id=name, dataset_name=name.split("/")[-1], config_name=config, version="auto", hash="auto")
        return builder.as_dataset(split=split)
    except (OSError, ValueError):  # not cached, or another configuration or split of it
        return None


def hub_is_reachable() -> bool:
    """One request without retries; False at once where HF_HUB_OFFLINE is set."""
    import httpx
    from huggingface_hub import constants, get_session

    if constants.HF_HUB_OFFLINE:
        return False
    try:
        get_session().head(constants.ENDPOINT, timeout=REACH_TIMEOUT_S)
    except httpx.HTTPError:
        return False
    return True


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0]
