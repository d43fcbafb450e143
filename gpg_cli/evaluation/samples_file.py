"""samples.jsonl read back: by an evaluation that goes on, by a comparison, by a page."""

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from gpg_cli.data_file import read_json_lines
from gpg_cli.errors import GpgError
from gpg_cli.evaluation.journal import Sample
from gpg_cli.grading import Verdict

_SAMPLE = TypeAdapter(Sample)
# What samples did not have before schema 2 of results.json.
_OLDER: dict[str, Any] = {"number": 0, "groups": {}, "seed": 0}


def read_samples(path: Path) -> list[Sample]:
    """The samples of a file, in its order; of two that are the same by benchmark, problem and number, the last one.

    A last line without an end is passed over: the program was killed while it wrote it. Keys that are unknown are, too.
    A sample of an earlier version has its only verdict as the strict one as well.

    Raises:
        GpgError: the file is missing, or a line is no sample (which one is told).
    """
    if not path.is_file():
        raise GpgError(
            f"{path.parent} holds no {path.name}", "Restore the file, or run the same `gpg eval` command again."
        )
    samples: dict[tuple[str, int, int], Sample] = {}
    for place, row in enumerate(read_json_lines(path, torn_end=True)):
        try:
            sample = _as_sample(row)
        except ValueError as error:
            raise GpgError(
                f"{path}:{_line_number(path, place)} is not a sample: {error}",
                "Remove that line and run the same `gpg eval` command again: it makes the sample anew.",
            ) from error
        samples[sample.key] = sample
    return list(samples.values())


def _as_sample(row: dict[str, Any]) -> Sample:
    """The sample of a row; a ValueError says which of its keys is not as needed."""
    try:
        sample = _SAMPLE.validate_python({**_OLDER, "strict": row.get("verdict"), **row})
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    for key in ("verdict", "strict"):
        verdict = getattr(sample, key)
        if verdict not in set(Verdict):
            raise ValueError(f"{key}: {verdict!r} is none of {', '.join(Verdict)}")
    for key in ("index", "number"):
        if getattr(sample, key) < 0:
            raise ValueError(f"{key}: {getattr(sample, key)} is negative")
    for key in ("value", "strict_value"):
        value = getattr(sample, key)
        # No comparison with NaN holds.
        if value is not None and not 0 <= value <= 1:
            raise ValueError(f"{key}: {value} is not from 0 to 1")
    return sample


def _line_number(path: Path, place: int) -> int:
    """The line, from 1, of the row at a place, from 0: blank lines are no rows."""
    filled = [number for number, line in enumerate(path.read_bytes().split(b"\n"), start=1) if line.strip()]
    return filled[place]
