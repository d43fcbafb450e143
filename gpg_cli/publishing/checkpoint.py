"""Make a self-contained model folder of a checkpoint.

The files are copied rather than loaded and saved again. A copy is exact (every tensor in the dtype and under the name
it has, every unknown key of config.json kept), takes no memory, and does not depend on what this version of
transformers writes. What is copied is a list of names, so that optimizer states, pickles and whatever else lies in a
checkpoint can never leave; the two JSON files in which libraries note paths of the machine are rewritten without them.
"""

import shutil
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from gpg_cli.errors import GpgError
from gpg_cli.publishing.weights import copy_weights, find_weights
from gpg_cli.run_folder import MODEL_FOLDER, read_json, write_json

CONFIG = "config.json"
GENERATION_CONFIG = "generation_config.json"
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


def check_no_adapter(source: Path) -> None:
    """Refuse a LoRA adapter; it is not a whole model.

    Raises:
        GpgError: the folder, or the model folder of the run, holds a PEFT adapter.
    """
    for folder in (source, source / MODEL_FOLDER):
        if (folder / "adapter_config.json").is_file():
            raise GpgError(
                f"{folder} holds a PEFT adapter, which gpg cannot export yet",
                "Merge it into its base model first (peft: merge_and_unload, then save_pretrained) and export that.",
            )


def check_checkpoint(folder: Path) -> None:
    """Refuse a folder of which no self-contained model can be made; reads no weights.

    Raises:
        GpgError: its config.json does not parse, it holds an adapter, no tokenizer, or no safetensors weights.
    """
    check_no_adapter(folder)
    read_json(folder / CONFIG)
    find_weights(folder)
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        raise GpgError(f"{folder} holds no tokenizer", "Save the base model's tokenizer there (save_pretrained).")


def copy_checkpoint(source: Path, target: Path) -> None:
    """Copy what a model needs, and nothing else, into an empty folder.

    Raises:
        GpgError: see `check_checkpoint`.
    """
    copy_weights(source, target)
    for pattern in (CONFIG, GENERATION_CONFIG, *TOKENIZER_FILES, *TEMPLATE_FILES, *PROCESSOR_FILES):
        for path in sorted(source.glob(pattern)):
            copied = target / path.relative_to(source)
            copied.parent.mkdir(exist_ok=True)
            shutil.copyfile(path, copied)
    for name in (CONFIG, "tokenizer_config.json"):
        if (target / name).is_file():
            _remove_local_paths(target / name)
    if not (target / GENERATION_CONFIG).is_file():
        _write_generation_config(target)


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


def _write_generation_config(folder: Path) -> None:
    """What transformers would assume in its absence, written down for other programs."""
    from transformers import AutoConfig, GenerationConfig

    GenerationConfig.from_model_config(AutoConfig.from_pretrained(folder)).save_pretrained(folder)
