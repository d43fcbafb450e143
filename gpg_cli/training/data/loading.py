"""A data set, loaded and checked: from where it lies to rows with a problem and a gold."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from datasets import Dataset

from gpg_cli.console import say
from gpg_cli.errors import GpgError
from gpg_cli.quickstart_task import BUILTIN
from gpg_cli.rewards import is_own_reward, reads_gold
from gpg_cli.training.data.builtin import make_builtin
from gpg_cli.training.data.columns import Columns, PromptKind, choose_columns, read_column
from gpg_cli.training.data.decontamination import BenchQuestions, Decontamination, require_benches, shared_problems
from gpg_cli.training.data.golds import golds_are_text, require_readable, unreadable_golds
from gpg_cli.training.data.picture_cells import PictureColumn
from gpg_cli.training.data.pictures import attach, check_rows, identities, refuse_faults
from gpg_cli.training.data.reading import join_columns, read_golds, read_problems, read_questions
from gpg_cli.training.data.sources import Source, load_source
from gpg_cli.training.launch import process_rank
from gpg_cli.training.settings import RunSettings
from gpg_cli.vision.images import PictureReport

_PICTURES = {"image", "images", "image_path", "image_bytes"}
# So many pictures are decoded in some seconds; a person waiting longer is told why.
_MANY_PICTURES = 500
_REASONS = {
    "empty_problem": "without a problem",
    "several_pictures": "with several pictures",
    "faulty_picture": "whose picture cannot be used",
    "empty_gold": "without a gold answer",
    "unreadable_gold": "whose gold answer cannot be read",
    "duplicate": "with the problem of an earlier row",
}


@dataclass(frozen=True)
class TrainingData:
    """Checked rows of a data set, in its order.

    Attributes:
        rows: `problem` (text, or messages), `solution` (the gold, where a reward reads one: in LaTeX, or as it stands),
            `images` (encoded, where there are any) and the data's other columns, which TRL hands to the rewards.
        columns: where they come from.
        left_out: how many rows were left out for each reason of `_REASONS`.
        decontamination: what they were compared with, where that was asked for.
        sha256: of the problems, the golds and what the pictures are known by, in their order.
        row_numbers: of each row in the data set, from 1.
        more_notes: what else a person should know.
        pictures: of the whole data set; None where its problems have none.
        picture_report: what was found in them.
    """

    rows: Dataset
    columns: Columns
    left_out: dict[str, int]
    decontamination: Decontamination | None
    sha256: str
    row_numbers: list[int] = field(default_factory=list, repr=False)
    more_notes: list[str] = field(default_factory=list)
    pictures: PictureColumn | None = field(default=None, repr=False)
    picture_report: PictureReport | None = None

    @property
    def notes(self) -> list[str]:
        """A sentence for everything that is not as in the data set."""
        compared = self.decontamination.describe() if self.decontamination else []
        seen = self.picture_report.describe() if self.picture_report else []
        return [*_reasons(self.left_out), *compared, *seen, *self.more_notes]

    def facts(self) -> dict[str, Any]:
        """For run.json."""
        compared = self.decontamination
        return {
            "rows": len(self.rows),
            "sha256": self.sha256,
            "columns": {"problem": self.columns.problem, "gold": self.columns.gold}
            | ({"pictures": self.columns.pictures} if self.columns.pictures else {}),
            "left_out": self.left_out,
            "decontamination": asdict(compared) if compared else None,
        }


def load_training_data(
    settings: RunSettings,
    seed: int,
    bench_questions: BenchQuestions | None = None,
    *,
    vision: bool = False,
    looked_at: bool = False,
    image_dir: Path | None = None,
) -> TrainingData:
    """Load and check a data set: a built-in one, a local file or folder, or a Hub id.

    Args:
        seed: decides the problems of a built-in data set, and the order of SAT's choices.
        bench_questions: gives what `decontaminate` compares with; needed where the settings ask for that.
        vision: whether the model sees, so that a usual column of pictures is read even if the settings name none.
        looked_at: whether another process of this run has looked at all pictures already, and found none to refuse.
        image_dir: a folder that the user named for pictures, besides the data's own.

    Raises:
        GpgError: the data cannot be had or read; a column is missing or holds no text; more than 5% of the golds cannot
            be read though a reward asks for them; a picture cannot be used, and such rows are not to be skipped; there
            is nothing to compare with, or no row is left.
    """
    if settings.dataset_name.startswith(BUILTIN):
        return _builtin(settings.dataset_name, seed)
    source = load_source(settings, seed, vision=vision, image_dir=image_dir)
    table, name = source.table, settings.dataset_name
    reading = [reward for reward in settings.reward_funcs if reads_gold(reward)]
    columns = choose_columns(table, settings, needs_gold=bool(reading))
    columns = replace(
        columns,
        gold_is_text=golds_are_text(reading),
        pictures=source.pictures.name if source.pictures else None,
    )
    problems = read_problems(table, columns, name)
    golds = read_golds(table, columns, name)
    questions = read_questions(table, columns, problems)

    kept = [row for row, problem in enumerate(problems) if problem]
    left_out = {"empty_problem": len(problems) - len(kept)}
    kept, report = _look_at_pictures(kept, left_out, source, settings, looked_at=looked_at)
    kept = _with_golds(kept, left_out, golds, reading, table, columns, name)
    if source.pictures is None and not _PICTURES & set(
        table.column_names
    ):  # one question may be asked of many pictures
        distinct = _first_of_each(kept, questions)
        left_out["duplicate"] = len(kept) - len(distinct)
        kept = distinct
    decontamination = None
    if settings.decontaminate:
        kept, decontamination = _decontaminate(kept, questions, settings, bench_questions)
    if not kept:
        why = [*_reasons(left_out), *(decontamination.describe() if decontamination else [])]
        raise GpgError(f"{name}: no row is left of {len(problems)}", " ".join(why))
    rows, notes = join_columns(table, kept, problems, golds, columns)
    if source.pictures is not None:
        rows = attach(rows, source.pictures, kept)
    if columns.kind is PromptKind.RENDERED:
        notes += [
            f"The {what} is not used: {columns.problem!r} holds whole prompts."
            for what, value in (
                ("system prompt", settings.system_prompt),
                ("prompt template", settings.prompt_template),
            )
            if value
        ]
    known = list(identities(source.pictures, kept)) if source.pictures else None
    digest = _sha256([problems[row] for row in kept], [golds[row] for row in kept], known)
    numbers = [row + 1 for row in kept]
    notes = [*source.notes, *notes]
    return TrainingData(rows, columns, left_out, decontamination, digest, numbers, notes, source.pictures, report)


def _look_at_pictures(
    kept: list[int], left_out: dict[str, int], source: Source, settings: RunSettings, *, looked_at: bool
) -> tuple[list[int], PictureReport | None]:
    """The rows whose picture can be used; the others are counted or refused, as the settings say."""
    if source.pictures is None:
        return kept, None
    if source.several:
        single = [row for row in kept if row not in source.several]
        left_out["several_pictures"] = len(kept) - len(single)
        kept = single
    if looked_at and settings.faulty_pictures == "error":
        return kept, None
    if len(kept) > _MANY_PICTURES and process_rank() == 0:
        say(f"Looking at {len(kept)} pictures ...")
    report = check_rows(source.pictures, kept, settings.max_pixels)
    if settings.faulty_pictures == "error":
        refuse_faults(report, settings.dataset_name)
    faulty = {row for row, _ in report.faults}
    left_out["faulty_picture"] = len(faulty)
    return [row for row in kept if row not in faulty], report


def _with_golds(
    kept: list[int],
    left_out: dict[str, int],
    golds: Sequence[str],
    reading: Sequence[str],
    table: Dataset,
    columns: Columns,
    source: str,
) -> list[int]:
    """The rows with a gold that the rewards can read; the others are counted, or too many."""
    if columns.gold_is_text:
        full = [row for row in kept if golds[row]]
        left_out["empty_gold"] = len(kept) - len(full)
        return full
    # What a user's own reward makes of a gold is not the grader's to say.
    if all(is_own_reward(name) for name in reading):
        return kept
    assert columns.gold is not None
    unreadable = [kept[place] for place in unreadable_golds([golds[row] for row in kept])]
    originals = read_column(table, columns.gold) if unreadable else []
    require_readable(unreadable, len(kept), originals, columns.gold, source)
    left_out["unreadable_gold"] = len(unreadable)
    return sorted(set(kept) - set(unreadable))


def _reasons(left_out: dict[str, int]) -> list[str]:
    return [
        f"Left out {count} row{'s' if count > 1 else ''} {_REASONS[reason]}."
        for reason, count in left_out.items()
        if count
    ]


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
    made = make_builtin(name, seed)
    numbers = list(range(1, len(made.rows) + 1))
    known = list(identities(made.pictures, range(len(made.rows)))) if made.pictures else None
    digest = _sha256(list(made.rows["problem"]), list(made.rows["solution"]), known)
    return TrainingData(made.rows, made.columns, {}, None, digest, numbers, pictures=made.pictures)


def _sha256(problems: Sequence[Any], golds: Sequence[str], pictures: Sequence[list[str]] | None = None) -> str:
    digest = hashlib.sha256()
    for row in zip(problems, golds, strict=True) if pictures is None else zip(problems, golds, pictures, strict=True):
        digest.update(json.dumps(row, ensure_ascii=False).encode() + b"\n")
    return digest.hexdigest()
