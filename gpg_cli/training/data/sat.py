"""SAT as VisualThinker-R1-Zero trains on it: the parquet files of the data set, and the JSON that was made of them.

Written after src/data/SAT/process_dataset.py of that project, with two differences: the choices are shuffled by a seed,
and read from their column, where upstream splits a text at every comma, which tears a choice that has one.
"""

import random
from collections.abc import Sequence
from typing import Any

from datasets import Dataset

from gpg_cli.errors import GpgError

PARQUET_COLUMNS = {"image_bytes", "question", "answers", "correct_answer"}
JSON_COLUMNS = {"messages", "images"}
_PICTURE_MARK = "<image>"
_TEXT_COLUMNS = {"problem", "question", "prompt"}


def is_parquet(columns: Sequence[str]) -> bool:
    """Whether a table is that of the data set on the Hub."""
    return set(columns) >= PARQUET_COLUMNS


def is_json(columns: Sequence[str]) -> bool:
    """Whether a table is what the project's converter writes: `messages` of a user and an assistant, and `images`."""
    return set(columns) >= JSON_COLUMNS and not _TEXT_COLUMNS & set(columns)


def from_parquet(table: Dataset, seed: int, source: str) -> Dataset:
    """The columns problem and solution, and those that remain, pictures included.

    Args:
        seed: of the order of the choices; that of a row depends on the seed and its position alone.

    Raises:
        GpgError: a row has no list of choices, or no text.
    """
    columns = (table["question"], table["answers"], table["correct_answer"])
    problems, solutions = [], []
    for number, (question, answers, answer) in enumerate(zip(*columns, strict=True), start=1):
        if not isinstance(answers, list) or not answers or not all(isinstance(item, str) for item in answers):
            raise GpgError(f"{source}, row {number}: column 'answers' holds no list of texts", "Mend or remove it.")
        if not isinstance(question, str) or not isinstance(answer, str):
            raise GpgError(f"{source}, row {number}: question and correct_answer must be texts", "Mend or remove it.")
        choices = list(answers)
        random.Random(f"{seed} {number}").shuffle(choices)
        problems.append(problem_text(question, choices))
        solutions.append(answer)
    return _joined(table, PARQUET_COLUMNS - {"image_bytes"}, problems, solutions)


def from_json(table: Dataset, source: str) -> Dataset:
    """The same columns: what the user says, without the mark of the picture, and what the assistant answers.

    Raises:
        GpgError: a row is not one message of a user and one of an assistant.
    """
    problems, solutions = [], []
    for number, messages in enumerate(table["messages"], start=1):
        said = [(message.get("role"), message.get("content")) for message in messages or []]
        roles = [role for role, content in said if isinstance(content, str)]
        if roles != ["user", "assistant"] or len(said) != 2:
            raise GpgError(
                f"{source}, row {number}: 'messages' is not one text of a user and one of an assistant",
                "Mend or remove it.",
            )
        problems.append(said[0][1].replace(_PICTURE_MARK, ""))
        solutions.append(said[1][1])
    return _joined(table, {"messages"}, problems, solutions)


def problem_text(question: str, choices: Sequence[str]) -> str:
    """The user's text, which begins with the blank that upstream has after the mark of the picture."""
    *others, last = choices
    listed = f"{', '.join(others)} or {last}" if others else last
    return f" Answer in natural language. {question} Choose between the following options: {listed}"


def _joined(table: Dataset, used: set[str], problems: list[str], solutions: list[str]) -> Dataset:
    rows: Any = table.remove_columns(sorted(used))
    return rows.add_column("problem", problems).add_column("solution", solutions)
