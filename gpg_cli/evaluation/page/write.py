"""The story of `gpg eval --html`: folder -> tables and samples -> one file."""

from collections.abc import Mapping
from pathlib import Path

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.page.browser import filters, pack
from gpg_cli.evaluation.page.folder import read_folder
from gpg_cli.evaluation.page.scores import common_sampling, notes, ordered_groups, pass_ks, published_table
from gpg_cli.evaluation.page.thumbnails import Key, thumbnails
from gpg_cli.page.render import render, write_whole
from gpg_cli.vision.images import Picture


def write_page(folder: Path, target: Path, pictures: Mapping[Key, Picture] | None = None) -> None:
    """Write an evaluation as one HTML file: scores beside published ones, and a browser of every completion.

    The file needs no network and runs nothing that a model or the data wrote. It is written whole or not at all.

    Args:
        folder: what `gpg eval` left: results.json (schema 2) and samples.jsonl.
        target: the file; one that is there already is replaced.
        pictures: benchmark and row of a problem to its picture, of which the page shows a small copy.

    Raises:
        GpgError: the folder lacks a file or holds one of another schema, or the page cannot be written.
    """
    evaluation = read_folder(folder)
    results, samples = evaluation.results, evaluation.samples
    page = render(
        "gpg_cli.evaluation.page",
        "page.html",
        style="page.css",
        script="page.js",
        results=results,
        finished=evaluation.finished,
        sampling=common_sampling(results),
        notes=notes(results, samples),
        published=published_table(results),
        pass_ks=pass_ks(results),
        ordered_groups=ordered_groups,
        samples=len(samples),
        titles={name: bench.title for name, bench in results.benches.items()},
        filters=filters(samples, list(results.benches)),
        data=pack(samples, thumbnails(pictures or {})),
    )
    try:
        write_whole(page, target)
    except OSError as error:
        raise GpgError(f"cannot write {target}: {error.strerror}", "Name another file for the page.") from error
