"""What `gpg eval` left in a run folder, beside what was published."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.markup import escape

from gpg_cli.console import say
from gpg_cli.errors import GpgError
from gpg_cli.evaluation.page.folder import BenchScores, Results, read_results
from gpg_cli.evaluation.page.scores import PublishedTable, published_table
from gpg_cli.published_rows import rows_beside_trained
from gpg_cli.run_folder import EVAL_FOLDER
from gpg_cli.run_page.read import Run


@dataclass(frozen=True)
class Scores:
    """The benchmarks that a run's final model was measured on; `published` has the rows that are worth a look."""

    benches: Mapping[str, BenchScores]
    published: PublishedTable


def read_scores(run: Run) -> Scores:
    """Every results.json under RUN/eval; of one benchmark the result of most problems, among equals the newest.

    A file that does not fit is passed over with a message: the rest of the page is right without it.
    """
    benches: dict[str, tuple[Path, BenchScores]] = {}
    read: dict[Path, Results] = {}
    for file in sorted((run.folder / EVAL_FOLDER).rglob("results.json"), key=lambda path: path.stat().st_mtime):
        try:
            read[file] = read_results(file)
        except GpgError as error:
            say(f"[yellow]Left out: {escape(error.message)}[/]")
            continue
        for name, bench in read[file].benches.items():
            if name not in benches or bench.problems >= benches[name][1].problems:
                benches[name] = file, bench
    # An average is that of the file all of whose benchmarks are shown.
    suites = {
        name: suite
        for file, results in read.items()
        for name, suite in results.suites.items()
        if all(benches[bench][0] == file for bench in suite.benches)
    }
    if not benches:
        return Scores({}, PublishedTable([], {}))
    last = list(read.values())[-1]
    shown = {name: bench for name, (_, bench) in benches.items()}
    whole = last.model_copy(update={"benches": shown, "suites": suites})
    return Scores(shown, _worth_a_look(published_table(whole), shown, run.facts.get("model")))


def _worth_a_look(table: PublishedTable, benches: Mapping[str, BenchScores], base: Any) -> PublishedTable:
    """The rows that `gpg eval` prints and a model card has: of the base model, and of what GPG made of it."""
    rows = rows_beside_trained(base if isinstance(base, str) else None, [bench.published for bench in benches.values()])
    return PublishedTable(table.columns, {row: table.rows[row] for row in rows if row in table.rows})
