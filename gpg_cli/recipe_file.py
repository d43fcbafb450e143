"""Recipes that build on a preset: `base: open-rs1` in a YAML file, whose own keys then win."""

from dataclasses import replace
from pathlib import Path

from gpg_cli.catalog import find_preset
from gpg_cli.errors import GpgError
from gpg_cli.yaml_file import YamlMapping, read_yaml_mapping

BASE = "base"


def read_layers(path: Path) -> list[YamlMapping]:
    """A preset or recipe and all that it builds on, the lowest first, without the key `base` itself.

    Raises:
        GpgError: a file cannot be read; `base` names no preset, or a preset that builds on this one.
    """
    layers: list[YamlMapping] = []
    seen: list[Path] = []
    while True:
        mapping = read_yaml_mapping(path)
        seen.append(path.resolve())
        layers.insert(0, replace(mapping, values={key: value for key, value in mapping.values.items() if key != BASE}))
        if BASE not in mapping.values:
            return layers
        name = str(mapping.values[BASE])
        try:
            path = find_preset(name)
        except GpgError as error:
            raise GpgError(f"{mapping.where(BASE)}: {error.message}", error.hint) from error
        if path.resolve() in seen:
            raise GpgError(
                f"{mapping.where(BASE)}: base: {name} leads back to where it started",
                "Let one of the files stand alone: give it all its keys and no base.",
            )
