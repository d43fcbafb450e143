"""Where the models of the quickstarts are kept: the user's cache folder, each under a name that says what made it."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import platformdirs
import torch

from gpg_cli.training import warm_up


def cached_model(name: str, seed: int, sources: Sequence[Path], make: Callable[[Path], None]) -> Path:
    """The folder of a model, from the cache or made now; never half-made.

    Args:
        name: of the quickstart.
        sources: the files that decide what is made, besides warm_up.py; when one of them or torch changes, the model is
            made anew.
        make: writes the model into a folder.
    """
    folder = Path(platformdirs.user_cache_dir("gpg-cli", appauthor=False)) / f"{name}-{seed}-{_fingerprint(sources)}"
    if (folder / "config.json").is_file():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        make(beside)
        beside.chmod(0o755)
        try:
            os.rename(beside, folder)
        except OSError:
            # Another process was faster; its model is the same.
            if not (folder / "config.json").is_file():
                raise
        return folder
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _fingerprint(sources: Sequence[Path]) -> str:
    digest = hashlib.sha256(torch.__version__.encode())
    for path in (*sources, Path(warm_up.__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
