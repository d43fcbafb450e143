"""Two evaluations compared problem by problem: hard ones are hard for both, so this is more certain than intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.journal import SAMPLES_FILE, Sample
from gpg_cli.evaluation.paired import Paired, paired
from gpg_cli.evaluation.record import RECORD_FILE, read_record
from gpg_cli.evaluation.samples_file import read_samples

# Benchmark, and the problem's row in its data.
_Key = tuple[str, int]


@dataclass(frozen=True)
class Flip:
    """A problem that one of the two solves more often.

    Attributes:
        index: its row in the data, from 0.
        problem: its first line.
        first, second: mean scores of the samples, in [0, 1].
    """

    bench: str
    index: int
    problem: str
    first: float
    second: float


@dataclass(frozen=True)
class Comparison:
    """Two evaluations.

    Attributes:
        first, second: names of the models, or of the folders where no name was recorded.
        folders: of the two evaluations.
        benches: benchmark to what was found on it; `total` is of all problems together, each counting the same.
        flips: problems that one of the two solves more often, the largest differences first.
        only_first, only_second: how many problems only one of the two was asked; they are left out.
    """

    first: str
    second: str
    folders: tuple[str, str]
    benches: dict[str, Paired]
    total: Paired
    flips: list[Flip]
    only_first: int
    only_second: int

    def to_dict(self) -> dict[str, Any]:
        """For `--json`: scores and differences in percent, the shares of a problem in [0, 1]."""
        return {
            "first": self.first,
            "second": self.second,
            "folders": list(self.folders),
            "benches": {name: paired.to_dict() for name, paired in self.benches.items()},
            "total": self.total.to_dict(),
            "flips": [asdict(flip) for flip in self.flips],
            "only_first": self.only_first,
            "only_second": self.only_second,
        }


def compare(first: Path, second: Path) -> Comparison:
    """Compare the evaluations of two folders.

    Raises:
        GpgError: a folder holds no evaluation; they share no problem; or what should be the same problem is not.
    """
    ours, theirs = (_by_problem(_read(folder)) for folder in (first, second))
    both = [key for key in ours if key in theirs]
    if not both:
        raise GpgError(f"{first} and {second} share no problem", "Compare evaluations of the same benchmarks.")
    for key in both:
        if ours[key].problem != theirs[key].problem:
            raise GpgError(
                f"problem {key[1] + 1} of {key[0]} is not the same in {first} and {second}",
                "Compare evaluations of the same data.",
            )
    names = dict.fromkeys(bench for bench, _ in both)
    return Comparison(
        first=_model(first),
        second=_model(second),
        folders=(str(first), str(second)),
        benches={name: _paired([key for key in both if key[0] == name], ours, theirs) for name in names},
        total=_paired(both, ours, theirs),
        flips=_flips(both, ours, theirs),
        only_first=len(ours) - len(both),
        only_second=len(theirs) - len(both),
    )


def _read(folder: Path) -> list[Sample]:
    path = folder / SAMPLES_FILE
    if not path.is_file():
        raise GpgError(f"{folder} holds no evaluation: it has no {path.name}", "Name a folder that `gpg eval` wrote.")
    return read_samples(path)


def _model(folder: Path) -> str:
    """The model's name; the folder's, where an earlier version left no record."""
    return read_record(folder).model if (folder / RECORD_FILE).is_file() else folder.resolve().name


@dataclass(frozen=True)
class _Solved:
    """How often a model solved one problem."""

    problem: str
    samples: int
    share: float


def _by_problem(samples: Sequence[Sample]) -> dict[_Key, _Solved]:
    """In the order of the benchmarks in the file, and of the problems in the data."""
    found: dict[_Key, list[Sample]] = {}
    for sample in samples:
        found.setdefault((sample.bench, sample.index), []).append(sample)
    places = {name: place for place, name in enumerate(dict.fromkeys(bench for bench, _ in found))}
    return {
        key: _Solved(found[key][0].problem, len(found[key]), fmean(each.score for each in found[key]))
        for key in sorted(found, key=lambda key: (places[key[0]], key[1]))
    }


def _paired(keys: Sequence[_Key], ours: Mapping[_Key, _Solved], theirs: Mapping[_Key, _Solved]) -> Paired:
    return paired(
        [ours[key].share for key in keys],
        [theirs[key].share for key in keys],
        min(solved[key].samples for solved in (ours, theirs) for key in keys),
    )


def _flips(keys: Sequence[_Key], ours: Mapping[_Key, _Solved], theirs: Mapping[_Key, _Solved]) -> list[Flip]:
    flips = [
        Flip(*key, _first_line(ours[key].problem), ours[key].share, theirs[key].share)
        for key in keys
        if ours[key].share != theirs[key].share
    ]
    return sorted(flips, key=lambda flip: -abs(flip.second - flip.first))


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")
