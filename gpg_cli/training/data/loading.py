"""A data set, loaded and checked: from where it lies to rows with a problem and a gold."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from datasets import Dataset

from gpg_cli.errors import GpgError
from gpg_cli.hub_access import load_hub_dataset
from gpg_cli.local_data import is_local, load_local_dataset
from gpg_cli.quickstart_task import BUILTIN, QUICKSTART, training_problems
from gpg_cli.rewards import is_own_reward, reads_gold
from gpg_cli.training.data.columns import Columns, PromptKind, choose_columns, read_column
from gpg_cli.training.data.decontamination import BenchQuestions, Decontamination, require_benches, shared_problems
from gpg_cli.training.data.golds import as_gold, require_readable, unreadable_golds
from gpg_cli.training.data.reading import join_columns, read_golds, read_problems, read_questions
from gpg_cli.training.settings import RunSettings

_PICTURES = {"image", "images", "image_path"}
_REASONS = {
    "empty_problem": "without a problem",
    "unreadable_gold": "whose gold answer cannot be read",
    "duplicate": "with the problem of an earlier row",
}


@dataclass(frozen=True)
class TrainingData:
    """Checked rows of a data set, in its order.

    Attributes:
        rows: `problem` (text, or messages), `solution` (the gold in LaTeX, where a reward reads one) and the data's
            other columns, which TRL hands to the reward functions.
        columns: where they come from.
        left_out: how many rows were left out for each reason of `_REASONS`.
        decontamination: what they were compared with, where that was asked for.
        sha256: of the problems and golds in their order.
        row_numbers: of each row in the data set, from 1.
        more_notes: what else a person should know.
    """

    rows: Dataset
    columns: Columns
    left_out: dict[str, int]
    decontamination: Decontamination | None
    sha256: str
    row_numbers: list[int] = field(default_factory=list, repr=False)
    more_notes: list[str] = field(default_factory=list)

    @property
    def notes(self) -> list[str]:
        """A sentence for everything that is not as in the data set."""
        compared = self.decontamination.describe() if self.decontamination else []
        return [*_reasons(self.left_out), *compared, *self.more_notes]

    def facts(self) -> dict[str, Any]:
        """For run.json."""
        compared = self.decontamination
        return {
            "rows": len(self.rows),
            "sha256": self.sha256,
            "columns": {"problem": self.columns.problem, "gold": self.columns.gold},
            "left_out": self.left_out,
            "decontamination": asdict(compared) if compared else None,
        }


def load_training_data(settings: RunSettings, seed: int, bench_questions: BenchQuestions | None = None) -> TrainingData:
    """Load and check a data set: `builtin:quickstart`, a local file or folder, or a Hub id.

    Args:
        seed: decides the problems of a built-in data set.
        bench_questions: gives what `decontaminate` compares with; needed where the settings ask for that.

    Raises:
        GpgError: the data cannot be had or read; a column is missing or holds no text; more than 5% of the golds cannot
            be read though a reward asks for them; there is nothing to compare with, or no row is left.
    """
    if settings.dataset_name.startswith(BUILTIN):
        return _builtin(settings.dataset_name, seed)
    table = _load(settings)
    reading = [name for name in settings.reward_funcs if reads_gold(name)]
    columns = choose_columns(table, settings, needs_gold=bool(reading))
    problems = read_problems(table, columns, settings.dataset_name)
    golds = read_golds(table, columns, settings.dataset_name)
    questions = read_questions(table, columns, problems)

    kept = [row for row, problem in enumerate(problems) if problem]
    left_out = {"empty_problem": len(problems) - len(kept)}
    # What a user's own reward makes of a gold is not the grader's to say.
    if not all(is_own_reward(name) for name in reading):
        assert columns.gold is not None
        unreadable = [kept[place] for place in unreadable_golds([golds[row] for row in kept])]
        originals = read_column(table, columns.gold) if unreadable else []
        require_readable(unreadable, len(kept), originals, columns.gold, settings.dataset_name)
        left_out["unreadable_gold"] = len(unreadable)
        kept = sorted(set(kept) - set(unreadable))
    if not _PICTURES & set(table.column_names):  # one question may be asked of many pictures
        distinct = _first_of_each(kept, questions)
        left_out["duplicate"] = len(kept) - len(distinct)
        kept = distinct
    decontamination = None
    if settings.decontaminate:
        kept, decontamination = _decontaminate(kept, questions, settings, bench_questions)
    if not kept:
        why = [*_reasons(left_out), *(decontamination.describe() if decontamination else [])]
        raise GpgError(f"{settings.dataset_name}: no row is left of {len(problems)}", " ".join(why))
    rows, notes = join_columns(table, kept, problems, golds, columns)
    if columns.kind is PromptKind.RENDERED and settings.system_prompt:
        notes.append(f"The system prompt is not used: {columns.problem!r} holds whole prompts.")
    digest = _sha256([problems[row] for row in kept], [golds[row] for row in kept])
    numbers = [row + 1 for row in kept]
    return TrainingData(rows, columns, left_out, decontamination, digest, numbers, notes)


def _reasons(left_out: dict[str, int]) -> list[str]:
    return [
        f"Left out {count} row{'s' if count > 1 else ''} {_REASONS[reason]}."
        for reason, count in left_out.items()
        if count
    ]


def _load(settings: RunSettings) -> Dataset:
    name, config, split = settings.dataset_name, settings.dataset_config, settings.dataset_split
    if is_local(name):
        table = load_local_dataset(name, config, split)
    else:
        hint = "Name local data with --dataset FILE.jsonl (or .json, .parquet, .arrow, a folder)."
        table = load_hub_dataset(name, config, split, revision=settings.dataset_revision, hint=hint)
    if not len(table):
        raise GpgError(f"{name} holds no rows", "Check the data, or its split: --set dataset_split=...")
    return table


def _first_of_each(kept: Sequence[int], questions: Sequence[str]) -> list[int]:
    first: dict[str, int] = {}
    for row in kept:
        first.setdefault(questions[row].strip(), row)
    return list(first.values())


def _decontaminate(
    kept: list[int], questions: Sequence[str], settings: RunSettings, bench_questions: BenchQuestions | None
) -> tuple[list[int], Decontamination]:
    if bench_questions is None:
        raise ValueError("decontaminate: nobody gave the benchmarks' questions")
    files = {name: Path(path) for name, path in (settings.bench_data or {}).items()}
    benches, missing = bench_questions(files)
    require_benches(benches, missing)
    shared = shared_problems([questions[row] for row in kept], benches)
    found = {name: sum(name in names for names in shared.values()) for name in benches}
    left = [row for place, row in enumerate(kept) if place not in shared]
    return left, Decontamination(found, missing, len(shared))


def _builtin(name: str, seed: int) -> TrainingData:
    """No check: the golds are numbers, problems may come again, and the benchmark's are never drawn."""
    if name != QUICKSTART:
        raise GpgError(f"unknown built-in data set {name!r}", f"There is one: {QUICKSTART}")
    drawn = training_problems(seed, count=4096)
    problems = [item.problem for item in drawn]
    golds = [as_gold(item.answer, is_answer=True) for item in drawn]
    columns = Columns("problem", PromptKind.TEXT, "answer", gold_is_answer=True, question="problem")
    rows = Dataset.from_dict({"problem": problems, "solution": golds})
    return TrainingData(rows, columns, {}, None, _sha256(problems, golds), list(range(1, len(problems) + 1)))


def _sha256(problems: Sequence[Any], golds: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for row in zip(problems, golds, strict=True):
        digest.update(json.dumps(row, ensure_ascii=False).encode() + b"\n")
    return digest.hexdigest()
