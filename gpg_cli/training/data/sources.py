"""Where the rows of a data set come from: a file or folder here, a folder of ReasonSeg, or the Hub."""

from dataclasses import dataclass, field
from pathlib import Path

from datasets import Dataset

from gpg_cli.errors import GpgError
from gpg_cli.hub_access import load_hub_dataset, undecoded
from gpg_cli.local_data import data_folder, is_local, load_local_dataset
from gpg_cli.training.data import sat
from gpg_cli.training.data.picture_cells import PictureColumn, read_pictures
from gpg_cli.training.data.pictures import choose_picture_column
from gpg_cli.training.settings import RunSettings
from gpg_cli.vision.lisa_folder import PICTURE_ENDINGS, read_lisa_folder, split_folder
from gpg_cli.vision.places import Places, hub_folders


@dataclass(frozen=True)
class Source:
    """A data set as it was found.

    Attributes:
        table: its rows.
        pictures: of each of them; None where none are wanted, or it has none.
        several: positions of rows with several pictures that a protocol leaves out without a word.
        notes: what a person should know.
    """

    table: Dataset
    pictures: PictureColumn | None = None
    several: frozenset[int] = frozenset()
    notes: list[str] = field(default_factory=list)


def load_source(settings: RunSettings, seed: int, *, vision: bool, image_dir: Path | None = None) -> Source:
    """Load a data set; the first `dataset_rows` of it where the settings say so.

    Args:
        seed: shuffles the choices of SAT's questions.
        vision: whether the model sees, so that pictures are wanted even if no column is named.
        image_dir: a folder that the user named for pictures, besides the data's own.

    Raises:
        GpgError: the data cannot be had or read, holds no rows, or lacks the column of pictures that is named.
    """
    name = settings.dataset_name
    wanted = vision or settings.image_column is not None
    if wanted and (folder := _lisa_folder(settings)) is not None:
        return _lisa(folder, settings)
    table = undecoded(_load(settings)) if wanted else _load(settings)
    if settings.dataset_rows is not None and settings.dataset_rows < len(table):
        table = table.select(range(settings.dataset_rows))
    if not wanted:
        return Source(table)
    places = _places(settings, image_dir)
    if settings.problem_column is None and settings.answer_column is None:
        if sat.is_parquet(table.column_names):
            return _sat(sat.from_parquet(table, seed, name), table, "image_bytes", places)
        if sat.is_json(table.column_names):
            return _sat(sat.from_json(table, name), table, "images", places)
    column = choose_picture_column(table, settings, vision=vision)
    if column is None:
        return Source(table, notes=["The data has no pictures: a model that sees is trained on text alone."])
    return Source(table, read_pictures(table, column, places))


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


def _places(settings: RunSettings, image_dir: Path | None) -> Places:
    """A local data set, or the user, says where pictures lie; one of the Hub's lies where the libraries put it."""
    name = settings.dataset_name
    if not is_local(name):
        return Places(named=image_dir, more=tuple(hub_folders()))
    return Places(data_folder(name, settings.dataset_config, settings.dataset_split), image_dir, _inside(Path(name)))


def _inside(data: Path) -> tuple[Path, ...]:
    """The whole folder that was named, of which the data file may lie in a subfolder."""
    return (data.expanduser(),) if data.expanduser().is_dir() else ()


def _sat(rows: Dataset, table: Dataset, column: str, places: Places) -> Source:
    """Questions about two pictures are left out, as upstream leaves them out."""
    pictures = read_pictures(table, column, places)
    several = frozenset(row for row, cells in enumerate(pictures.counts()) if cells > 1)
    return Source(rows, pictures, several)


def _lisa_folder(settings: RunSettings) -> Path | None:
    """The folder with the pictures and annotations of ReasonSeg that a data set's name means, if it means one."""
    folder = Path(settings.dataset_name).expanduser()
    if not is_local(settings.dataset_name) or not folder.is_dir():
        return None
    split = folder / settings.dataset_split
    folder = split if split.is_dir() else folder
    annotated = any(path.with_suffix(end).exists() for path in folder.glob("*.json") for end in PICTURE_ENDINGS)
    return folder if annotated else None


def _lisa(folder: Path, settings: RunSettings) -> Source:
    skip = settings.faulty_pictures == "skip"
    try:
        found = read_lisa_folder(split_folder(folder, None), skip_faulty=skip)
    except GpgError as error:
        raise GpgError(error.message, "Mend it, or leave out what is broken: --set faulty_pictures=skip") from error
    rows = [row for item in found.items for row in item.training_rows()][: settings.dataset_rows]
    if not rows:
        raise GpgError(f"{folder} gives no training rows", "None of its pictures has a shape that gives a box.")
    notes = [f"Left out {fault.name}: {fault.reason}." for fault in found.faults]
    boxless = sum(item.box_text is None for item in found.items)
    notes += (
        [f"Left out {boxless} picture{'s' if boxless > 1 else ''} whose first shape gives no box."] if boxless else []
    )
    table = Dataset.from_list(rows)
    # The boxes are of the stored pictures.
    return Source(table, read_pictures(table, "image", Places(folder), upright=False), notes=notes)
