"""Records of evaluations, for the tests of results in lighteval's format."""

from typing import Any

from gpg_cli.evaluation.benches import load_bench
from gpg_cli.evaluation.record import BenchRecord, Record


def bench_record(name: str, **values: Any) -> BenchRecord:
    """A benchmark of which all 30 problems were asked."""
    bench = load_bench(name)
    usual: dict[str, Any] = {
        "bench": bench,
        "sampling": bench.sampling,
        "style": {"chat": True},
        "problems": 30,
        "available": 30,
        "source": bench.data.name,
        "sha256": None,
        "query_hash": "ddec8fc79d0a014b",
        "prompt_hash": "253167becf0dfed7",
    }
    return BenchRecord(**{**usual, **values})


def record(*benches: BenchRecord, **values: Any) -> Record:
    """An evaluation of these benchmarks with one sample of each problem."""
    usual: dict[str, Any] = {
        "model": "quyanh/OpenRS-GRPO",
        "model_fingerprint": "quyanh/OpenRS-GRPO@0123abc",
        "engine": "vllm",
        "engine_arguments": {},
        "seed": 0,
        "samples": 1,
        "suites": {},
        "versions": {},
        "created": "2026-11-23T10:15:00Z",
        "seconds": 701.5,
        "benches": {each.bench.name: each for each in benches},
    }
    return Record(**{**usual, **values})
