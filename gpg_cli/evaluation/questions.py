"""The questions of all benchmarks whose data is at hand, for training to keep away from."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gpg_cli.catalog import bench_paths
from gpg_cli.errors import GpgError
from gpg_cli.evaluation.benches import Bench, load_bench
from gpg_cli.evaluation.problems import load_problems
from gpg_cli.hub_access import cached_hub_dataset, hub_is_reachable, load_hub_rows


def questions_at_hand(data_files: Mapping[str, Path]) -> tuple[dict[str, list[str]], dict[str, str]]:
    """The questions of every benchmark that has a file here, is cached, or can be fetched from the Hub.

    Benchmarks of a generator are not among them: it keeps their problems from training by itself. Nor are those of
    pictures: the same question about another picture is another question.

    Args:
        data_files: name of a benchmark, or path of its YAML file, to a file with its data.

    Returns:
        Name to questions; and for the benchmarks that are not at hand, name to the reason.

    Raises:
        GpgError: there is no such benchmark, or its file is not as needed.
    """
    benches = [load_bench(name) for name in dict.fromkeys([*bench_paths(), *data_files])]
    files = {load_bench(name).name: path for name, path in data_files.items()}
    reachable: bool | None = None
    questions: dict[str, list[str]] = {}
    missing: dict[str, str] = {}
    for bench in benches:
        if bench.shows_pictures:
            continue
        if bench.name in files:
            questions[bench.name] = [item.text for item in load_problems(bench, files[bench.name], None).problems]
            continue
        if bench.data.hub is None:
            continue
        cached = _cached(bench)
        if cached is not None:
            questions[bench.name] = cached
            continue
        # Asked once, and only where something is missing.
        reachable = hub_is_reachable() if reachable is None else reachable
        if not reachable:
            missing[bench.name] = "it is not cached, and the Hub cannot be reached"
            continue
        try:
            rows = load_hub_rows(bench.data.hub, bench.data.config, bench.data.split, hint="")
            questions[bench.name] = _texts(row.get(str(bench.columns.problem)) for row in rows)
        except GpgError as error:
            missing[bench.name] = error.message
    return questions, missing


def _cached(bench: Bench) -> list[str] | None:
    assert bench.data.hub is not None
    assert bench.columns.problem is not None  # without pictures there is one
    table = cached_hub_dataset(bench.data.hub, bench.data.config, bench.data.split)
    if table is None or bench.columns.problem not in table.column_names:
        return None
    return _texts(table[bench.columns.problem])


def _texts(values: Iterable[Any]) -> list[str]:
    return [value for value in values if isinstance(value, str)]
