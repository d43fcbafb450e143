"""The story of `gpg report`: run folders -> curves, settings, scores, completions -> one file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gpg_cli.errors import GpgError
from gpg_cli.page.render import render, write_whole
from gpg_cli.page.samples import packed
from gpg_cli.run_folder import REPORT_PAGE
from gpg_cli.run_page import completions, drawing
from gpg_cli.run_page.overview import common_names, overview
from gpg_cli.run_page.read import read_runs
from gpg_cli.run_page.readings import readings
from gpg_cli.run_page.scores import read_scores
from gpg_cli.run_page.settings import settings_of


@dataclass(frozen=True)
class Report:
    """The page that was written.

    Attributes:
        page: the file.
        runs: names of the runs on it.
        steps: the last step of each.
        completions: how many are on it.
    """

    page: Path
    runs: list[str]
    steps: list[int]
    completions: int


def write_report(folders: Sequence[Path], target: Path | None = None) -> Report:
    """Write runs as one HTML file, laid over each other: curves, settings, scores, and a browser of completions.

    The file needs no network and runs nothing that a model or the data wrote. It is written whole or not at all; a run
    that goes on meanwhile is shown as far as it has come.

    Args:
        folders: run folders of `gpg train`.
        target: the file; one that is there already is replaced. None for report.html in the first run.

    Raises:
        GpgError: a folder is no run, has no step yet or cannot be read; the page cannot be written.
    """
    runs = read_runs(folders)
    drawn = drawing.draw(runs)
    kept = completions.choose(runs)
    overviews = [overview(run) for run in runs]
    shown = [each.curve for each in drawn.drawings]
    page = render(
        "gpg_cli.run_page",
        "page.html",
        style="page.css",
        script="page.js",
        runs=overviews,
        fact_names=common_names(overviews),
        drawn=drawn,
        sizes=drawing,
        settings=settings_of(runs),
        scores=[read_scores(run) for run in runs],
        kept=kept,
        without=[run.name for run in runs if not run.completions],
        filters=completions.filters(kept, runs),
        data=packed({"runs": readings(runs, shown), **completions.pack(kept)}),
    )
    path = target or folders[0] / REPORT_PAGE
    if path.is_dir():
        raise GpgError(f"{path} is a folder", f"Name a file: --output {path / REPORT_PAGE}")
    try:
        write_whole(page, path)
    except OSError as error:
        raise GpgError(f"cannot write {path}: {error.strerror}", "Name another file: --output FILE") from error
    return Report(path, [run.name for run in runs], [run.last_step for run in runs], len(kept.rows))
