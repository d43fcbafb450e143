"""Telling models apart by their content, so that samples of two of them never come to stand in one file."""

import hashlib
from pathlib import Path

# Bytes read of each file of weights: its beginning (names and shapes, in safetensors), its end, and pieces between.
_PIECE = 1 << 16
_PIECES = 64
_WEIGHTS = (".safetensors", ".bin", ".pt", ".gguf")
_SETTINGS = (".json", ".jinja", ".model", ".txt")


def model_fingerprint(location: str) -> str:
    """A hash of a model: of a folder's files; a Hub id with the commit that the cache has of it.

    Configuration and tokenizer are read whole, weights in 64 pieces of each file: training changes nearly all of them,
    and hashing them whole would take longer than loading them.
    """
    folder = Path(location)
    if not folder.is_dir():
        return f"{location}@{_cached_commit(location) or 'unknown'}"
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix in _SETTINGS and path.is_file():
            digest.update(path.name.encode() + path.read_bytes())
        elif path.suffix in _WEIGHTS and path.is_file():
            digest.update(path.name.encode() + _pieces(path))
    return f"sha256:{digest.hexdigest()}"


def _pieces(path: Path) -> bytes:
    size = path.stat().st_size
    if size <= _PIECE * _PIECES:
        return path.read_bytes()
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        for number in range(_PIECES):
            file.seek((size - _PIECE) * number // (_PIECES - 1))
            digest.update(file.read(_PIECE))
    return digest.digest()


def _cached_commit(repo_id: str) -> str | None:
    """The commit under which the Hub's cache holds a model's configuration."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(repo_id, "config.json")
    return Path(found).parent.name if isinstance(found, str) else None
