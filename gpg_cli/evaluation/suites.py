"""Suites: several benchmarks under one name, with the average that papers print of them."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from gpg_cli.catalog import suite_paths
from gpg_cli.errors import GpgError
from gpg_cli.evaluation.benches import Bench, load_bench
from gpg_cli.evaluation.yaml_shapes import Shape, read_shape


class Suite(Shape):
    """Benchmarks that are measured together.

    Attributes:
        name: what a person types; the file's name without its ending.
        benches: names of benchmarks; the suite's score is their plain mean.
    """

    name: str
    title: str
    description: str
    benches: Annotated[tuple[str, ...], Field(min_length=1)]


def choose_benches(names: Sequence[str]) -> tuple[list[Bench], list[Suite]]:
    """The benchmarks and suites that a person named, in the order given; a benchmark that is named twice counts once.

    Args:
        names: of benchmarks or suites, or paths of YAML files of benchmarks.

    Raises:
        GpgError: there are none, or one is unknown; two files of one name; a file is not as needed.
    """
    if not names:
        raise GpgError("no benchmark is named", "For example: --bench math. `gpg benches` lists them.")
    known = suite_paths()
    suites = [load_suite(name) for name in dict.fromkeys(names) if name in known]
    members = {suite.name: suite.benches for suite in suites}
    benches: dict[str, Bench] = {}
    for bench in (load_bench(item) for name in names for item in members.get(name, (name,))):
        if benches.setdefault(bench.name, bench) != bench:
            raise GpgError(f"two benchmarks are named {bench.name!r}", "Rename one of the files.")
    return list(benches.values()), suites


def load_suite(name: str) -> Suite:
    """A suite by its name.

    Raises:
        GpgError: its file is not as needed.
    """
    return read_shape(suite_paths()[name], Suite, "evals/suites/math.yaml is one to copy from.")
