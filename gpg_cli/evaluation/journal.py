"""samples.jsonl: every finished sample on disk at once, one JSON object a line, in the order they finish."""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from io import FileIO
from pathlib import Path
from types import TracebackType

from gpg_cli.evaluation.writing import told_in_words
from gpg_cli.run_folder import written_whole

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
    """Appends samples to a file, each handed to the operating system before the next one is taken.

    Args:
        path: the file; None keeps nothing. What stands after its last line's end, because the program was killed while
            it wrote, is cut off.

    Raises:
        GpgError: the file cannot be written.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: FileIO | None = None
        if path is not None:
            with told_in_words(path.parent):
                # Not buffered: what a full disk did not take would be written once more when the file is closed.
                self._file = path.open("ab", buffering=0)
                _cut_torn_line(path)

    def append(self, sample: Sample) -> None:
        """
        Raises:
            GpgError: the disk is full, or has gone; the file is as it was before.
        """
        if self._path is None or self._file is None:
            return
        before = os.fstat(self._file.fileno()).st_size
        rest = memoryview(_line(sample).encode("utf-8", "backslashreplace"))
        with told_in_words(self._path.parent):
            try:
                while rest:
                    rest = rest[self._file.write(rest) :]
            except BaseException:
                # Else the next sample, for which there may be room, would stand in a line with half of this one.
                os.ftruncate(self._file.fileno(), before)
                raise

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._file:
            self._file.close()


def rewrite_samples(path: Path, samples: Iterable[Sample]) -> None:
    """Replace a file of samples, whole or not at all, in the order of benchmark, problem and number.

    Raises:
        OSError: the disk is full, for example; the file is as it was.
    """
    with (
        written_whole(path) as beside,
        beside.open("w", encoding="utf-8", errors="backslashreplace") as file,
    ):
        file.writelines(map(_line, in_order(samples)))


def in_order(samples: Iterable[Sample]) -> list[Sample]:
    """Samples by benchmark, problem and number."""
    return sorted(samples, key=lambda sample: sample.key)


def _score(value: float | None, verdict: str) -> float:
    return float(verdict == _CORRECT) if value is None else value


def _line(sample: Sample) -> str:
    values = asdict(sample)
    for key in ("value", "strict_value"):
        if values[key] is None:  # of most rules
            del values[key]
    # Written with backslashreplace: half of a surrogate pair, which JSON may hold, becomes the JSON escape it was.
    return json.dumps(values, ensure_ascii=False) + "\n"


def _cut_torn_line(path: Path) -> None:
    with path.open("rb+") as file:
        text = file.read()
        file.truncate(text.rfind(b"\n") + 1)
