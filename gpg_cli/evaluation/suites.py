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
        benches: names of benchmarks, and of suites whose benchmarks are among them.
        mean: whether the suite has a score, the plain mean of its benchmarks.
    """

    name: str
    title: str
    description: str
    benches: Annotated[tuple[str, ...], Field(min_length=1)]
    mean: bool = True


def choose_benches(names: Sequence[str]) -> tuple[list[Bench], list[Suite]]:
    """The benchmarks and suites that a person named, in the order given; a benchmark that is named twice counts once.

    The suites inside a suite follow it, and all have the names of benchmarks alone.

    Args:
        names: of benchmarks or suites, or paths of YAML files of benchmarks.

    Raises:
        GpgError: there are none, or one is unknown; two files of one name; a file is not as needed.
    """
    if not names:
        raise GpgError("no benchmark is named", "For example: --bench math. `gpg benches` lists them.")
    known = suite_paths()
    suites: dict[str, Suite] = {}
    for name in names:
        if name in known:
            suites |= {suite.name: suite for suite in _with_inner(load_suite(name))}
    benches: dict[str, Bench] = {}
    for bench in (load_bench(item) for name in names for item in (suites[name].benches if name in known else (name,))):
        if benches.setdefault(bench.name, bench) != bench:
            raise GpgError(f"two benchmarks are named {bench.name!r}", "Rename one of the files.")
    return list(benches.values()), list(suites.values())


def _with_inner(suite: Suite) -> list[Suite]:
    """A suite with benchmarks alone, then those that are inside it."""
    known = suite_paths()
    inner = {name: _with_inner(load_suite(name)) for name in suite.benches if name in known}
    flat = (item for name in suite.benches for item in (inner[name][0].benches if name in inner else (name,)))
    whole = suite.model_copy(update={"benches": tuple(dict.fromkeys(flat))})
    return [whole, *(each for found in inner.values() for each in found)]


def load_suite(name: str) -> Suite:
    """A suite by its name.

    Raises:
        GpgError: its file is not as needed.
    """
    return read_shape(suite_paths()[name], Suite, "evals/suites/math.yaml is one to copy from.")
