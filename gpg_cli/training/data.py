"""From a data set to rows the trainer takes: a prompt, and the gold text its rewards read."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from gpg_cli.console import say
from gpg_cli.data_file import read_json_lines, require_columns
from gpg_cli.errors import GpgError
from gpg_cli.hub_access import load_hub_rows
from gpg_cli.quickstart_task import BUILTIN, QUICKSTART, training_problems
from gpg_cli.training.settings import RunSettings

# Where a recipe names no column, the first of these that the data has.
_PROBLEM_COLUMNS = ("problem", "question")
# A short answer before a worked solution: a formula picked out of a solution can be the wrong one (2 of 500 AIME rows).
_ANSWER_COLUMNS = ("answer", "gt_answer", "ground_truth")
_SOLUTION_COLUMNS = ("solution",)


@dataclass(frozen=True)
class TrainingData:
    """Checked rows of a data set.

    Attributes:
        rows: each with `problem` (text for the model) and `solution` (gold in LaTeX, read by the rewards).
        dropped: rows left out because their gold is empty.
        columns: `problem`, then `answer` or `solution`, as named in the data set.
    """

    rows: list[dict[str, str]]
    dropped: int
    columns: tuple[str, str]


def load_training_data(settings: RunSettings, seed: int) -> TrainingData:
    """Load and check a data set: `builtin:quickstart`, a local .jsonl file, or a Hub id.

    Raises:
        GpgError: the file is missing, empty or not JSON lines; a column is missing; the Hub cannot be reached.
    """
    if settings.dataset_name.startswith(BUILTIN):
        return _builtin(settings.dataset_name, seed)
    path = Path(settings.dataset_name)
    rows = read_json_lines(path) if path.suffix or path.exists() else _hub_rows(settings)
    problem, gold, gold_is_answer = _choose_columns(rows, settings)
    require_columns(rows, (problem, gold), settings.dataset_name)
    for number, row in enumerate(rows, start=1):
        if not isinstance(row[problem], str) or not isinstance(row[gold], str | int | float):
            column = problem if not isinstance(row[problem], str) else gold
            raise GpgError(
                f"{settings.dataset_name}, row {number}: column {column!r} holds no text",
                "Name another one with --set problem_column=... or answer_column=... or solution_column=...",
            )
    kept = [
        {"problem": row[problem], "solution": _as_latex(row[gold]) if gold_is_answer else str(row[gold])}
        for row in rows
        if str(row[gold]).strip() and row[problem].strip()
    ]
    if not kept:
        raise GpgError(f"{settings.dataset_name}: every row has an empty {gold!r}", "Name another column.")
    return TrainingData(kept, len(rows) - len(kept), (problem, gold))


def make_prompts(data: TrainingData, settings: RunSettings, tokenizer: PreTrainedTokenizerBase) -> Dataset:
    """The trainer's data set: `prompt` (messages, or text where no chat template is used) and `solution`.

    Raises:
        GpgError: no chat template where one is asked for; every prompt is longer than `max_prompt_length` tokens.
    """
    if settings.use_chat_template and tokenizer.chat_template is None:
        raise GpgError(
            f"the model {settings.model_name_or_path} has no chat template",
            "Train on the plain problem text with --set use_chat_template=false, or choose an instruct model.",
        )
    rows = [{"prompt": _prompt(row["problem"], settings), "solution": row["solution"]} for row in data.rows]
    if settings.max_prompt_length is not None:
        short = [row for row in rows if _token_count(row["prompt"], tokenizer) <= settings.max_prompt_length]
        if not short:
            raise GpgError(
                f"every prompt is longer than max_prompt_length = {settings.max_prompt_length} tokens",
                "Raise it with --set max_prompt_length=...",
            )
        if len(short) < len(rows):
            say(f"Left out {len(rows) - len(short)} prompts of more than {settings.max_prompt_length} tokens.")
        rows = short
    return Dataset.from_list(rows)


def _prompt(problem: str, settings: RunSettings) -> str | list[dict[str, str]]:
    if not settings.use_chat_template:
        return f"{settings.system_prompt}\n\n{problem}" if settings.system_prompt else problem
    system = [{"role": "system", "content": settings.system_prompt}] if settings.system_prompt else []
    return [*system, {"role": "user", "content": problem}]


def _token_count(prompt: str | list[dict[str, str]], tokenizer: PreTrainedTokenizerBase) -> int:
    if isinstance(prompt, str):
        return len(tokenizer(prompt)["input_ids"])
    text = tokenizer.apply_chat_template(prompt, tokenize=False, add_generation_prompt=True)
    return len(tokenizer(text, add_special_tokens=False)["input_ids"])


def _builtin(name: str, seed: int) -> TrainingData:
    if name != QUICKSTART:
        raise GpgError(f"unknown built-in data set {name!r}", f"There is one: {QUICKSTART}")
    problems = training_problems(seed, count=4096)
    rows = [{"problem": item.problem, "solution": _as_latex(item.answer)} for item in problems]
    return TrainingData(rows, 0, ("problem", "answer"))


def _choose_columns(rows: list[dict[str, Any]], settings: RunSettings) -> tuple[str, str, bool]:
    """Names of the problem and the gold column, and whether the gold is a short answer."""
    has = list(rows[0])
    problem = settings.problem_column or next((name for name in _PROBLEM_COLUMNS if name in has), None)
    if problem is None:
        raise GpgError(
            f"{settings.dataset_name} has no column {' or '.join(_PROBLEM_COLUMNS)}",
            f"It has: {', '.join(has)}. Name one with --set problem_column=...",
        )
    if settings.answer_column:
        return problem, settings.answer_column, True
    # A recipe's solution column is a wish, not a need: files that stand in for its data set may have answers only.
    if settings.solution_column and settings.solution_column in has:
        return problem, settings.solution_column, False
    for name in _ANSWER_COLUMNS + _SOLUTION_COLUMNS:
        if name in has:
            return problem, name, name in _ANSWER_COLUMNS
    raise GpgError(
        f"{settings.dataset_name} has no column {' or '.join(_ANSWER_COLUMNS + _SOLUTION_COLUMNS)}",
        f"It has: {', '.join(has)}. Name one with --set answer_column=... or solution_column=...",
    )


def _as_latex(answer: str | int | float) -> str:
    """A short answer as the LaTeX text that the rewards' gold parser reads; a bare number is none to it."""
    return f"$\\boxed{{{answer}}}$"


def _hub_rows(settings: RunSettings) -> list[dict[str, Any]]:
    hint = "Name a local file with --dataset FILE.jsonl (one JSON object a line)."
    return load_hub_rows(settings.dataset_name, settings.dataset_config, settings.dataset_split, hint=hint)
