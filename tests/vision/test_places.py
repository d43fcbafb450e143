"""Where the pictures of a data set may lie."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from datasets import Dataset
from PIL import Image

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.benches import load_bench
from gpg_cli.evaluation.problems import load_problems
from gpg_cli.training.data.picture_cells import read_pictures
from gpg_cli.vision.images import Picture
from gpg_cli.vision.lisa_folder import read_lisa_folder
from gpg_cli.vision.places import Places


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A picture of somebody else's, outside of the data."""
    path = tmp_path / "private" / "secret.png"
    path.parent.mkdir()
    Image.new("RGB", (40, 40)).save(path)
    return path


@pytest.fixture
def data(tmp_path: Path, secret: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "link.png").symlink_to(secret)
    (folder / "private").symlink_to(secret.parent)
    return folder


ELSEWHERE = [
    "../private/secret.png",
    "{secret}",
    "file://{secret}",
    "/etc/passwd",
    "../../../../../../../../etc/passwd",
    "/dev/zero",
    "link.png",
    "private/secret.png",
    "a/../../private/secret.png",
    "https://127.0.0.1:9/secret.png",
    "http://169.254.169.254/latest/meta-data",
    "..",
]


@pytest.mark.parametrize("named", ELSEWHERE)
@pytest.mark.parametrize(
    "as_cell", [lambda path: path, lambda path: [path], lambda path: {"bytes": None, "path": path}]
)
def test_training_reads_no_picture_elsewhere(
    data: Path, secret: Path, named: str, as_cell: Callable[[str], object]
) -> None:
    table = Dataset.from_list([{"image": as_cell(named.format(secret=secret))}])
    with pytest.raises(GpgError, match=r"outside|no path of a picture"):
        read_pictures(table, "image", Places(data))


@pytest.mark.parametrize("named", ELSEWHERE)
def test_an_evaluation_reads_no_picture_elsewhere(
    data: Path, secret: Path, named: str, json_lines: Callable[..., Path]
) -> None:
    bench = load_bench("geoqa")
    columns = bench.columns
    row = dict.fromkeys(columns.needed, "1") | {str(columns.image): named.format(secret=secret)}
    rows = json_lines(row, name="data/rows.jsonl")
    with pytest.raises(GpgError, match=r"outside|no path of a picture"):
        load_problems(bench, rows, None)


def test_a_folder_that_the_user_names_may_be_read(data: Path, secret: Path) -> None:
    table = Dataset.from_list([{"image": str(secret)}, {"image": "../private/secret.png"}, {"image": "secret.png"}])
    found = read_pictures(table, "image", Places(data, named=secret.parent))
    assert [Path(str(found.of(row)[0].path)).resolve() for row in range(3)] == [secret] * 3


def test_absolute_paths_inside_the_data_are_fine(data: Path) -> None:
    Image.new("RGB", (40, 40)).save(data / "own.png")
    table = Dataset.from_list([{"image": str(data / "own.png")}, {"image": "sub/../own.png"}])
    assert len(read_pictures(table, "image", Places(data)).cells) == 2


def test_a_snapshot_of_the_hubs_cache_links_to_its_blobs(tmp_path: Path) -> None:
    repository = tmp_path / "datasets--org--set"
    snapshot = repository / "snapshots" / "abc"
    for folder in ("blobs", "refs", "snapshots/abc"):
        (repository / folder).mkdir(parents=True)
    Image.new("RGB", (40, 40)).save(repository / "blobs" / "1", format="PNG")
    (snapshot / "own.png").symlink_to("../../blobs/1")
    assert Places(snapshot).find("own.png", "row 1") == str(snapshot / "own.png")


def test_an_annotation_links_to_nothing_elsewhere(tmp_path: Path, secret: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "a.json").write_text('{"text": ["where?"], "shapes": []}')
    (folder / "a.jpg").symlink_to(secret)
    with pytest.raises(GpgError, match="a link out of the folder"):
        read_lisa_folder(folder)


def test_a_pipe_is_no_picture(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(GpgError, match="no regular file"):
        Picture(str(tmp_path / "pipe.png")).load()


def test_postscript_is_not_handed_to_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "gs"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path / 'canary'}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    path = tmp_path / "picture.png"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 40\n%%EndComments\n%%EOF\n")
    with pytest.raises(GpgError, match="no picture that can be read"):
        Picture(str(path)).load()
    assert not (tmp_path / "canary").exists()


def test_an_encoded_picture_has_a_limit(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    path.touch()
    os.truncate(path, 300 * 2**20)
    with pytest.raises(GpgError, match="too many"):
        Picture(str(path)).load()
