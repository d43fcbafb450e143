"""Pictures of a data set: where one lies, how large it is, whether it can be used; decoded only when it is needed.

Every picture is put to a model in one way: turned as its EXIF data says (as the datasets library and OpenCV do) unless
its data set is of stored pictures, its first frame, in RGB without transparency.
"""

import hashlib
import io
import os
import stat
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpg_cli.errors import GpgError

if TYPE_CHECKING:
    from PIL.Image import Image

# Qwen's image processors refuse a picture that is longer than this many times its width.
_LONGEST_RATIO = 200
# Pictures of less a side than one vision token of Qwen2-VL are blown up.
_SMALL_SIDE = 28
# Where Pillow begins to warn of a decompression bomb. Decoded, turned and converted it takes 12 bytes a pixel: 1 GB.
_MOST_PIXELS = 89_478_485
# Encoded: a photograph of 80 million pixels takes less.
_MOST_BYTES = 200 * 2**20
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000", "AVIF", "ICO", "DIB", "TGA")
_ORIENTATION = 0x0112  # the EXIF tag; above 4 width and height change places


@dataclass(frozen=True)
class Picture:
    """A picture that is not decoded: a file, or the bytes of one.

    Attributes:
        path: where it lies; None where `content` holds it.
        content: the encoded file.
        upright: whether it is turned as its EXIF data says; LISA's annotations are of the stored picture.
    """

    path: str | None = None
    content: bytes | None = field(default=None, repr=False)
    upright: bool = True

    @property
    def name(self) -> str:
        """For people."""
        return self.path or "a picture inside the data"

    @property
    def identity(self) -> str:
        """The path, or a digest of the encoded file: tells pictures apart without holding them."""
        return str(self.path) if self.content is None else hashlib.sha256(self.content).hexdigest()

    def load(self) -> "Image":
        """Decode it: RGB, turned upright where `upright` says so.

        Raises:
            GpgError: it is missing, no picture, cut off, or of a size that no model takes.
        """
        from PIL import Image, ImageOps

        try:
            with _opened(self) as image:
                _check_size(image.size, self.name)
                image.load()
                return _without_transparency((self.upright and ImageOps.exif_transpose(image)) or image)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise _unreadable(self, error) from error

    def size(self) -> tuple[int, int]:
        """(width, height) in pixels as `load` gives it; of a PNG the whole file is read, for its end may turn it.

        Raises:
            GpgError: see `load`; that the rest is cut off is not noticed here.
        """
        from PIL import Image

        try:
            with _opened(self) as image:
                _check_size(image.size, self.name)
                width, height = image.size
                turned = self.upright and image.getexif().get(_ORIENTATION, 1) > 4
                return (height, width) if turned else (width, height)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise _unreadable(self, error) from error

    def encoded(self) -> bytes:
        """The file as it is.

        Raises:
            GpgError: it is missing.
        """
        if self.content is not None:
            return self.content
        try:
            with _opened(self):  # a picture, and no device
                pass
            return Path(str(self.path)).read_bytes()
        except (OSError, ValueError, SyntaxError) as error:
            raise _unreadable(self, error) from error


def as_picture(value: Any, folder: Path | None = None, *, upright: bool = True) -> Picture | None:
    """The picture in a cell of a data set; None where the cell holds none.

    Args:
        value: a path, the encoded bytes, a decoded picture, or what an image column of the datasets library holds
            undecoded, `{"bytes": ..., "path": ...}`.
        folder: what relative paths are relative to.
        upright: see `Picture`; a cell that is a mapping may say it by a key of that name.
    """
    if isinstance(value, dict):
        upright = upright and value.get("upright") is not False
        value = value.get("bytes") or value.get("path")
    if value is None or value == "" or value == b"":
        return None
    if isinstance(value, bytes | bytearray):
        return Picture(content=bytes(value), upright=upright)
    if isinstance(value, str | Path):
        text = str(value).removeprefix("file://")
        path = Path(text).expanduser()
        return Picture(str(path if path.is_absolute() or folder is None else folder / path), upright=upright)
    if hasattr(value, "save") and hasattr(value, "mode"):
        held = io.BytesIO()
        value.save(held, format="PNG")
        return Picture(content=held.getvalue(), upright=upright)
    return None


@dataclass
class PictureReport:
    """What was found in the pictures of a data set.

    Attributes:
        total: pictures looked at.
        kinds: how many are of a kind that is worth knowing; a picture may be of several.
        faults: (position, reason) of each that cannot be used.
    """

    total: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    faults: list[tuple[int, str]] = field(default_factory=list)

    def describe(self) -> list[str]:
        """Sentences for the person who starts a training or an evaluation; none where there is nothing to say."""
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.kinds.items()))
        return [f"{self.total} pictures: {kinds}."] if kinds else []


def check_pictures(pictures: Iterable[Sequence[Picture]], max_pixels: int | None = None) -> PictureReport:
    """Decode every picture once, and say what was found.

    Args:
        pictures: those of each row; a picture that several rows share is decoded once.
        max_pixels: what the model is given at most; larger ones are counted.
    """
    report = PictureReport()
    # By identity: the pictures themselves would fill the memory.
    seen: dict[str, str | None] = {}
    for position, row in enumerate(pictures):
        for picture in row:
            identity = picture.identity
            if identity not in seen:
                report.total += 1
                seen[identity] = _look_at(picture, max_pixels, report.kinds)
            if (reason := seen[identity]) is not None:
                report.faults.append((position, reason))
    return report


def require_pillow() -> None:
    """Refuse work with pictures where Pillow is not installed.

    Raises:
        GpgError: it is not.
    """
    try:
        import PIL.Image  # noqa: F401
    except ImportError as error:
        raise GpgError("pictures need Pillow, which is not installed", 'pip install "gpg-cli[vision]"') from error


def _look_at(picture: Picture, max_pixels: int | None, kinds: Counter[str]) -> str | None:
    """Why a picture cannot be used; what is worth knowing about it is counted."""
    try:
        with _opened(picture) as image:
            mode, (width, height), frames = image.mode, image.size, getattr(image, "n_frames", 1)
            turned = picture.upright and image.getexif().get(_ORIENTATION, 1) > 1
        picture.load()
    except GpgError as error:
        return error.message
    except Exception as error:  # a broken file shows itself as one of many exceptions
        return _unreadable(picture, error).message
    if mode != "RGB":
        kinds[f"converted from {_MODES.get(mode, mode)}"] += 1
    if turned:
        kinds["turned as their EXIF data says"] += 1
    if frames > 1:
        kinds["animated, of which the first frame counts"] += 1
    if min(width, height) < _SMALL_SIDE:
        kinds[f"of less than {_SMALL_SIDE} pixels a side"] += 1
    if max_pixels is not None and width * height > max_pixels:
        kinds[f"scaled down to {max_pixels:,} pixels"] += 1
    return None


_MODES = {"P": "a palette", "L": "grey", "LA": "grey with transparency", "RGBA": "transparency", "1": "black and white"}


def open_picture(source: str | Path | bytes) -> "Image":
    """A file, or the bytes of one, not decoded yet; only of the `_FORMATS`.

    Pillow guesses the format from the content, and others hand it to a program (PostScript to Ghostscript).

    Raises:
        OSError, ValueError, SyntaxError, PIL.Image.DecompressionBombError: it cannot be used; see `_unreadable`.
    """
    from PIL import Image

    if isinstance(source, bytes):
        _check_bytes(len(source))
        return Image.open(io.BytesIO(source), formats=_formats())
    facts = os.stat(source)
    # Reading a pipe or a device may never end.
    if not stat.S_ISREG(facts.st_mode):
        raise ValueError("it is no regular file")
    _check_bytes(facts.st_size)
    return Image.open(source, formats=_formats())


@cache
def _formats() -> tuple[str, ...]:
    """Those of `_FORMATS` that this Pillow was built with."""
    from PIL import Image

    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)


def _check_bytes(size: int) -> None:
    if size > _MOST_BYTES:
        raise ValueError(f"it has {size:,} bytes, which is too many")


def _opened(picture: Picture) -> "Image":
    return open_picture(picture.content if picture.content is not None else str(picture.path))


def _without_transparency(image: "Image") -> "Image":
    """RGB as `convert` gives it: what is transparent keeps the colour that is stored for it, as upstream has it."""
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    image = image.convert("RGB")
    # Where a colour is still said to be transparent, vLLM makes it white, and Pillow saves it so.
    image.info.pop("transparency", None)
    return image


def _check_size(size: tuple[int, int], name: str) -> None:
    width, height = size
    if max(size) > _LONGEST_RATIO * min(size):
        raise GpgError(
            f"{name} has {width} x {height} pixels: more than {_LONGEST_RATIO} times as long as wide",
            "Cut it, or remove its row.",
        )
    if width * height > _MOST_PIXELS:
        raise GpgError(f"{name} has {width} x {height} pixels, which is too many", "Scale it down, or remove its row.")


def _unreadable(picture: Picture, error: BaseException) -> GpgError:
    from PIL import UnidentifiedImageError

    if isinstance(error, FileNotFoundError):
        return GpgError(f"there is no picture {picture.name}", "Check the path; it is relative to the data file.")
    if isinstance(error, UnidentifiedImageError):
        return GpgError(f"{picture.name} is no picture that can be read", "Replace the file, or remove its row.")
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return GpgError(f"{picture.name} cannot be decoded: {reason}", "Replace the file, or remove its row.")
