"""Small copies of the pictures that an evaluation showed, for its page."""

import base64
import io
from collections.abc import Mapping

from gpg_cli.errors import GpgError
from gpg_cli.vision.images import Picture

# Benchmark and row of a problem.
Key = tuple[str, int]

# Longest side in pixels, and JPEG's quality: some 5 kB each.
_SIDE, _QUALITY = 224, 70
# Characters of all of them together that a page holds.
MOST_TEXT = 20_000_000


def thumbnails(pictures: Mapping[Key, Picture], most_text: int = MOST_TEXT) -> dict[Key, str]:
    """Data URLs of small JPEG copies, of the first pictures as far as there is room.

    A picture that has become unreadable since it was shown has none.
    """
    made: dict[Key, str] = {}
    for key, picture in pictures.items():
        try:
            url = _data_url(picture)
        except GpgError:
            continue
        most_text -= len(url)
        if most_text < 0:
            break
        made[key] = url
    return made


def _data_url(picture: Picture) -> str:
    image = picture.load()
    image.thumbnail((_SIDE, _SIDE))
    held = io.BytesIO()
    image.save(held, format="JPEG", quality=_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(held.getvalue()).decode()
