"""samples.jsonl: every finished sample on disk at once, one JSON object a line, in the order they finish."""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import TextIO

from gpg_cli.errors import GpgError

SAMPLES_FILE = "samples.jsonl"

_CORRECT = "correct"
# The protocol of boxes adds 1e-6 to a union, which for small boxes takes 0.0001 off their overlap.
_SAME_VALUE = 1e-3


@dataclass(frozen=True)
class Sample:
    """One completion and what became of it.

    Attributes:
        bench, index: the benchmark, and the problem's row in its data, from 0.
        number: which of the problem's samples this is, from 0.
        problem: the problem's text.
        groups: what the problem counts among: `{"subject": "Algebra", "level": "3"}`; may be empty.
        prompt: what the model was given, chat template included.
        completion: the text it wrote, without special tokens.
        extracted: the answer found in it, None where there is none.
        gold: the right answer, or several of which any counts.
        verdict: by the rule of the published protocol: correct, wrong, unparsed, timeout or error.
        strict: the same by the sound rule.
        tokens: length of the completion, the end token included.
        finish_reason: `stop` (an end token), or `length` (cut off).
        seed: what this one completion was sampled with.
        value, strict_value: by either rule, what the answer is worth where that is a matter of degree, such as how far
            two boxes overlap, in [0, 1]; None for rules that know right and wrong alone.
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
    value: float | None = None
    strict_value: float | None = None

    @property
    def score(self) -> float:
        """By the published protocol: the value where there is one, else 1 for a correct answer, 0 for any other."""
        return _score(self.value, self.verdict)

    @property
    def strict_score(self) -> float:
        """The same by the sound rule."""
        return _score(self.strict_value, self.strict)

    @property
    def differs(self) -> bool:
        """Whether the two rules disagree: one alone calls the answer right, or its values are not nearly the same."""
        right = (self.verdict == _CORRECT) != (self.strict == _CORRECT)
        return right or abs(self.score - self.strict_score) > _SAME_VALUE

    @property
    def key(self) -> tuple[str, int, int]:
        """What tells it from every other sample of an evaluation."""
        return self.bench, self.index, self.number


class Journal:
    """Appends samples to a file, each flushed to the operating system before the next one is taken.

    Args:
        path: the file; None keeps nothing. What stands after its last line's end, because the program was killed while
            it wrote, is cut off.

    Raises:
        GpgError: another process is writing to the file.
    """

    def __init__(self, path: Path | None) -> None:
        self._file = path.open("a", encoding="utf-8", errors="backslashreplace") if path else None
        if path is not None and self._file is not None:
            _lock(self._file, path)
            _cut_torn_line(path)

    def append(self, sample: Sample) -> None:
        if self._file:
            self._file.write(_line(sample))
            self._file.flush()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._file:
            self._file.close()


def rewrite_samples(path: Path, samples: Iterable[Sample]) -> None:
    """Replace a file of samples, whole or not at all, in the order of benchmark, problem and number."""
    beside = path.with_name(path.name + ".tmp")
    with beside.open("w", encoding="utf-8", errors="backslashreplace") as file:
        file.writelines(map(_line, sorted(samples, key=lambda sample: sample.key)))
    os.replace(beside, path)


def _score(value: float | None, verdict: str) -> float:
    return float(verdict == _CORRECT) if value is None else value


def _line(sample: Sample) -> str:
    values = asdict(sample)
    for key in ("value", "strict_value"):
        if values[key] is None:  # of most rules
            del values[key]
    # Written with backslashreplace: half of a surrogate pair, which JSON may hold, becomes the JSON escape it was.
    return json.dumps(values, ensure_ascii=False) + "\n"


def _lock(file: TextIO, path: Path) -> None:
    """Keep other processes out until the file is closed; where there are no such locks (Windows), nobody is."""
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise GpgError(
            f"another evaluation is writing to {path}", "Wait for it to end, or name another --output-dir."
        ) from error
    except OSError:  # a file system without locks
        return


def _cut_torn_line(path: Path) -> None:
    with path.open("rb+") as file:
        text = file.read()
        file.truncate(text.rfind(b"\n") + 1)
