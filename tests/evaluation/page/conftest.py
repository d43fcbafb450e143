"""An evaluation's folder made of a few samples, and what is in a page."""

import base64
import gzip
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from gpg_cli.evaluation.journal import Sample

SAMPLE = Sample(
    bench="math500",
    index=0,
    number=0,
    problem="What is $1 + 1$?",
    groups={"subject": "Algebra", "level": "1"},
    prompt="<|user|>What is $1 + 1$?<|assistant|>",
    completion=r"The sum is \(\frac{4}{2}\), so \(\boxed{2}\).",
    extracted="2",
    gold="2",
    verdict="correct",
    strict="correct",
    tokens=20,
    finish_reason="stop",
    seed=7,
)


def changed(**values: Any) -> Sample:
    return replace(SAMPLE, **values)


def bench_scores(samples: Sequence[Sample], **values: Any) -> dict[str, Any]:
    """An entry of results.json with one sample a problem."""
    score = round(100 * sum(sample.verdict == "correct" for sample in samples) / len(samples), 3)
    groups: dict[str, dict[str, Any]] = {}
    for sample in samples:
        for group, member in sample.groups.items():
            groups.setdefault(group, {})[member] = {"score": score, "problems": 1}
    return {
        "title": "MATH-500",
        "score": score,
        "interval": [max(0.0, score - 10), min(100.0, score + 10)],
        "strict": score,
        "differing": sum(sample.verdict != sample.strict for sample in samples),
        "problems": len(samples),
        "available": len({sample.index for sample in samples}),
        "correct": sum(sample.verdict == "correct" for sample in samples),
        "verdicts": dict(Counter(sample.verdict for sample in samples)),
        "pass_at": {"1": score},
        "majority": None,
        "truncated": sum(sample.finish_reason == "length" for sample in samples) / len(samples),
        "unparsed": 0.0,
        "mean_tokens": sum(sample.tokens for sample in samples) / len(samples),
        "groups": groups,
        "seconds": 12.5,
        "sampling": {"temperature": 0.6, "top_p": 0.95, "max_tokens": 32768, "max_model_length": 32768, "n": 1},
        "rule": "math-latex",
        "prompt_hash": "63c902dbdbaf1552",
        "data": {"source": "math500.jsonl", "sha256": None},
        "published": {"GPG-RS1": score + 5, "Open-RS1": score - 15},
        **values,
    }


@pytest.fixture
def evaluation_folder(tmp_path: Path) -> Callable[..., Path]:
    """`evaluation_folder(sample, ...)`: results.json and samples.jsonl; keywords replace parts of results.json."""

    def write(*samples: Sample, **values: Any) -> Path:
        folder = tmp_path / "evaluation"
        folder.mkdir(exist_ok=True)
        benches = {
            name: bench_scores([sample for sample in samples if sample.bench == name])
            for name in dict.fromkeys(sample.bench for sample in samples)
        }
        average = {"benches": list(benches), "score": 50.0, "interval": [40.0, 60.0], "strict": 49.0}
        results = {
            "schema": 2,
            "model": "org/model",
            "engine": "vllm",
            "seed": 42,
            "samples": 1,
            "seconds": 3725.0,
            "output_dir": str(folder),
            "versions": {"gpg-cli": "0.1.0", "math-verify": "0.9.0"},
            "suites": {"math": average},
            "benches": benches,
            **values,
        }
        (folder / "results.json").write_text(json.dumps(results), encoding="utf-8")
        lines = [json.dumps(asdict(sample), ensure_ascii=False) + "\n" for sample in samples]
        (folder / "samples.jsonl").write_text("".join(lines), encoding="utf-8", errors="backslashreplace")
        return folder

    return write


@dataclass
class Page(HTMLParser):
    """A parsed page: its tables by the id of the heading before them, its tags in order, its samples unpacked."""

    path: Path
    text: str = ""
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    tables: dict[str, list[list[str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()
        self._heading, self._cell, self._raw = "", False, ""
        self.feed(self.path.read_text(encoding="utf-8"))
        self.close()

    @property
    def data(self) -> dict[str, Any]:
        return json.loads(gzip.decompress(base64.b64decode(self._raw)))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = dict(attributes)
        self.tags.append((tag, named))
        if tag == "h2":
            self._heading = named["id"] or ""
        if tag == "tr":
            self.tables.setdefault(self._heading, []).append([])
        if tag in ("td", "th"):
            self.tables[self._heading][-1].append("")
            self._cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._cell = False
            row = self.tables[self._heading][-1]
            row[-1] = " ".join(row[-1].split())

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] == ("script", {"type": "application/gzip", "id": "data"}) and not self._raw:
            self._raw = data
        else:
            self.text += data
        if self._cell:
            self.tables[self._heading][-1][-1] += data
