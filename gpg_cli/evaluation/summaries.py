"""What `gpg benches` tells about each benchmark, read from its YAML without loading anything heavy."""

from dataclasses import dataclass

from gpg_cli.catalog import bench_paths
from gpg_cli.yaml_file import read_yaml_mapping


@dataclass(frozen=True)
class BenchSummary:
    """One line of the list: the name to type, the title, what it measures, where its data comes from."""

    name: str
    title: str
    description: str
    source: str


def bench_summaries() -> list[BenchSummary]:
    """All benchmarks that ship with the package, in alphabetical order."""
    summaries = []
    for name, path in bench_paths().items():
        values = read_yaml_mapping(path).values
        data = values.get("data") or {}
        source = data.get("hub") or ("files of yours" if "local" in data else f"made by generator {data['generator']}")
        summaries.append(BenchSummary(name, str(values.get("title")), str(values.get("description")), source))
    return summaries
