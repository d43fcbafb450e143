"""Where the pictures of a data set may lie: in its own folder, or in one that the user named; nowhere else.

A data file may come from a stranger, and a path in it could name any file of this machine, a device, or an address.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from gpg_cli.errors import GpgError
from gpg_cli.vision.images import as_picture

IMAGE_DIR = "--image-dir"
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
# A snapshot in the cache of the Hub consists of links to files beside it.
_SNAPSHOTS, _BLOBS = "snapshots", "blobs"


@dataclass(frozen=True)
class Places:
    """Where the pictures of a training's data lie.

    Attributes:
        beside: the folder of the data file; None where the data is no file.
        named: a folder that the user named, tried first.
        more: other folders where they may lie: those of data sets from the Hub.
    """

    beside: Path | None = None
    named: Path | None = None
    more: tuple[Path, ...] = ()

    def find(self, path: str | None, where: str) -> str | None:
        """The absolute path of a picture, which stays right wherever the training runs; None for an empty one.

        Raises:
            GpgError: it lies elsewhere.
        """
        folders = [folder for folder in (self.named, self.beside) if folder is not None]
        bases: list[Path | None] = [*folders] or [None]
        tried = [picture for folder in bases if (picture := as_picture(path, folder)) is not None]
        if not tried:
            return None
        found = next((picture for picture in tried if Path(str(picture.path)).exists()), tried[-1])
        check_place(path, str(found.path), (*folders, *self.more), where)
        return str(Path(str(found.path)).absolute())


def check_place(named: object, path: str, folders: Sequence[Path | None], where: str) -> None:
    """Refuse a path that leads out of all the folders, links resolved.

    Args:
        named: what the data says.
        path: of the picture, as it would be opened.
        folders: where pictures may lie.
        where: the row that names it, for the message.

    Raises:
        GpgError: it is no path inside them.
    """
    text = str(named)
    if _ADDRESS.match(text.removeprefix("file://")) or "\0" in text:
        raise GpgError(
            f"{where}: {text[:200]!r} is no path of a picture", "Nothing is fetched: download pictures yourself first."
        )
    real = _real(path)
    if not any(real.is_relative_to(root) for root in _roots(tuple(folder for folder in folders if folder))):
        known = ", ".join(str(folder) for folder in folders if folder)
        raise GpgError(
            f"{where}: the picture {text[:200]!r} lies outside {known or 'the data'}",
            f"Pictures are read from the data's own folder; name another one yourself: {IMAGE_DIR} DIR",
        )


def hub_folders() -> list[Path]:
    """Where the libraries of the Hub put pictures that they download for a data set."""
    from datasets import config
    from huggingface_hub import constants

    return [Path(config.HF_DATASETS_CACHE), Path(constants.HF_HUB_CACHE), Path(config.DOWNLOADED_DATASETS_PATH)]


def _real(text: str) -> Path:
    path = Path(text)
    # The folder is the same for very many pictures; a picture that is a link is looked up by itself.
    return path.resolve() if path.is_symlink() or path.name == ".." else _real_folder(path.parent) / path.name


@lru_cache(maxsize=4096)
def _real_folder(folder: Path) -> Path:
    return folder.resolve()


@lru_cache(maxsize=64)
def _roots(folders: tuple[Path, ...]) -> tuple[Path, ...]:
    roots = [folder.resolve() for folder in folders]
    return tuple(dict.fromkeys([*roots, *_blobs(folders)]))


def _blobs(folders: Iterable[Path]) -> Iterable[Path]:
    for folder in folders:
        parts = folder.absolute().parts
        if _SNAPSHOTS in parts:
            repository = Path(*parts[: len(parts) - 1 - parts[::-1].index(_SNAPSHOTS)])
            if (repository / _BLOBS).is_dir() and (repository / "refs").is_dir():
                yield (repository / _BLOBS).resolve()
