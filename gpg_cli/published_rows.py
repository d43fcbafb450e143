"""Which published numbers stand beside a model's: `gpg eval` prints them, and a model card has them in its table."""

from collections.abc import Mapping, Sequence
from pathlib import Path

# Shown beside a model of which no number was published: what GPG made of the models most begin with, and these.
_SHOWN = (
    "GPG-RS1",
    "DeepSeek-R1-Distill-Qwen-1.5B",
    "Qwen2-VL-2B-GPG",
    "Qwen2-VL-2B",
    "Qwen2.5-VL-3B-Instruct-GPG",
    "Qwen2.5-VL-3B-Instruct",
)
# The authors' models on the Hub have names under which the tables list others' (knoveleng's, trained with GRPO).
_BY_HUB_ID = {"gd-ml/open-rs1": "GPG-RS1", "gd-ml/open-rs3": "GPG-RS3"}
# What the paper made of a base model with GPG, where the name does not begin with the base model's.
_TRAINED_FROM = {
    "DeepSeek-R1-Distill-Qwen-1.5B": ("GPG-RS1", "GPG-RS3"),
    "Qwen2.5-Math-7B": ("GPG-7B",),
}


def rows_to_show(model: str, published: Sequence[Mapping[str, float]]) -> list[str]:
    """This very model's published numbers, told by its name; else those of GPG's models and of their base models."""
    return _row_of(model, published) or [row for row in _SHOWN if row in _known(published)]


def rows_beside_trained(base: str | None, published: Sequence[Mapping[str, float]]) -> list[str]:
    """The rows for a model that was trained: its base model's, then those that were trained from that one.

    Args:
        base: the base model's id or folder; where nothing was published of it, the rows are those of `rows_to_show`.
    """
    same = _row_of(base, published) if base else []
    if not same:
        return rows_to_show(base or "", published)
    known = _known(published)
    trained = [row for row in known if row.startswith(f"{same[0]}-") or row in _TRAINED_FROM.get(same[0], ())]
    return [*same, *dict.fromkeys(trained)]


def _row_of(model: str, published: Sequence[Mapping[str, float]]) -> list[str]:
    name = _BY_HUB_ID.get(model.lower(), Path(model).name)
    return [row for row in _known(published) if row.lower() == name.lower()][:1]


def _known(published: Sequence[Mapping[str, float]]) -> list[str]:
    return [row for rows in published for row in rows]
