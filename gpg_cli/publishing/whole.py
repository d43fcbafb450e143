"""A whole model of whatever the source is: shards put together, an adapter merged into its base, or as it is."""

from dataclasses import dataclass
from pathlib import Path

from gpg_cli.console import say
from gpg_cli.errors import GpgError
from gpg_cli.hub_access import hub_is_reachable
from gpg_cli.model_files import check_sizes, loading
from gpg_cli.publishing.checkpoint import ADAPTER_WEIGHTS, CONFIG, has_tokenizer
from gpg_cli.publishing.loading import load_model
from gpg_cli.publishing.pickled import convert, is_pickled, pickled_bytes
from gpg_cli.publishing.sharded import check_shards, consolidate, consolidated_bytes
from gpg_cli.publishing.source import ADAPTER_CONFIG, ExportSource
from gpg_cli.publishing.weights import find_weights, weights_bytes
from gpg_cli.run_folder import read_json


@dataclass(frozen=True)
class WholeModel:
    """Folders to copy from.

    Attributes:
        weights: config.json and safetensors; of an adapter, its own two files.
        tokenizer: the tokenizer, and the processor of a vision-language model.
        base: of an adapter that stays one: the model it goes on.
    """

    weights: Path
    tokenizer: Path
    base: Path | None = None


@dataclass(frozen=True)
class Parts:
    """Where the parts of a source lie; all of it was looked at, none of it loaded.

    Attributes:
        model_files: config.json of the whole model.
        tokenizer: see `WholeModel`.
        base: the base model's folder, where one is needed.
        bytes: of the weights that are exported, before any change of dtype.
        work_bytes: of what has to be written before, to make a whole model.
    """

    model_files: Path
    tokenizer: Path
    base: Path | None
    bytes: int
    work_bytes: int


def find_parts(source: ExportSource, *, merge: bool, dtype: str | None = None) -> Parts:
    """Look for everything a whole model needs.

    Args:
        merge: whether an adapter is merged into its base.
        dtype: what the weights will be written as.

    Raises:
        GpgError: something is missing; it says what and how to name it.
    """
    folder = source.folder
    if merge and source.kind != "adapter":
        raise GpgError(f"{folder} is no adapter, so there is nothing to merge", "Leave --merge out.")
    base = _base_folder(source, whole=source.kind == "adapter") if source.base is not None else None
    tokenizer = folder if has_tokenizer(folder) else base
    if tokenizer is None or not has_tokenizer(tokenizer):
        raise GpgError(
            f"{tokenizer or folder} holds no tokenizer",
            "Name the model it was made from with --base, or save the tokenizer there (save_pretrained).",
        )
    model_files = folder if (folder / CONFIG).is_file() else base
    if model_files is None or not (model_files / CONFIG).is_file():
        raise GpgError(
            f"{folder} holds no {CONFIG}", "Name the model it was made from with --base: a folder or a Hub id."
        )
    read_json(model_files / CONFIG)
    for model in {folder, model_files}:
        check_sizes(model)
    if source.kind == "model" and is_pickled(folder):
        size = pickled_bytes(folder)
        return Parts(model_files, tokenizer, base, size, size)
    if source.kind == "model":
        files = [folder / name for name in find_weights(folder)]
        return Parts(model_files, tokenizer, base, weights_bytes(files, dtype), 0)
    if source.kind == "adapter":
        return _parts_of_adapter(source, model_files, tokenizer, base, merge=merge, dtype=dtype)
    check_shards(folder, source.kind)
    whole = consolidated_bytes(folder, source.kind)
    return Parts(model_files, tokenizer, base, whole // (1 if dtype in (None, "float32") else 2), whole)


def _parts_of_adapter(
    source: ExportSource, model_files: Path, tokenizer: Path, base: Path | None, *, merge: bool, dtype: str | None
) -> Parts:
    weights = source.folder / ADAPTER_WEIGHTS
    if not weights.is_file():
        raise GpgError(
            f"{source.folder} holds no {ADAPTER_WEIGHTS}", "Save the adapter again with safetensors (save_pretrained)."
        )
    if base is None:
        raise GpgError(
            f"{source.folder / ADAPTER_CONFIG} does not name the base model", "Name it: --base, a folder or a Hub id."
        )
    if not merge:
        return Parts(model_files, tokenizer, base, weights_bytes([weights], dtype), 0)
    files = [base / name for name in find_weights(base)]
    merged = weights_bytes(files, "float32")
    return Parts(model_files, tokenizer, base, weights_bytes(files, dtype or "float32"), merged)


def make_whole(source: ExportSource, parts: Parts, work: Path, *, merge: bool) -> WholeModel:
    """Make a model folder to copy from.

    Args:
        work: a folder for what has to be made; it may be deleted after the copy.

    Raises:
        GpgError: shards do not fit together, or the adapter not its base.
    """
    if source.kind == "model" and not is_pickled(source.folder):
        return WholeModel(source.folder, parts.tokenizer)
    if source.kind == "adapter" and not merge:
        return WholeModel(source.folder, parts.tokenizer, parts.base)
    whole = work / "whole"
    whole.mkdir()
    if source.kind == "adapter":
        assert parts.base is not None
        say("Merging the adapter into its base model, in float32.")
        _merge(source.folder, parts.base, whole)
    elif source.kind == "model":
        say("Writing the weights as safetensors.")
        convert(source.folder, whole)
    else:
        say("Putting the shards of the checkpoint together, in float32.")
        consolidate(source.folder, source.kind, parts.model_files, whole)
    return WholeModel(whole, parts.tokenizer)


def _merge(adapter: Path, base: Path, target: Path) -> None:
    model = load_model(base, "float32", adapter)
    with loading(adapter):
        # Refuses NaN; in float32, so that what the adapter learned is not rounded away.
        model.merge_and_unload(safe_merge=True).save_pretrained(target, max_shard_size="5GB")


def _base_folder(source: ExportSource, *, whole: bool) -> Path:
    """The base model's files on this machine, from the Hub where they are not.

    Args:
        whole: with its weights.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    name = str(source.base)
    if Path(name).is_dir():
        return Path(name)
    hint = "Name it: --base, a folder or a Hub id."
    patterns = ["*.json", "*.jinja", "*.model", "*.txt", *(["*.safetensors"] if whole else [])]
    try:
        try:
            return Path(snapshot_download(name, allow_patterns=patterns, local_files_only=True))
        except FileNotFoundError:
            if not hub_is_reachable():
                raise
        return Path(snapshot_download(name, allow_patterns=patterns))
    except HFValidationError as error:
        raise GpgError(f"the base model of {source.folder} is {name}, which is not there", hint) from error
    except OSError as error:  # not cached and no network; not on the Hub, or not for this login
        raise GpgError(f"cannot get the base model {name} from the Hub", hint) from error
