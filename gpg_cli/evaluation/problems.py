"""The problems of a benchmark: its rows checked, with the pictures they are about."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gpg_cli.data_file import require_columns
from gpg_cli.errors import GpgError
from gpg_cli.evaluation.benches import Bench
from gpg_cli.evaluation.rows import Row, load_rows
from gpg_cli.vision.images import Picture, as_picture
from gpg_cli.vision.places import check_place, hub_folders


@dataclass(frozen=True)
class Problem:
    """One problem.

    Attributes:
        index: its row in the data, from 0.
        text: what the data's problem column holds; the name of the picture where there is no such column.
        gold: the right answer, or several of which any counts.
        groups: what it counts among, such as `{"level": "3"}`.
        pictures: that it is about, undecoded.
        shapes: the annotated polygons of the picture, as `LisaItem.evaluation_row` has them; only where masks are made.
    """

    index: int
    text: str
    gold: str | tuple[str, ...]
    groups: dict[str, str] = field(default_factory=dict)
    pictures: tuple[Picture, ...] = ()
    shapes: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class ProblemSet:
    """The problems of one evaluation, and where they come from.

    Attributes:
        available: how many the data has; with a limit, or without those that are faulty, more than are here.
        sha256: of the local file, or of the data set's rows as JSON: tells its revisions apart.
        revision: commit of the data set on the Hub, where that is known.
    """

    problems: list[Problem]
    available: int
    source: str
    sha256: str | None
    revision: str | None = None


@dataclass(frozen=True)
class PictureFolders:
    """Where pictures lie whose paths are relative: folders given by the user, else that of the data file.

    Attributes:
        given: in which a picture is looked for under its path, then under its name alone.
    """

    data: Path | None = None
    given: Path | None = None

    def find(self, cell: Any, *, upright: bool, where: str) -> Picture | None:
        """The picture in a cell; see `as_picture`. One that lies nowhere is given the first of the paths tried.

        Raises:
            GpgError: it lies in none of the folders.
        """
        found = self._find(cell, upright=upright)
        if found is not None and found.path is not None:
            named = cell.get("path") if isinstance(cell, dict) else cell
            folders = [self.data, self.given] if self.data else [self.given, *hub_folders()]
            check_place(named, found.path, folders, where)
        return found

    def _find(self, cell: Any, *, upright: bool) -> Picture | None:
        if self.given is None or not isinstance(cell, str):
            return as_picture(cell, self.data, upright=upright)
        tried = [as_picture(path, self.given, upright=upright) for path in (cell, Path(cell).name) if path]
        there = (picture for picture in tried if picture and Path(str(picture.path)).is_file())
        return next(there, tried[0] if tried else None)


def load_problems(
    bench: Bench,
    data: Path | None,
    limit: int | None,
    *,
    picture_folder: Path | None = None,
    skip_faulty: bool = False,
) -> ProblemSet:
    """Load and check the first `limit` problems of a benchmark; all of them where it is None.

    Whether their pictures can be used is for `pictures.checked` to say.

    Args:
        data: a local file or folder with the data set's columns, read instead of the data set.
        picture_folder: where its pictures lie; None is beside the data.
        skip_faulty: see `rows.load_rows`.

    Raises:
        GpgError: the file is missing, empty or not as needed; a column is missing or holds no text; the Hub cannot be
            reached.
    """
    found = load_rows(bench, data, skip_faulty=skip_faulty)
    require_columns(found.rows, bench.columns.needed, found.source)
    image = bench.columns.image
    if image is not None and not any(row.get(image) for row in found.rows):
        require_columns(found.rows, [image], found.source)
    folders = PictureFolders(found.folder, picture_folder)
    problems = [as_problem(bench, index, row, found.source, folders) for index, row in enumerate(found.rows[:limit])]
    return ProblemSet(problems, len(found.rows) + len(found.faulty), found.source, found.sha256, found.revision)


def as_problem(bench: Bench, index: int, row: Row, source: str, folders: PictureFolders = PictureFolders()) -> Problem:
    """One row of a benchmark's data as a problem.

    Raises:
        GpgError: the text, the answer, the choices or the shapes are nothing usable.
    """
    columns = bench.columns
    where = f"{source}, row {index + 1}"
    pictures = _pictures(row.get(columns.image), folders, bench, where) if columns.image else ()
    name = Path(pictures[0].name).name if pictures else f"row {index + 1}"
    text = row[columns.problem] if columns.problem else name
    if not isinstance(text, str) or not text.strip() or not _is_whole(text):
        raise _unusable(source, index, str(columns.problem))
    gold = row[columns.gold]
    golds = tuple(_short_gold(bench, item, row) for item in (gold if isinstance(gold, list) else [gold]))
    if not golds or not all(golds) or not all(map(_is_whole, golds)):
        raise _unusable(source, index, columns.gold)
    # A file of one's own may lack these columns: nothing is broken down by them then.
    groups = {name: str(row[column]) for name, column in bench.groups.items() if row.get(column) is not None}
    for name, value in groups.items():
        if not _is_whole(value):
            raise _unusable(source, index, bench.groups[name])
    shapes = row.get("shapes", []) if bench.masks else []
    if not isinstance(shapes, list):
        raise _unusable(source, index, "shapes")
    return Problem(index, text, golds if isinstance(gold, list) else golds[0], groups, pictures, tuple(shapes))


def _pictures(cell: Any, folders: PictureFolders, bench: Bench, where: str) -> tuple[Picture, ...]:
    cells: Sequence[Any] = cell if isinstance(cell, list) else [cell]
    found = [folders.find(each, upright=bench.pictures.upright, where=where) for each in cells]
    return tuple(picture for picture in found if picture is not None)


def _short_gold(bench: Bench, gold: Any, row: Row) -> str:
    """The gold as text; empty where there is none."""
    # A number as the name of a class is one that still has to be looked up.
    wanted = str if bench.rule in ("class-name", "choice") else str | int | float
    if isinstance(gold, bool) or not isinstance(gold, wanted):
        return ""
    if bench.columns.choices is not None:
        return _choice(gold, row[bench.columns.choices])
    if bench.gold_after is None:
        return str(gold).strip()
    _, mark, answer = str(gold).rpartition(bench.gold_after)
    return answer.strip() if mark else ""


def _choice(letter: str, choices: Any) -> str:
    from gpg_cli.grading.choices import choice_gold

    if not isinstance(choices, list) or not all(isinstance(choice, str) for choice in choices):
        return ""
    try:
        return choice_gold(letter.strip(), choices)
    except ValueError:
        return ""


def _is_whole(text: str) -> bool:
    """Whether no character is half of one (a lone surrogate), which no file could hold."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _unusable(source: str, index: int, column: str) -> GpgError:
    return GpgError(
        f"{source}, row {index + 1}: column {column!r} holds nothing usable",
        "Mend or remove the row; a problem needs a text and an answer.",
    )
