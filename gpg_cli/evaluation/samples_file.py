"""samples.jsonl read back: by an evaluation that goes on, by a comparison, by a page."""

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from gpg_cli.data_file import read_json_lines
from gpg_cli.errors import GpgError
from gpg_cli.evaluation.journal import Sample

_SAMPLE = TypeAdapter(Sample)
# What samples did not have before schema 2 of results.json.
_OLDER: dict[str, Any] = {"number": 0, "groups": {}, "seed": 0}


def read_samples(path: Path) -> list[Sample]:
    """The samples of a file, in its order; of two that are the same by benchmark, problem and number, the last one.

    A last line without an end is passed over: the program was killed while it wrote it.

    Raises:
        GpgError: the file is missing, or a line is no sample (which one is told).
    """
    samples: dict[tuple[str, int, int], Sample] = {}
    for number, row in enumerate(read_json_lines(path, torn_end=True), start=1):
        try:
            sample = _SAMPLE.validate_python({**_OLDER, "strict": row.get("verdict"), **row})
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(map(str, first["loc"]))
            raise GpgError(
                f"{path}, row {number}, is no sample: {key}: {first['msg']}", "Restore the file, or evaluate anew."
            ) from error
        samples[sample.key] = sample
    return list(samples.values())
