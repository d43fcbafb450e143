"""Make a self-contained model folder of a checkpoint.

The files are copied rather than loaded and saved again. A copy is exact (every tensor in the dtype and under the name
it has, every unknown key of config.json kept), takes no memory, and does not depend on what this version of
transformers writes. What is copied is a list of names, so that optimizer states, pickles and whatever else lies in a
checkpoint can never leave; the two JSON files in which libraries note paths of the machine are rewritten without them.
"""

import shutil
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from gpg_cli import trust
from gpg_cli.errors import GpgError
from gpg_cli.model_files import loading
from gpg_cli.pretrained import brings_code, load
from gpg_cli.publishing.loading import load_tokenizer
from gpg_cli.publishing.source import ADAPTER_CONFIG
from gpg_cli.publishing.weights import convert_file, copy_weights
from gpg_cli.run_folder import read_json, write_json

CONFIG = "config.json"
GENERATION_CONFIG = "generation_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
)
TEMPLATE_FILES = ("chat_template.jinja", "chat_template.json", "additional_chat_templates/*.jinja")
PROCESSOR_FILES = ("processor_config.json", "preprocessor_config.json", "video_preprocessor_config.json")

# transformers before 5 wrote these; a local path says nothing to others, and may say too much.
_NAME_KEYS = ("_name_or_path", "name_or_path")
_PATH_ENDINGS = ("_file", "_path", "_dir", "_folder")


def has_tokenizer(folder: Path) -> bool:
    """Whether a folder holds the files of a tokenizer."""
    return any((folder / name).is_file() for name in TOKENIZER_FILES)


def copy_model(source: Path, tokenizer: Path, target: Path, dtype: str | None = None) -> None:
    """Copy what a model needs, and nothing else, into an empty folder.

    Args:
        source: weights and configuration.
        tokenizer: the folder of its tokenizer and processor, often the same.
        dtype: what the weights are written as; None leaves them as they are.

    Raises:
        GpgError: see `weights.copy_weights`.
    """
    copy_weights(source, target, dtype)
    copy_config(source, target)
    copy_tokenizer(tokenizer, target)
    if dtype is not None:
        write_json(target / CONFIG, _with_dtype(read_json(target / CONFIG), dtype))
    complete_generation_config(target)


def copy_config(source: Path, target: Path) -> None:
    """Copy a model's configuration, without local paths."""
    for name in (CONFIG, GENERATION_CONFIG):
        _copy(source, target, name)
    _remove_local_paths(target / CONFIG)
    if trust.granted().remote_code and brings_code(source):
        # Without it nobody could load the copy.
        _copy(source, target, "*.py")


def copy_adapter(source: Path, tokenizer: Path, target: Path, base: str, dtype: str | None = None) -> None:
    """Copy a LoRA adapter, and nothing else, into an empty folder.

    Args:
        base: the Hub id of the base model, which its configuration will name.
    """
    if dtype is None:
        _copy(source, target, ADAPTER_WEIGHTS)
    else:
        convert_file(source / ADAPTER_WEIGHTS, target / ADAPTER_WEIGHTS, dtype)
    config = without_local_paths(read_json(source / ADAPTER_CONFIG))
    write_json(target / ADAPTER_CONFIG, config | {"base_model_name_or_path": base})
    copy_tokenizer(tokenizer, target)


def copy_tokenizer(source: Path, target: Path) -> None:
    """Copy the files of a tokenizer, its chat template, and a processor's."""
    for pattern in (*TOKENIZER_FILES, *TEMPLATE_FILES, *PROCESSOR_FILES):
        _copy(source, target, pattern)
    if (target / "tokenizer_config.json").is_file():
        _remove_local_paths(target / "tokenizer_config.json")


def _copy(source: Path, target: Path, pattern: str) -> None:
    for path in sorted(source.glob(pattern)):
        copied = target / path.relative_to(source)
        copied.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, copied)


def without_local_paths(value: Any) -> Any:
    """A JSON value without the entries that name a place on the machine it was written on."""
    if isinstance(value, dict):
        return {key: without_local_paths(item) for key, item in value.items() if not _names_a_place(key, item)}
    if isinstance(value, list):
        return [without_local_paths(item) for item in value]
    return value


def _names_a_place(key: str, value: Any) -> bool:
    # By its key, never by its value alone: a token may be "/".
    if not isinstance(value, str):
        return False
    absolute = PurePosixPath(value).is_absolute() or PureWindowsPath(value).is_absolute()
    return key in _NAME_KEYS or (key.endswith(_PATH_ENDINGS) and absolute)


def _remove_local_paths(path: Path) -> None:
    value = read_json(path)
    cleaned = without_local_paths(value)
    # A file that holds none stays the same to the byte.
    if cleaned != value:
        write_json(path, cleaned)


def _with_dtype(config: Any, dtype: str) -> Any:
    """A model's configuration, those of its parts included, with another dtype; by its older name where it has that."""
    if not isinstance(config, dict):
        return config
    parts = {key: _with_dtype(value, dtype) for key, value in config.items()}
    named = [key for key in ("dtype", "torch_dtype") if isinstance(config.get(key), str)]
    return parts | dict.fromkeys(named, dtype)


def complete_generation_config(folder: Path) -> list[int]:
    """Have generation_config.json stop where training and evaluation did; returns the tokens that end a completion.

    These are the generation config's own, the configuration's and the tokenizer's. A file that names them all stays
    the same to the byte; where there is none, what transformers would assume is written down for other programs.

    Raises:
        GpgError: a configuration cannot be read, or its end tokens are none.
    """
    from transformers import AutoConfig, GenerationConfig

    path = folder / GENERATION_CONFIG
    with loading(folder):
        config = load(AutoConfig, folder, local_files_only=True)
        generation = read_json(path) if path.is_file() else GenerationConfig.from_model_config(config).to_diff_dict()
        end_of_config = config.get_text_config().eos_token_id
    named = generation.get("eos_token_id")
    if not all(isinstance(end, int | None) for end in (named if isinstance(named, list) else [named])):
        raise GpgError(f"{path}: eos_token_id {named!r} is no token, nor a list of tokens", "Mend that file.")
    found = [named, end_of_config, load_tokenizer(folder).eos_token_id]
    ends = [end for ids in found for end in (ids if isinstance(ids, list) else [ids])]
    stops = list(dict.fromkeys(end for end in ends if isinstance(end, int)))
    if set(stops) != set(named if isinstance(named, list) else [named]) - {None} or not path.is_file():
        write_json(path, generation | ({"eos_token_id": stops if len(stops) > 1 else stops[0]} if stops else {}))
    return stops
