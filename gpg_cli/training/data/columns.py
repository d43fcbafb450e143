"""Which columns of a data set hold the problem and the gold, and what kind of prompt the problem is."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from gpg_cli.errors import GpgError
from gpg_cli.training.settings import RunSettings
from gpg_cli.yaml_file import did_you_mean

if TYPE_CHECKING:
    from datasets import Dataset

# Where a recipe names no column, the first of these that the data has.
_PLAIN_PROBLEMS = ("problem", "question")
_PROMPT = "prompt"
# A short answer before a worked solution: a formula picked out of a solution can be the wrong one (2 of 500 AIME rows).
# `reward_model.ground_truth` is where verl's data sets keep it.
_ANSWERS = ("answer", "gt_answer", "ground_truth", "reward_model.ground_truth")
_SOLUTIONS = ("solution",)
_LAST_ANSWERS = ("target", "final_answer")

# What the chat templates of the models at hand write around a turn.
_CHAT_MARKUP = re.compile(
    r"<\|im_start\|>|<｜User｜>|<\|start_header_id\|>|<start_of_turn>|<\|user\|>|<\|assistant\|>|\[INST\]"
)


class PromptKind(StrEnum):
    """What the problem column holds."""

    TEXT = "text"  # a problem, for the chat template or as it is
    MESSAGES = "messages"  # a conversation, for the chat template
    RENDERED = "rendered"  # a whole prompt with its chat markup, to be used as it is


@dataclass(frozen=True)
class Columns:
    """Columns of a data set, as it names them; `a.b` is the field b of the column a.

    Attributes:
        problem: what the prompt is made of.
        kind: and what that is.
        gold: what the rewards compare with; None where no reward reads it and the settings name none.
        gold_is_answer: whether the gold is a short answer, else a worked solution.
        question: what two problems are compared by: the bare problem where `problem` holds more than that.
        gold_is_text: whether the rewards read the gold as it stands, not as mathematics.
        pictures: the column of pictures; None where the problems have none.
    """

    problem: str
    kind: PromptKind
    gold: str | None
    gold_is_answer: bool
    question: str
    gold_is_text: bool = False
    pictures: str | None = None

    def describe(self) -> str:
        """One sentence for the person who starts a training."""
        what = {
            PromptKind.TEXT: "the problem",
            PromptKind.MESSAGES: "the prompt (messages)",
            PromptKind.RENDERED: "the prompt (its chat markup is in it, so no template is applied)",
        }[self.kind]
        gold = "and no gold answer, for no reward reads it"
        if self.gold is not None:
            as_what = "a short answer, put into $\\boxed{...}$" if self.gold_is_answer else "a worked solution"
            as_what = "as it stands" if self.gold_is_text else as_what
            gold = f"the gold answer from {self.gold!r} ({as_what})"
        pictures = f", the picture from {self.pictures!r}" if self.pictures else ""
        return f"Reads {what} from {self.problem!r}{pictures}{',' if self.gold else ''} {gold}."


def choose_columns(table: "Dataset", settings: RunSettings, *, needs_gold: bool) -> Columns:
    """The columns that the settings name; where they name none, those that are usual.

    Raises:
        GpgError: a column that is named, or a usual one, is missing; the nearest names are told.
    """
    source = settings.dataset_name
    problem = settings.problem_column
    plain = next((name for name in _PLAIN_PROBLEMS if _has(table, name)), None)
    if problem is not None:
        _require(table, problem, "problem_column", source)
    elif _has(table, _PROMPT) and plain != "problem" and (plain is None or _kind(table, _PROMPT) != PromptKind.TEXT):
        # A prompt that was made ready says how its author trained, and `question` is what it was made of.
        problem = _PROMPT
    elif plain is not None:
        problem = plain
    else:
        raise GpgError(
            f"{source} has no column {', '.join(_PLAIN_PROBLEMS)} or {_PROMPT}",
            f"It has: {', '.join(table.column_names)}. Name one with --set problem_column=...",
        )
    kind = _kind(table, problem)
    gold, is_answer = _choose_gold(table, settings, needs_gold=needs_gold)
    question = plain if kind != PromptKind.TEXT and plain is not None else problem
    return Columns(problem, kind, gold, is_answer, question)


def read_column(table: "Dataset", name: str) -> list[Any]:
    """All values of a column, or of a field `a.b` of it."""
    if name in table.column_names:
        return list(table[name])
    column, _, field = name.partition(".")
    return [value.get(field) if isinstance(value, dict) else None for value in table[column]]


def _choose_gold(table: "Dataset", settings: RunSettings, *, needs_gold: bool) -> tuple[str | None, bool]:
    source = settings.dataset_name
    if settings.answer_column:
        _require(table, settings.answer_column, "answer_column", source)
        return settings.answer_column, True
    # A recipe's solution column is a wish, not a need: files that stand in for its data set may have answers only.
    if settings.solution_column and _has(table, settings.solution_column):
        return settings.solution_column, False
    if not needs_gold:
        return None, False
    for name in (*_ANSWERS, *_SOLUTIONS, *_LAST_ANSWERS):
        if _has(table, name):
            return name, name not in _SOLUTIONS
    if settings.solution_column:
        _require(table, settings.solution_column, "solution_column", source)
    raise GpgError(
        f"{source} has no column {', '.join(_ANSWERS[:3])} or {_SOLUTIONS[0]}",
        f"It has: {', '.join(table.column_names)}. Name one with --set answer_column=... or solution_column=...",
    )


def _has(table: "Dataset", name: str) -> bool:
    if name in table.column_names:
        return True
    column, dot, field = name.partition(".")
    if not dot or column not in table.column_names:
        return False
    return any(isinstance(value, dict) and field in value for value in table[:1][column])


def _require(table: "Dataset", name: str, setting: str, source: str) -> None:
    if not _has(table, name):
        raise GpgError(
            f"{source} has no column {name!r}, which {setting} names",
            f"{did_you_mean(name, table.column_names)}It has: {', '.join(table.column_names)}.",
        )


def _kind(table: "Dataset", name: str) -> PromptKind:
    """Judged by all rows: a problem may quote a mark of some template."""
    values = [value for value in read_column(table, name) if value]
    if values and all(is_conversation(value) for value in values):
        # A lone message may carry a whole prompt, as in SimpleRL-Zoo's files.
        alone = [value[0]["content"] for value in values if len(value) == 1]
        return PromptKind.RENDERED if len(alone) == len(values) and _all_marked(alone) else PromptKind.MESSAGES
    return PromptKind.RENDERED if values and _all_marked(values) else PromptKind.TEXT


def is_conversation(value: Any) -> bool:
    """Whether a value is a list of messages with text."""
    return isinstance(value, list) and bool(value) and all(_is_message(item) for item in value)


def _is_message(item: Any) -> bool:
    return isinstance(item, dict) and all(isinstance(item.get(key), str) for key in ("role", "content"))


def _all_marked(texts: Sequence[Any]) -> bool:
    return all(isinstance(text, str) and _CHAT_MARKUP.search(text) for text in texts)
