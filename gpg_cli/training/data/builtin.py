"""The data sets that are made here, for the quickstarts."""

from collections.abc import Callable
from dataclasses import dataclass

from datasets import Dataset

from gpg_cli.errors import GpgError
from gpg_cli.quickstart_pictures import QUESTION, QUICKSTART_VISION, training_scenes
from gpg_cli.quickstart_task import QUICKSTART, training_problems
from gpg_cli.training.data.columns import Columns, PromptKind
from gpg_cli.training.data.golds import as_gold
from gpg_cli.training.data.picture_cells import PictureColumn, read_pictures
from gpg_cli.training.data.pictures import attach
from gpg_cli.vision.places import Places

_ADDITIONS = 4096
_SCENES = 2048


@dataclass(frozen=True)
class Builtin:
    """A data set that needs no check: golds are numbers, problems may come again, and a benchmark's are never drawn.

    Attributes:
        rows, columns, pictures: see `loading.TrainingData`.
    """

    rows: Dataset
    columns: Columns
    pictures: PictureColumn | None = None


def make_builtin(name: str, seed: int) -> Builtin:
    """The rows of a built-in data set.

    Args:
        seed: decides them.

    Raises:
        GpgError: there is none of that name.
    """
    if name not in _MAKERS:
        raise GpgError(f"unknown built-in data set {name!r}", f"There are: {', '.join(_MAKERS)}")
    return _MAKERS[name](seed)


def _additions(seed: int) -> Builtin:
    drawn = training_problems(seed, count=_ADDITIONS)
    golds = [as_gold(item.answer, is_answer=True) for item in drawn]
    columns = Columns("problem", PromptKind.TEXT, "answer", gold_is_answer=True, question="problem")
    return Builtin(Dataset.from_dict({"problem": [item.problem for item in drawn], "solution": golds}), columns)


def _scenes(seed: int) -> Builtin:
    drawn = training_scenes(seed, count=_SCENES)
    pictures = read_pictures(Dataset.from_dict({"image": [scene.encoded() for scene in drawn]}), "image", Places())
    rows = Dataset.from_dict({"problem": [QUESTION] * len(drawn), "solution": [scene.answer for scene in drawn]})
    columns = Columns(
        "problem",
        PromptKind.TEXT,
        "answer",
        gold_is_answer=True,
        question="problem",
        gold_is_text=True,
        pictures="image",
    )
    return Builtin(attach(rows, pictures, list(range(len(drawn)))), columns, pictures)


_MAKERS: dict[str, Callable[[int], Builtin]] = {QUICKSTART: _additions, QUICKSTART_VISION: _scenes}
