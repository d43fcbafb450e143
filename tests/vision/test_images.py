"""Pictures as data sets hold them: good ones of every kind, and all that can be wrong with one."""

import io
from pathlib import Path

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.vision.images import Picture, as_picture, check_pictures

Image = pytest.importorskip("PIL.Image")


def saved(folder: Path, name: str, mode: str = "RGB", size: tuple[int, int] = (40, 30), **options: object) -> Picture:
    Image.new(mode, size).save(folder / name, **options)
    return Picture(str(folder / name))


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "LA", "1"])
def test_every_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    assert saved(tmp_path, "a.png", mode).load().mode == "RGB"


@pytest.mark.parametrize("mode", ["RGB", "L", "P"])
def test_no_colour_stays_transparent(tmp_path: Path, mode: str) -> None:
    black = (0, 0, 0) if mode == "RGB" else 0
    assert "transparency" not in saved(tmp_path, "a.png", mode, transparency=black).load().info


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    assert saved(tmp_path, "a.jpg", "CMYK").load().mode == "RGB"


def test_a_picture_of_a_set_of_stored_pictures_is_not_turned(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    path = saved(tmp_path, "a.jpg", exif=exif).path
    stored = as_picture(path, upright=False)
    assert stored is not None
    with Image.open(str(path)) as image:
        assert stored.size() == stored.load().size == image.size
    assert Picture(path).size() == stored.size()[::-1]
    assert check_pictures([[stored]]).kinds == {}


def test_a_picture_is_turned_as_its_exif_data_says(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    picture = saved(tmp_path, "a.jpg", exif=exif)
    assert picture.size() == (30, 40) == picture.load().size


def test_cells_of_every_kind_are_pictures(tmp_path: Path) -> None:
    content = saved(tmp_path, "a.png").encoded()
    assert as_picture("a.png", tmp_path) == Picture(str(tmp_path / "a.png"))
    assert as_picture({"bytes": None, "path": "a.png"}, tmp_path) == Picture(str(tmp_path / "a.png"))
    assert as_picture({"bytes": content, "path": "a.png"}) == Picture(content=content)
    assert as_picture(content) == Picture(content=content)
    decoded = as_picture(Image.open(io.BytesIO(content)))
    assert decoded is not None
    assert decoded.size() == (40, 30)
    assert as_picture(None) is as_picture("") is as_picture({"bytes": None, "path": None}) is as_picture(7) is None


def test_a_report_names_what_is_wrong_and_counts_what_is_odd(tmp_path: Path) -> None:
    good = saved(tmp_path, "good.png")
    whole = saved(tmp_path, "whole.png", size=(300, 300)).encoded()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.png").write_text("no picture")
    rows = [
        [good],
        [Picture(str(tmp_path / "missing.png"))],
        [Picture(str(tmp_path / "cut.png"))],
        [Picture(str(tmp_path / "text.png"))],
        [saved(tmp_path, "wide.png", size=(20_000, 20))],
        [saved(tmp_path, "wide_enough.png", size=(20_000, 200))],
        [saved(tmp_path, "dot.png", size=(1, 1))],
        [saved(tmp_path, "palette.png", "P")],
        [good],
    ]
    report = check_pictures(rows, max_pixels=401_408)
    assert [position for position, _ in report.faults] == [1, 2, 3, 4]
    reasons = [reason for _, reason in report.faults]
    assert reasons[0].startswith("there is no picture ")
    assert "cannot be decoded" in reasons[1]
    assert "is no picture that can be read" in reasons[2]
    assert "20000 x 20 pixels: more than 200 times as long as wide" in reasons[3]
    assert report.describe() == [
        "8 pictures: 1 converted from a palette, 1 of less than 28 pixels a side, 1 scaled down to 401,408 pixels."
    ]


def test_a_decompression_bomb_is_refused() -> None:
    held = io.BytesIO()
    Image.new("1", (20_000, 10_000)).save(held, "PNG")
    with pytest.raises(GpgError, match=r"too many|cannot be decoded"):
        Picture(content=held.getvalue()).load()


def test_a_picture_is_known_by_its_path_or_its_bytes(tmp_path: Path) -> None:
    picture = saved(tmp_path, "a.png")
    assert picture.identity == picture.path
    held = Picture(content=picture.encoded())
    assert held.identity == Picture(content=picture.encoded()).identity != saved(tmp_path, "b.png", "L").identity
    assert check_pictures([[held], [Picture(content=picture.encoded())]]).total == 1


def test_a_cell_may_ask_for_the_stored_picture(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(tmp_path, "a.jpg", exif=exif).path
    sizes = [as_picture({"path": path, "upright": upright}).size() for upright in (None, True, False)]
    assert sizes == [(30, 40), (30, 40), (40, 30)]
