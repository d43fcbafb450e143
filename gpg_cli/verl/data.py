"""`gpg data verl`: the rows that a recipe trains on, as the parquet file that verl reads."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpg_cli.errors import GpgError

if TYPE_CHECKING:
    from datasets import Dataset

    from gpg_cli.vision.images import Picture

# In a text, what verl replaces by the next of a row's pictures.
_PLACE = "<image>"
# Without a chat template: the contents of the messages, one after the other.
PLAIN_TEMPLATE = "{% for message in messages %}{{ message.content }}{% endfor %}"


@dataclass(frozen=True)
class Written:
    """What was written: the file, its rows, and how many were left out for the length of their prompt."""

    file: Path
    rows: int
    too_long: int

    def to_dict(self) -> dict[str, Any]:
        return {"file": str(self.file), "rows": self.rows, "too_long": self.too_long}


def write_verl_file(request: Any, to: Path, *, overwrite: bool = False) -> Written:
    """Write the prompts and golds of a run, in the data's order; see `verl_rows` for the columns.

    Args:
        request: a `TrainRequest`, as for `gpg train`.

    Raises:
        GpgError: see `make_plan` and `verl_rows`; or the file is there already, is no .parquet or cannot be written.
    """
    to = to.expanduser()
    if to.suffix != ".parquet":
        raise GpgError(f"--to {to} does not end in .parquet", "verl reads parquet: --to train.parquet")
    if to.exists() and not overwrite:
        raise GpgError(f"{to} exists", "Name another file, or replace it: --overwrite")
    from gpg_cli.run_folder import find_model
    from gpg_cli.training.build import load_processing
    from gpg_cli.training.data import make_prompts
    from gpg_cli.training.plan import make_plan

    plan = make_plan(request)
    model = plan.settings.run.model_name_or_path
    if model.startswith("builtin:"):
        raise GpgError(f"{model} is made here, and no model that verl can load", "Choose a preset with a real model.")
    processing = load_processing(plan, find_model(model).location)
    prompts = make_prompts(plan.data, plan.run, processing, plan.config.chat_template_kwargs)
    rows = verl_rows(prompts, plan.run.dataset_name, plan.run.dataset_split)
    beside = to.with_name(to.name + ".tmp")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        rows.to_parquet(str(beside))
        os.replace(beside, to)
    except OSError as error:
        raise GpgError(f"cannot write {to}: {error.strerror}", "Check the path and the disk's space.") from error
    return Written(to, len(rows), len(plan.data.rows) - len(prompts))


def verl_rows(prompts: "Dataset", source: str, split: str) -> "Dataset":
    """The trainer's rows in verl's columns (verl 0.9.1, docs/preparation/prepare_data).

    `data_source`; `prompt`: messages, where `<image>` stands for a picture; `images`: bytes, where there are any;
    `ability`; `reward_model`: `ground_truth`, the gold as the rewards read it; `extra_info`: `index`, `split` and, as
    JSON, the data's other columns.

    Args:
        prompts: what `make_prompts` gave.

    Raises:
        GpgError: a text holds `<image>`, which verl takes for a place of a picture.
    """
    from datasets import Dataset, Image

    from gpg_cli.training.data import row_pictures

    pictures = "images" in prompts.column_names
    made = []
    for index, row in enumerate(prompts):
        others = {key: value for key, value in row.items() if key not in ("prompt", "solution", "images")}
        line: dict[str, Any] = {
            "data_source": source,
            "prompt": _messages(row["prompt"], index, pictures=pictures),
            "ability": "vision" if pictures else "math",
            "reward_model": {"style": "rule", "ground_truth": row.get("solution") or ""},
            "extra_info": {"index": index, "split": split, "columns": json.dumps(others, default=str)},
        }
        if pictures:
            line["images"] = [_encoded(picture) for picture in row_pictures(row)]
        made.append(line)
    table = Dataset.from_list(made)
    return table.cast_column("images", [Image(decode=False)]) if pictures else table


def _encoded(picture: "Picture") -> dict[str, Any]:
    """As the model is shown it here: turned upright, without transparency."""
    from io import BytesIO

    buffer = BytesIO()
    picture.load().save(buffer, format="PNG")
    return {"bytes": buffer.getvalue(), "path": None}


def _messages(prompt: Any, index: int, *, pictures: bool) -> list[dict[str, str]]:
    messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
    made = []
    for message in messages:
        content = message["content"]
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        texts = [part.get("text") or "" for part in parts if part["type"] == "text"]
        if pictures and any(_PLACE in text for text in texts):
            raise GpgError(
                f"prompt {index + 1} holds the text {_PLACE}, which verl takes for the place of a picture",
                "Give another prompt_template: verl cannot show this text to a model.",
            )
        shown = "".join(_PLACE if part["type"] == "image" else part.get("text") or "" for part in parts)
        made.append({"role": message["role"], "content": shown})
    return made
