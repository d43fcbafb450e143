"""Data sets of any content: planned or refused in words, through `gpg train --dataset ... --dry-run`."""

import io
import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gpg_cli.errors import GpgError
from gpg_cli.training.data.golds import as_gold
from gpg_cli.vision.images import Picture, as_picture, check_pictures
from tests.conftest import Outcome
from tests.faults import LONG
from tests.faults.fuzzing import fuzz
from tests.faults.hostile import JSON_VALUES, damaged, json_values, told

Gpg = Callable[..., Outcome]
Tally = Callable[[str, int], None]

COLUMNS = ["problem", "answer", "solution", "prompt", "messages", "question", "ground_truth", "reward_model", "image"]
COLUMNS += ["images", "completions", "trainer_state", "extra", ""]
MESSAGES = [
    [{"role": "user", "content": "1+1"}],
    [{"role": "user", "content": None}],
    [{"role": "user"}],
    [{"role": "assistant", "content": "<|im_start|>"}],
    [{"role": "user", "content": [{"type": "text", "text": "1"}]}],
]


@pytest.fixture
def plan(gpg: Gpg) -> Callable[..., Outcome]:
    """`plan(b"...", "rows.jsonl")`: a dry run with such a file."""

    def call(content: bytes, name: str = "rows.jsonl") -> Outcome:
        Path(name).write_bytes(content)
        batch = ["--set", "per_device_train_batch_size=8", "--set", "gradient_accumulation_steps=1"]
        return gpg("train", "--preset", "quickstart", *batch, "--dataset", name, "--dry-run")

    return call


def _lines(rows: list[Any]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@pytest.mark.parametrize("examples", [80, pytest.param(4000, marks=LONG)])
def test_rows_of_any_kind(plan: Callable[..., Outcome], tally: Tally, examples: int) -> None:
    values = st.sampled_from([*JSON_VALUES, *MESSAGES]) | json_values()
    rows = st.dictionaries(st.sampled_from(COLUMNS), values, max_size=3).map(
        lambda changes: {"problem": "1+1", "answer": "2"} | changes
    )
    assert plan(_lines([{"problem": "1+1", "answer": "2"}])).code == 0  # what is imported now is part of no case
    fuzz(lambda made: told(plan(_lines(made))), st.lists(rows | values, max_size=3), examples)
    tally("data sets with rows of any kind", examples)


@pytest.mark.parametrize("examples", [25, pytest.param(1000, marks=LONG)])
@pytest.mark.parametrize("kind", ["parquet", "arrow", "json", "jsonl"])
def test_damaged_files(plan: Callable[..., Outcome], tally: Tally, kind: str, examples: int) -> None:
    whole = _file_of(kind)
    assert plan(whole, f"rows.{kind}").code == 0
    fuzz(lambda content: told(plan(content, f"rows.{kind}")), damaged(whole), examples)
    tally("damaged data files", examples)


def test_a_parquet_file_whose_metadata_is_no_utf_8_is_refused_in_words(plan: Callable[..., Outcome]) -> None:
    """Found by `test_damaged_files`."""
    content = bytearray(_file_of("parquet"))
    for place in range(150, 260):  # one of them falls into a name
        told(plan(bytes([*content[:place], 0x80, *content[place + 1 :]]), "rows.parquet"))


def _file_of(kind: str) -> bytes:
    rows = [{"problem": f"{number}+1", "answer": str(number + 1)} for number in range(3)]
    table, file = pa.Table.from_pylist(rows), io.BytesIO()
    if kind == "parquet":
        pq.write_table(table, file)
    elif kind == "arrow":
        with pa.ipc.new_stream(file, table.schema) as writer:
            writer.write(table)
    else:
        file.write(json.dumps(rows).encode() if kind == "json" else _lines(rows))
    return file.getvalue()


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({"problem": 10**30}, "too large"),
        ({"extra": 10**400}, "cannot read"),
        ({"problem": "\ud800"}, "surrogates"),
        ({"\ud800": 1}, "surrogates"),
        ({"extra": json.loads('{"a":' * 200 + "1" + "}" * 200)}, "cannot read"),
    ],
)
def test_rows_that_failed_once(plan: Callable[..., Outcome], row: dict[str, Any], complaint: str) -> None:
    outcome = plan(_lines([{"problem": "1+1", "answer": "2"} | row] * 2))
    told(outcome)
    assert complaint in outcome.err


def test_a_column_that_is_called_as_pictures_are_is_left_out(plan: Callable[..., Outcome]) -> None:
    outcome = plan(_lines([{"problem": f"{number}", "answer": "2", "images": True} for number in range(2)]))
    assert (outcome.code, "Not used, as this trains on text: images" in outcome.err) == (0, True)


def test_texts_that_are_no_utf_8_are_refused(plan: Callable[..., Outcome]) -> None:
    outcome = plan(_file_of("parquet").replace(b"0+1", b"\x800+"), "rows.parquet")
    told(outcome)
    assert "cannot read rows.parquet" in outcome.err


def test_a_byte_order_mark_before_the_rows_is_passed_over(plan: Callable[..., Outcome]) -> None:
    assert (
        plan(b"\xef\xbb\xbf" + _lines([{"problem": "1+1", "answer": "2"}, {"problem": "2", "answer": "2"}])).code == 0
    )


@pytest.mark.parametrize("text", ["\\( " * 10**5, "\\[ \\( " * 10**5, "$" * 10**6, "\\frac{" * 10**5, "#" * 10**6])
def test_golds_of_a_megabyte_are_read_at_once(text: str) -> None:
    fuzz(lambda is_answer: as_gold(text, is_answer=is_answer), st.booleans(), 2)


@pytest.mark.parametrize("examples", [200, pytest.param(5000, marks=LONG)])
def test_pictures_of_any_bytes(tally: Tally, examples: int) -> None:
    pillow = pytest.importorskip("PIL.Image")
    held = []
    for kind in ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"):
        file = io.BytesIO()
        pillow.effect_noise((40, 30), 50).convert("RGB").save(file, format=kind)
        held.append(file.getvalue())
    contents = st.sampled_from(held).flatmap(damaged) | st.binary(max_size=64)
    fuzz(_looked_at, contents.map(lambda content: Picture(content=content)), examples)
    tally("pictures of damaged or any bytes", examples)


def _looked_at(picture: Picture) -> None:
    report = check_pictures([[picture]])
    if not report.faults:
        assert min(picture.load().size) > 0


@pytest.mark.parametrize("examples", [200, pytest.param(3000, marks=LONG)])
def test_cells_of_any_kind_are_pictures_or_none(tally: Tally, examples: int) -> None:
    pytest.importorskip("PIL.Image")

    def check(cell: Any) -> None:
        picture = as_picture(cell)
        if picture is not None:
            _looked_at(picture)

    held = st.sampled_from(JSON_VALUES)
    cells = json_values() | st.fixed_dictionaries({"bytes": held, "path": held})
    fuzz(check, cells, examples)
    tally("cells of pictures of any kind", examples)


@pytest.mark.parametrize("size", [(100_000, 100_000), (2**31 - 1, 2**31 - 1), (9_500, 9_500), (0, 1), (1, 100_000)])
def test_a_small_file_of_a_huge_picture_is_refused(size: tuple[int, int]) -> None:
    pytest.importorskip("PIL.Image")

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0))
    content = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(10_000_000))) + chunk(b"IEND", b"")
    picture = Picture(content=content)
    assert check_pictures([[picture]]).faults
    with pytest.raises(GpgError):
        picture.load()
