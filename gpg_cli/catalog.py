"""Find the presets, benchmarks, suites and profiles that ship, from a wheel and from an editable install alike."""

from pathlib import Path

from gpg_cli.errors import GpgError
from gpg_cli.yaml_file import did_you_mean

_PACKAGE = Path(__file__).parent


def _folder(name: str) -> Path:
    # A wheel carries the folder inside the package (pyproject.toml, force-include); a checkout has it beside.
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


def _by_name(folder: str) -> dict[str, Path]:
    return dict(sorted((path.stem, path) for path in _folder(folder).glob("*.yaml")))


def preset_paths() -> dict[str, Path]:
    """Name to file of every preset, in alphabetical order."""
    return _by_name("presets")


def bench_paths() -> dict[str, Path]:
    """Name to file of every benchmark, in alphabetical order."""
    return _by_name("evals")


def suite_paths() -> dict[str, Path]:
    """Name to file of every suite of benchmarks, in alphabetical order."""
    return _by_name("evals/suites")


def profile_paths() -> dict[str, Path]:
    """Name to file of every profile (how a family of models is asked), in alphabetical order."""
    return _by_name("evals/profiles")


def find_preset(name: str) -> Path:
    """The file of a preset.

    Raises:
        GpgError: there is none of that name; the nearest names are in the message.
    """
    return _find(name, preset_paths(), "preset", "gpg presets")


def find_bench(name: str) -> Path:
    """The file of a benchmark.

    Raises:
        GpgError: there is none of that name; the nearest names, suites among them, are in the message.
    """
    return _find(name, {**bench_paths(), **suite_paths()}, "benchmark", "gpg benches")


def find_evaluation_file(name: str) -> Path:
    """The file of a benchmark, a suite or a profile.

    Raises:
        GpgError: there is none of that name; the nearest names are in the message.
    """
    return _find(name, {**bench_paths(), **suite_paths(), **profile_paths()}, "benchmark", "gpg benches")


def find_profile(name: str) -> Path:
    """The file of a profile.

    Raises:
        GpgError: there is none of that name; the nearest names are in the message.
    """
    return _find(name, profile_paths(), "profile", "gpg benches")


def _find(name: str, paths: dict[str, Path], kind: str, command: str) -> Path:
    if name not in paths:
        raise GpgError(f"unknown {kind} {name!r}", f"{did_you_mean(name, paths)}See `{command}` for all of them.")
    return paths[name]
