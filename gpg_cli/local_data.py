"""Data sets that lie on this machine: a file, a folder of files, or what `Dataset.save_to_disk` wrote."""

import contextlib
import glob
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gpg_cli.data_file import read_json_lines
from gpg_cli.data_sources import check_declared, check_file, check_saved
from gpg_cli.errors import GpgError

if TYPE_CHECKING:
    from datasets import Dataset

# Ending to the builder of the datasets library that reads it.
_BUILDERS = {".jsonl": "json", ".json": "json", ".parquet": "parquet", ".arrow": "arrow"}
# Endings by which a name is known to mean a file; a Hub id may hold a dot as well, as in `org/name-v1.5`.
_FILE_ENDINGS = {*_BUILDERS, ".csv", ".tsv", ".txt", ".xlsx", ".pkl", ".gz", ".zip", ".zst"}
_NO_DATA = {"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"}
_SAVED_SET, _SAVED_SPLITS = "state.json", "dataset_dict.json"
_KNOWN = ", ".join(_BUILDERS)


def is_local(name: str) -> bool:
    """Whether a data set's name means a file or a folder here, there or not, rather than a Hub id."""
    path = Path(name).expanduser()
    looks_like_path = path.is_absolute() or name.startswith(("./", "../")) or name.count("/") > 1
    return path.exists() or looks_like_path or path.suffix.lower() in _FILE_ENDINGS


def load_local_dataset(name: str, config: str | None, split: str) -> "Dataset":
    """Load a file, a folder of data files or a folder of `save_to_disk`.

    Args:
        name: path of the file or folder.
        config: inside a folder, the name of a file or of a configuration (a subfolder, or one its README.md declares).
        split: which part of a folder; a single file is all there is of it.

    Raises:
        GpgError: it is missing, empty, broken, of an unknown kind, has no such split, or more than one thing in it
            could be meant.
    """
    path = Path(name).expanduser()
    if not path.exists():
        raise GpgError(f"there is no data {'file' if path.suffix else 'file or folder'} {path}", "Check the path.")
    with quiet_datasets():
        table = _load(path, config, split)
    with _explained(str(path), "The file is damaged, or its texts are not UTF-8: copy or save it again."):
        # Else what is damaged shows itself wherever it is read first.
        table.data.validate(full=True)
    return table


def _load(path: Path, config: str | None, split: str) -> "Dataset":
    if path.is_file():
        return _load_files([path])
    if config and (path / config).is_file():
        return _load_files([path / config])
    if (path / _SAVED_SET).is_file() or (path / _SAVED_SPLITS).is_file():
        return _load_saved(path, split)
    return _load_folder(path, config, split)


def _load_files(paths: list[Path]) -> "Dataset":
    """All rows of files of one kind, one after the other."""
    from datasets import Dataset, load_dataset

    kind = paths[0].suffix.lower()
    if kind not in _BUILDERS:
        raise GpgError(f"{paths[0]} is of an unknown kind", f"These are read: {_KNOWN}.")
    for path in paths:
        if not path.stat().st_size:
            raise GpgError(f"{path} is empty", "Check the file, or name another one.")
        check_file(path)
    if kind == ".jsonl":
        # Not the library's own reader, which cannot say in which line a mistake is.
        rows = [row for path in paths for row in read_json_lines(path)]
    names = ", ".join(str(path) for path in paths)
    if kind == ".jsonl":
        with _explained(names, "Mend the values: numbers of at most 64 bits, whole characters, no deep nesting."):
            return Dataset.from_list(rows, on_mixed_types="use_json")
    with _explained(names, f"Check the {'file' if len(paths) == 1 else 'files'}; these kinds are read: {_KNOWN}."):
        # The library takes names for patterns.
        return load_dataset(_BUILDERS[kind], data_files=[glob.escape(str(path)) for path in paths], split="train")


def _load_saved(path: Path, split: str) -> "Dataset":
    from datasets import Dataset, load_from_disk

    check_saved(path)
    with _explained(str(path), "Save it again with save_to_disk."):
        saved = load_from_disk(str(path))
    if isinstance(saved, Dataset):
        return saved
    if split not in saved:
        raise _no_split(path, split, list(saved))
    return saved[split]


def data_folder(name: str, config: str | None, split: str) -> Path:
    """The folder of the file that `load_local_dataset` reads, which paths of pictures in it are relative to."""
    path = Path(name).expanduser()
    if path.is_file():
        return path.parent
    if config and (path / config).is_file():
        return (path / config).parent
    path = path / config if config and (path / config).is_dir() else path
    top, named = _split_files(path, split)
    return (named or top)[0].parent if named or top else path


def _split_files(path: Path, split: str) -> tuple[list[Path], list[Path]]:
    """The data files of a folder, and those of them that are named after the split."""
    top = [*_data_files(path), *_data_files(path / "data")]
    return top, [file for file in top if file.stem == split or file.stem.startswith((f"{split}-", f"{split}_"))]


def _load_folder(path: Path, config: str | None, split: str) -> "Dataset":
    """Files named after the split; where there is none, what the library makes of the folder."""
    from datasets import load_dataset

    if config and (path / config).is_dir():
        path, config = path / config, None
    top, named = _split_files(path, split)
    candidates = named or top
    kinds = sorted({file.suffix.lower() for file in candidates})
    if len(kinds) > 1:
        some = ", ".join(file.name for file in candidates[:4])
        raise GpgError(
            f"{path} holds several kinds of files that could be meant: {some}", "Name one of them: --dataset FILE"
        )
    if named:
        return _load_files(named)
    if not any(file.suffix.lower() in _BUILDERS for file in path.rglob("*")):
        raise GpgError(f"{path} holds no data files", f"These are read: {_KNOWN}, and what save_to_disk writes.")
    for file in top:
        if not file.stat().st_size:
            raise GpgError(f"{file} is empty", "Check the file, or name another one.")
    check_declared(path)
    for file in path.rglob("*"):
        check_file(file)
    with _explained(str(path), "Name a file of it with --dataset FILE, or a part with --set dataset_split=..."):
        return load_dataset(str(path), config, split=split)


def _data_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    files = [file for file in folder.iterdir() if file.is_file() and file.suffix.lower() in _BUILDERS]
    return sorted(file for file in files if file.name not in _NO_DATA)


def _no_split(path: Path, split: str, known: list[str]) -> GpgError:
    return GpgError(f"{path} has no split {split!r}", f"It has: {', '.join(known)}. Name one: --set dataset_split=...")


@contextlib.contextmanager
def _explained(what: str, hint: str) -> Iterator[None]:
    """Say in one line what the library could not do; the cause it wraps is the interesting part."""
    from datasets.exceptions import DatasetGenerationError

    try:
        yield
    except DatasetGenerationError as error:
        raise GpgError(f"cannot read {what}: {_first_line(error.__cause__ or error)}", hint) from error
    except StopIteration as error:
        raise GpgError(f"{what} holds no rows", hint) from error
    except GpgError:
        raise
    except Exception as error:  # a broken file shows itself as one of many exceptions of several libraries
        raise GpgError(f"cannot read {what}: {_first_line(error)}", hint) from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).split("\n", 1)[0]


@contextlib.contextmanager
def quiet_datasets() -> Iterator[None]:
    """No progress bars of the datasets library for what is here, and no warnings that come again as errors of ours."""
    import datasets

    bars = datasets.are_progress_bars_disabled()
    loggers = [logging.getLogger(name) for name in ("datasets", "huggingface_hub")]
    levels = [logger.level for logger in loggers]
    datasets.disable_progress_bars()
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        if not bars:
            datasets.enable_progress_bars()
