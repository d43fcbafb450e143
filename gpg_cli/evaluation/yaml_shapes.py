"""Files of evals/ as validated values: every complaint names file, line and key."""

from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from gpg_cli.errors import GpgError
from gpg_cli.yaml_file import YamlMapping, did_you_mean, read_yaml_mapping


class Shape(BaseModel):
    """What a file, or a part of one, must look like; keys that it does not know are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


S = TypeVar("S", bound=Shape)


def read_shape(path: Path, shape: type[S], hint: str) -> S:
    """A value from a YAML file; its `name` is the file's without the ending.

    Args:
        shape: has a field `name`.
        hint: what to look at where a key is missing.

    Raises:
        GpgError: the file is missing or not as needed (file, line and key).
    """
    mapping = read_yaml_mapping(path)
    if "name" in mapping.values:
        raise GpgError(f"{mapping.where('name')}: unknown key 'name'", "It is named as its file; leave it out.")
    try:
        return shape.model_validate({"name": path.stem, **mapping.values})
    except ValidationError as error:
        raise _explain(error, mapping, shape, hint) from error


def _explain(error: ValidationError, mapping: YamlMapping, shape: type[Shape], hint: str) -> GpgError:
    """The first complaint of pydantic in our words, with file and line."""
    errors = error.errors()
    # A mistyped key is also a missing one; the first is what the person has to know.
    first = next((item for item in errors if item["type"] == "extra_forbidden"), errors[0])
    keys = [str(part) for part in first["loc"]]
    where = mapping.where(keys[0]) if keys else str(mapping.path)
    key = ".".join(keys)
    if first["type"] == "extra_forbidden":
        known = [name for name in _part(shape, keys[:-1]).model_fields if name != "name"]
        return GpgError(
            f"{where}: unknown key {key!r}", f"{did_you_mean(keys[-1], known)}The keys are: {', '.join(known)}."
        )
    if first["type"] == "missing":
        return GpgError(f"{where} lacks the key {key!r}", hint)
    reason = first["msg"].removeprefix("Value error, ")
    return GpgError(
        f"{where}: {f'{key} is refused: ' if key else ''}{reason[0].lower()}{reason[1:]}", "Mend that line."
    )


def _part(shape: type[BaseModel], keys: list[str]) -> type[BaseModel]:
    """The shape of the value at a path of keys; `shape` where there is none of its own."""
    for key in keys:
        annotation: Any = shape.model_fields[key].annotation if key in shape.model_fields else None
        kinds = [kind for kind in (annotation, *get_args(annotation)) if isinstance(kind, type)]
        shape = next((kind for kind in kinds if issubclass(kind, BaseModel)), shape)
    return shape
