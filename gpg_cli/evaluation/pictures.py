"""The pictures of an evaluation: where the user says they lie, and whether each can be used before a model loads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.markup import escape

from gpg_cli.console import say
from gpg_cli.errors import GpgError
from gpg_cli.evaluation.benches import Bench
from gpg_cli.evaluation.problems import Problem, ProblemSet
from gpg_cli.vision.images import check_pictures, require_pillow
from gpg_cli.yaml_file import did_you_mean

# The key of a folder that is named for no benchmark in particular.
ANY_BENCH = ""
_NAMED_AT_MOST = 3
# So many pictures are decoded in some seconds; a person waiting longer is told why.
_MANY = 500


@dataclass(frozen=True)
class PictureOptions:
    """What the user said about pictures.

    Attributes:
        folders: benchmark to the folder of its pictures; `ANY_BENCH` to that of all others.
        skip_faulty: whether to leave out rows whose picture cannot be used, instead of stopping.
        max_pixels: to which area larger ones are scaled down; None leaves it to the model's processor.
    """

    folders: Mapping[str, Path] = field(default_factory=dict)
    skip_faulty: bool = False
    max_pixels: int | None = None

    def folder(self, bench: str) -> Path | None:
        return self.folders.get(bench, self.folders.get(ANY_BENCH))


def read_picture_folders(texts: Sequence[str]) -> dict[str, Path]:
    """`DIR` and `BENCH=DIR` texts, as `PictureOptions.folders`.

    Raises:
        GpgError: half of it is missing, or a benchmark's folder is given twice.
    """
    folders: dict[str, Path] = {}
    for text in texts:
        name, equals, folder = text.partition("=") if "=" in text else (ANY_BENCH, "", text)
        if not folder or (equals and not name):
            raise GpgError(f"--image-dir {text!r} is not of the form BENCH=DIR, or DIR", "Give the folder of pictures.")
        if name in folders:
            raise GpgError(f"--image-dir names two folders{f' for {name}' if name else ''}", "Leave one of them out.")
        folders[name] = Path(folder).expanduser()
    return folders


def check_picture_options(options: PictureOptions, benches: Sequence[Bench]) -> None:
    """Check what was said about pictures against the benchmarks; nothing is read.

    Raises:
        GpgError: a folder is missing, or named for no benchmark with pictures; a limit is too small; Pillow is not
            installed.
    """
    shown = [bench.name for bench in benches if bench.shows_pictures]
    for name, folder in options.folders.items():
        if name not in (ANY_BENCH, *shown) or not shown:
            raise GpgError(
                f"--image-dir {f'{name}=' if name else ''}{folder} is for no benchmark with pictures",
                f"{did_you_mean(name, shown)}This evaluation shows pictures in: {', '.join(shown) or 'none'}.",
            )
        if not folder.is_dir():
            raise GpgError(f"--image-dir: there is no folder {folder}", "Check the path.")
    if options.max_pixels is not None and options.max_pixels < 1:
        raise GpgError(f"--max-pixels {options.max_pixels} is too small", "Give an area in pixels, such as 401408.")
    if shown:
        require_pillow()


def checked(bench: Bench, problems: ProblemSet, options: PictureOptions) -> ProblemSet:
    """The problems whose picture can be used; each is decoded once for that.

    Raises:
        GpgError: a picture is missing, broken or of an impossible size, or a row has several; the row is named. With
            `skip_faulty` such rows are left out, and that is said.
    """
    if not bench.shows_pictures:
        return problems
    found = problems.problems
    if len(found) > _MANY:
        say(f"Looking at the {len(found)} pictures of {escape(bench.name)} ...")
    report = check_pictures([problem.pictures for problem in found], options.max_pixels)
    for line in report.describe():
        say(escape(f"{bench.name}: {line}"))
    faults = dict(_miscounted(found)) | {found[place].index: reason for place, reason in report.faults}
    if not faults:
        return problems
    first, reason = min(faults.items())
    if not options.skip_faulty:
        others = f" (and {len(faults) - 1} more rows)" if len(faults) > 1 else ""
        hint = f"Mend it, say where pictures lie: --image-dir {bench.name}=DIR, or leave such rows out: --skip-faulty"
        raise GpgError(f"{problems.source}, row {first + 1}: {reason}{others}", hint)
    some = ", ".join(f"row {index + 1} ({faults[index]})" for index in sorted(faults)[:_NAMED_AT_MOST])
    say(
        f"[yellow]{escape(bench.name)}: {len(faults)} rows are left out, their pictures cannot be used:[/] "
        f"{escape(some)}"
    )
    left = [problem for problem in found if problem.index not in faults]
    if not left:
        raise GpgError(
            f"{problems.source}: no row has a picture that can be used; row {first + 1}: {reason}",
            f"Say where pictures lie: --image-dir {bench.name}=DIR",
        )
    return replace(problems, problems=left)


def _miscounted(problems: Sequence[Problem]) -> list[tuple[int, str]]:
    return [
        (problem.index, f"{len(problem.pictures) or 'no'} pictures where one is expected")
        for problem in problems
        if len(problem.pictures) != 1
    ]
