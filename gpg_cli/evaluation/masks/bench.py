"""The scores of masks of an evaluation's benchmarks: what is needed for them, how they are made, where they are kept.

They depend on the boxes that a model wrote, on the annotation and on the segmenter. masks.json keeps them beside the
samples, so that the segmenter is needed again only where a box has changed.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError
from rich.markup import escape

from gpg_cli.console import say
from gpg_cli.errors import GpgError
from gpg_cli.evaluation.journal import Sample
from gpg_cli.evaluation.problems import Problem
from gpg_cli.evaluation.prompting import Prepared
from gpg_cli.grading.boxes import read_box
from gpg_cli.run_folder import read_json, write_json
from gpg_cli.vision.lisa import Shape

if TYPE_CHECKING:
    from gpg_cli.evaluation.masks.score import MaskItem

MASKS_FILE = "masks.json"
ON, OFF = "on", "off"

# Benchmark to `MaskScores.to_dict`, with the segmenter and a hash of the boxes.
Scores = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class MaskWork:
    """What is to be done about masks when all samples are there.

    Attributes:
        benches: those of which masks are made.
        segmenter: a folder or Hub id.
        kept: scores of an evaluation that is gone on with.
    """

    benches: list[Prepared]
    segmenter: str
    kept: Scores

    def scores(self, samples: Sequence[Sample]) -> Scores:
        """The scores of samples; kept ones where no box has changed.

        Raises:
            GpgError: see `score_masks`.
        """
        missing = self.missing(samples)
        found = fitting(self.kept, samples)
        return found | _make(missing, samples, self.segmenter) if missing else found

    def missing(self, samples: Sequence[Sample]) -> list[Prepared]:
        """The benchmarks whose kept scores are not of these samples and this segmenter."""
        kept = {name for name, each in fitting(self.kept, samples).items() if each["segmenter"] == self.segmenter}
        return [item for item in self.benches if item.planned.bench.name not in kept]


def prepare_masks(
    prepared: Sequence[Prepared], samples: Sequence[Sample], setting: str, kept: Scores, *, finished: bool
) -> MaskWork:
    """Find out what will have to be done, and whether it can be, before the first sample is made.

    Args:
        samples: those that are there already.
        setting: `on`, `off`, or a segmenter; see `EvalRequest.masks`.
        kept: see `MaskWork`.
        finished: whether these are all samples.

    Raises:
        GpgError: a segmenter is needed and cannot be had, or a row has nothing to make a mask of.
    """
    benches = [item for item in prepared if item.planned.bench.masks]
    if setting == OFF or not benches:
        return MaskWork([], setting, kept)
    from gpg_cli.evaluation.masks.segmenter import DEFAULT_MODEL, check_segmenter

    work = MaskWork(benches, DEFAULT_MODEL if setting == ON else setting, kept)
    if work.missing(samples) or not finished:
        for item in benches:
            _check_shapes(item.planned.bench.name, item.planned.problems.problems)
        check_segmenter(work.segmenter)
    return work


class _KeptDefinition(BaseModel):
    """See `DefinitionScore.to_dict`."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    giou: float | None
    ciou: float | None
    pictures: int


class _Kept(BaseModel):
    """The scores of one benchmark in masks.json; see `_make`."""

    model_config = ConfigDict(extra="forbid")

    segmenter: str
    boxes: str
    first_polygon: _KeptDefinition
    official: _KeptDefinition
    pictures: int
    without_box: int
    without_shapes: int


def read_masks(folder: Path | None) -> Scores:
    """The scores that a folder keeps, but for damaged ones, which are made anew; none where it keeps none."""
    path = folder / MASKS_FILE if folder else None
    return (
        {bench: each for bench, each in read_json(path).items() if _is_whole(each)} if path and path.is_file() else {}
    )


def _is_whole(score: object) -> bool:
    try:
        _Kept.model_validate(score, strict=True)
    except ValidationError:
        return False
    return True


def write_masks(folder: Path, scores: Scores) -> None:
    """Keep scores, whole or not at all."""
    if scores:
        write_json(folder / MASKS_FILE, scores)


def fitting(scores: Scores, samples: Sequence[Sample]) -> Scores:
    """Those of the scores that are of these samples."""
    return {bench: each for bench, each in scores.items() if each.get("boxes") == _hash(_of(bench, samples))}


def _make(benches: Sequence[Prepared], samples: Sequence[Sample], model: str) -> Scores:
    """Every sample's box has a mask; a sample without a box counts with an empty one."""
    from gpg_cli.evaluation.masks.score import score_masks
    from gpg_cli.evaluation.masks.segmenter import SamSegmenter

    segmenter = SamSegmenter(model)
    try:
        found: Scores = {}
        for item in benches:
            bench = item.planned.bench.name
            problems = {problem.index: problem for problem in item.planned.problems.problems}
            own = _of(bench, samples)
            say(escape(f"{bench}: masks of {len(own)} boxes by {model} ..."))
            scores = score_masks([_item(bench, problems[sample.index], sample) for sample in own], segmenter)
            found[bench] = {"segmenter": model, "boxes": _hash(own), **scores.to_dict()}
        return found
    finally:
        segmenter.close()


def _check_shapes(bench: str, problems: Sequence[Problem]) -> None:
    """Each row's shapes can be painted, and not every row lacks them, as of a file made by another program."""
    painted = [_shapes(bench, problem) for problem in problems]
    if not any(painted):
        raise GpgError(
            f"no row of {bench} has shapes, with which masks are compared",
            "Give ReasonSeg's folder, or what `gpg data lisa --eval` writes, or leave masks out: --masks off",
        )


def _of(bench: str, samples: Sequence[Sample]) -> list[Sample]:
    return sorted((sample for sample in samples if sample.bench == bench), key=lambda sample: sample.key)


def _hash(samples: Sequence[Sample]) -> str:
    boxes = [[*sample.key, read_box(sample.completion)] for sample in samples]
    return hashlib.sha256(json.dumps(boxes).encode()).hexdigest()


def _item(bench: str, problem: Problem, sample: Sample) -> "MaskItem":
    from gpg_cli.evaluation.masks.score import MaskItem

    return MaskItem(Path(str(problem.pictures[0].path)), _shapes(bench, problem), read_box(sample.completion))


def _shapes(bench: str, problem: Problem) -> tuple[Shape, ...]:
    if problem.pictures[0].path is None:
        raise GpgError(
            f"row {problem.index + 1} of {bench} holds its picture itself, and masks need a file",
            "Give the folder of ReasonSeg, or leave masks out: --masks off",
        )
    try:
        return tuple(_shape(shape) for shape in problem.shapes)
    except (KeyError, TypeError, ValueError) as error:
        raise GpgError(
            f"row {problem.index + 1} of {bench} has shapes that are not as `gpg data lisa --eval` writes them",
            "Write the rows anew, or leave masks out: --masks off",
        ) from error


def _shape(shape: Mapping[str, Any]) -> Shape:
    points = tuple((float(x), float(y)) for x, y in shape["points"])
    if not points:
        raise ValueError("a shape without points")
    return Shape(str(shape["label"]), points)
