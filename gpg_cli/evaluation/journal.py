"""samples.jsonl: every finished sample on disk at once, one JSON object a line, in the order they finish."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

SAMPLES_FILE = "samples.jsonl"


@dataclass(frozen=True)
class Sample:
    """One completion and what became of it.

    Attributes:
        bench, index: the benchmark, and the problem's row in its data, from 0.
        number: which of the problem's samples this is, from 0.
        problem: the problem's text.
        groups: what the problem counts among: `{"subject": "Algebra", "level": "3"}`; empty where the data says nothing.
        prompt: what the model was given, chat template included.
        completion: the text it wrote, without special tokens.
        extracted: the answer found in it, None where there is none.
        gold: the right answer, or several of which any counts.
        verdict: by the rule of the published protocol: correct, wrong, unparsed, timeout or error.
        strict: the same by the sound rule.
        tokens: length of the completion, the end token included.
        finish_reason: `stop` (an end token), or `length` (cut off).
        seed: what this one completion was sampled with.
    """

    bench: str
    index: int
    number: int
    problem: str
    groups: dict[str, str]
    prompt: str
    completion: str
    extracted: str | None
    gold: str | tuple[str, ...]
    verdict: str
    strict: str
    tokens: int
    finish_reason: str
    seed: int


class Journal:
    """Appends samples to a file, each flushed to the operating system before the next one is taken.

    Args:
        path: the file; None keeps nothing.
    """

    def __init__(self, path: Path | None) -> None:
        # backslashreplace: half of a surrogate pair, which JSON input may hold, becomes the JSON escape it came from.
        self._file = path.open("a", encoding="utf-8", errors="backslashreplace") if path else None

    def append(self, sample: Sample) -> None:
        if self._file:
            self._file.write(json.dumps(asdict(sample), ensure_ascii=False) + "\n")
            self._file.flush()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._file:
            self._file.close()
