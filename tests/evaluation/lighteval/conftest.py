"""An evaluation up to where it would sample; lighteval, where it is installed, without a network."""

import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gpg_cli.evaluation.engine import EngineOptions
from gpg_cli.evaluation.journal import Sample
from gpg_cli.evaluation.lighteval_harness import run_lighteval
from gpg_cli.evaluation.model_text import load_model_text
from gpg_cli.evaluation.plan import EvalRequest, check
from gpg_cli.evaluation.prompting import Prepared, prepare
from gpg_cli.evaluation.record import Record, make_record
from tests.evaluation.samples import changed

PROBLEMS = [
    {"problem": "1+1?", "solution": r"It is $\boxed{2}$."},
    {"problem": "1/4?", "solution": r"It is $\boxed{\frac{1}{4}}$."},
    {"problem": "2+2?", "solution": r"It is $\boxed{4}$."},
    {"problem": "Roots of x^2=1?", "solution": r"They are $\boxed{1,-1}$."},
]


@pytest.fixture
def lighteval(monkeypatch: pytest.MonkeyPatch) -> None:
    """lighteval is there, and whatever would reach for the network, when it is imported or later, fails."""
    connect = socket.socket.connect

    def local_only(self: socket.socket, address: Any) -> None:
        assert self.family == socket.AF_UNIX, f"a connection to {address}"
        connect(self, address)

    def refuse(*arguments: Any, **options: Any) -> None:
        raise AssertionError(f"a look-up of {arguments}")

    monkeypatch.setattr(socket.socket, "connect", local_only)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    pytest.importorskip("lighteval", reason="needs the extra lighteval")


@dataclass(frozen=True)
class Asked:
    """What `run_lighteval` is given, but for the samples."""

    prepared: list[Prepared]
    record: Record

    def samples(self, *completions: str) -> list[Sample]:
        """Samples with these completions, in the order of the problems, those of one problem together."""
        keys = [
            (item.planned.bench.name, problem.index, number)
            for item in self.prepared
            for problem in item.planned.problems.problems
            for number in range(self.record.samples)
        ]
        return [
            changed(bench=bench, index=index, number=number, completion=text)
            for (bench, index, number), text in zip(keys, completions, strict=True)
        ]

    def run(self, sample: Callable[[], Iterable[Sample]], folder: Path | None = None) -> dict[str, Any]:
        return run_lighteval(self.prepared, sample, self.record, folder)


@pytest.fixture
def asked(chat_model: Path, json_lines: Callable[..., Path]) -> Callable[..., Asked]:
    """`asked(limit=3)`: an evaluation of math500 with `PROBLEMS`, or of the benchmarks that are named."""

    def make(*benches: str, files: dict[str, Path] | None = None, **values: Any) -> Asked:
        files = files or {"math500": json_lines(*PROBLEMS)}
        engine = EngineOptions("transformers")
        plan = check(EvalRequest(str(chat_model), list(benches) or ["math500"], files, engine=engine, **values))
        text = load_model_text(str(chat_model))
        prepared = [prepare(planned, text) for planned in plan.benches]
        return Asked(prepared, make_record(plan, prepared, engine))

    return make
