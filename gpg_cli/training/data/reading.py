"""Rows of a data set as training reads them: problems, golds, and the columns that come along."""

from collections.abc import Sequence
from typing import Any

from datasets import Dataset

from gpg_cli.errors import GpgError
from gpg_cli.training.data.columns import Columns, PromptKind, is_conversation, read_column
from gpg_cli.training.data.golds import as_gold
from gpg_cli.training.data.picture_cells import PICTURES

# What TRL hands to reward functions under these names, and what would only be carried along for nothing.
_OWN_COLUMNS = {"problem", "solution", "prompt", "prompts", "completion", "completions", "completion_ids", "messages"}
_OWN_COLUMNS |= {"trainer_state", "log_extra", "log_metric", "environments"}
_MEDIA = {"Image", "Audio", "Video"}
# Columns that TRL takes for pictures, whatever they hold.
_PICTURES = {"image", "images"}


def read_problems(table: Dataset, columns: Columns, source: str) -> list[Any]:
    """Texts, or messages; empty where there is nothing."""
    values = read_column(table, columns.problem)
    if columns.kind is PromptKind.RENDERED:
        values = [value[0]["content"] if is_conversation(value) else value for value in values]
    for number, value in enumerate(values, start=1):
        if columns.kind is PromptKind.MESSAGES or value is None:
            continue
        if not isinstance(value, str):
            raise GpgError(
                f"{source}, row {number}: column {columns.problem!r} holds no text",
                "Name another one with --set problem_column=...",
            )
    if columns.kind is PromptKind.MESSAGES:
        return [[{key: message[key] for key in ("role", "content")} for message in value or []] for value in values]
    return [value if value and value.strip() else "" for value in values]


def read_golds(table: Dataset, columns: Columns, source: str) -> list[str]:
    """LaTeX that the rewards' parser reads, or the text as it stands for rewards that read it so; empty where there is
    none.
    """
    if columns.gold is None:
        return [""] * len(table)
    golds = []
    for number, value in enumerate(read_column(table, columns.gold), start=1):
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if value is not None and (isinstance(value, bool) or not isinstance(value, str | int | float)):
            raise GpgError(
                f"{source}, row {number}: column {columns.gold!r} holds no text",
                "Name another one with --set answer_column=... or solution_column=...",
            )
        if columns.gold_is_text:
            golds.append("" if value is None or not str(value).strip() else str(value))
        else:
            golds.append("" if value is None else as_gold(value, is_answer=columns.gold_is_answer))
    return golds


def read_questions(table: Dataset, columns: Columns, problems: Sequence[Any]) -> list[str]:
    """What problems are compared by: the bare problem where the data has it, else what the user says."""
    said = [
        problem
        if isinstance(problem, str)
        else "\n".join(message["content"] for message in problem if message["role"] == "user")
        for problem in problems
    ]
    if columns.question == columns.problem:
        return said
    return [
        question if isinstance(question, str) and question.strip() else text
        for question, text in zip(read_column(table, columns.question), said, strict=True)
    ]


def join_columns(
    table: Dataset, kept: list[int], problems: list[Any], golds: list[str], columns: Columns
) -> tuple[Dataset, list[str]]:
    """The rows to keep, and a note on columns that are not carried along."""
    media = [name for name, feature in table.features.items() if type(_innermost(feature)).__name__ in _MEDIA]
    if columns.pictures is None:
        media += [name for name in table.column_names if name in _PICTURES and name not in media]
    own_columns = _OWN_COLUMNS if columns.gold is not None else _OWN_COLUMNS - {"solution"}
    shown = {columns.pictures, PICTURES} if columns.pictures else set()
    others = [name for name in table.column_names if name not in own_columns | shown and name not in media]
    media = [name for name in media if name != columns.pictures]
    why = "as only one column of pictures is" if columns.pictures else "as this trains on text"
    notes = [f"Not used, {why}: {', '.join(media)}."] if media else []
    own: dict[str, list[Any]] = {"problem": problems}
    if columns.gold is not None:
        own["solution"] = golds
    if not others:
        return Dataset.from_dict(own).select(kept), notes
    rows = table.select_columns(others)
    for name, values in own.items():
        rows = rows.add_column(name, values)
    return rows.select(kept), notes


def _innermost(feature: Any) -> Any:
    while isinstance(feature, list) or type(feature).__name__ in ("List", "LargeList", "Sequence"):
        feature = feature[0] if isinstance(feature, list) else feature.feature
    return feature
