"""Pictures of requests as engines need them: the prompt as the model reads it, and a picture as servers take it."""

import base64
import io
from collections.abc import Sequence

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.engine import Request
from gpg_cli.evaluation.model_text import ModelText
from gpg_cli.vision.images import Picture, open_picture
from gpg_cli.vision.model import expand_image_tokens, image_token_counts, image_token_id

# What every server takes; other formats are sent as PNG.
_SENT_AS_THEY_ARE = {"JPEG": "image/jpeg", "PNG": "image/png"}
_ORIENTATION = 0x0112  # the EXIF tag; 1 is upright


class PromptReader:
    """Says how a model reads prompts: with as many image tokens as each picture takes.

    Args:
        text: the model's; with a processor where it is shown pictures.
    """

    def __init__(self, text: ModelText) -> None:
        self._processor = text.processor
        self._counts: dict[Picture, int] = {}

    def check(self, requests: Sequence[Request]) -> None:
        """Check that the model can be shown the pictures of these requests.

        Raises:
            GpgError: it reads text only; or a prompt has more or fewer places than pictures; or a picture is missing.
        """
        for request in requests:
            if request.pictures and self._processor is None:
                raise GpgError(
                    "the model reads text only, and these prompts have pictures", "Name a vision-language model."
                )
            self.token_ids(request)

    def token_ids(self, request: Request) -> list[int]:
        """The prompt with an image token for each vision token.

        Raises:
            GpgError: see `check`.
        """
        if self._processor is None:
            return list(request.token_ids)
        counts = [self._count(picture) for picture in request.pictures]
        try:
            return expand_image_tokens(request.token_ids, image_token_id(self._processor), counts)
        except ValueError as error:
            raise GpgError(
                f"a prompt does not fit its pictures: it has {error}",
                "Does the question itself hold an image token, or does the chat template leave pictures out?",
            ) from error

    def vision_tokens(self, request: Request) -> int:
        """How many tokens all pictures of a prompt take."""
        return sum(self._count(picture) for picture in request.pictures)

    def length(self, request: Request) -> int:
        """Tokens of the prompt as the model reads it, and of the longest completion, together."""
        prompt = len(request.token_ids) - len(request.pictures) + self.vision_tokens(request)
        return prompt + request.sampling.max_tokens

    def _count(self, picture: Picture) -> int:
        if picture not in self._counts:
            [self._counts[picture]] = image_token_counts(self._processor, [picture.size()])
        return self._counts[picture]


def data_url(picture: Picture) -> str:
    """A picture as chat completions take it: the file itself where every server reads it alike, else a PNG.

    Servers differ in what they make of transparency and of EXIF data: those are settled here.

    Raises:
        GpgError: see `Picture.load`.
    """
    content = picture.encoded()
    kind = _plain_kind(content)
    if kind is None:
        held = io.BytesIO()
        picture.load().save(held, format="PNG")
        content, kind = held.getvalue(), "image/png"
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _plain_kind(content: bytes) -> str | None:
    """The media type of a file that needs no conversion; None for any other file, a broken one among them."""
    from PIL import Image

    try:
        with open_picture(content) as image:
            plain = (
                image.mode == "RGB"
                and "transparency" not in image.info
                and getattr(image, "n_frames", 1) == 1
                and image.getexif().get(_ORIENTATION, 1) == 1
            )
            return _SENT_AS_THEY_ARE.get(image.format or "") if plain else None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
