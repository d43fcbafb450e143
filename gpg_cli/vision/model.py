"""What a vision-language model makes of pictures: its processor, and how many tokens a picture takes."""

import importlib
from collections.abc import Sequence
from typing import Any

from gpg_cli.errors import GpgError
from gpg_cli.model_files import loading
from gpg_cli.pretrained import load

# Limits of the vision projects of the paper (max_pixels = 512 vision tokens of 28 x 28 pixels, min_pixels = 4 of them).
MAX_PIXELS = 401408
MIN_PIXELS = 3136


def is_vision_model(location: str, revision: str | None = None) -> bool:
    """Whether a model folder or Hub id is a vision-language model: whether its configuration has a vision tower."""
    from transformers import AutoConfig

    return is_vision_config(load(AutoConfig, location, revision=revision or "main"))


def is_vision_config(config: Any) -> bool:
    """See `is_vision_model`."""
    return getattr(config, "vision_config", None) is not None


def require_image_processors() -> None:
    """Refuse work with pictures where what processes them is not installed.

    Raises:
        GpgError: torchvision is missing, or does not fit this torch.
    """
    try:
        importlib.import_module("torchvision")
    except (ImportError, RuntimeError, OSError) as error:
        raise GpgError(
            "pictures need torchvision, which is not installed or does not fit this torch",
            'pip install "gpg-cli[vision]"',
        ) from error


def load_processor(
    location: str,
    *,
    revision: str | None = None,
    min_pixels: int | None = None,
    max_pixels: int | None = None,
    **options: Any,
) -> Any:
    """The processor of a vision-language model: its tokenizer and its image processor.

    Args:
        min_pixels, max_pixels: limits of a picture's area once it is scaled; None leaves the model's own. They are
            saved with the processor.
        options: for `AutoProcessor.from_pretrained`.

    Raises:
        GpgError: the files are missing, torchvision is, or the image processor knows no such limits.
    """
    from transformers import AutoProcessor

    require_image_processors()
    hint = "Name a folder as save_pretrained writes it: tokenizer and preprocessor_config.json included."
    with loading(f"the processor of {location}", hint):
        processor = load(AutoProcessor, location, revision=revision or "main", **options)
    images = getattr(processor, "image_processor", None)
    if images is None or not hasattr(processor, "tokenizer"):
        raise GpgError(f"the model {location} has no image processor", "Name a vision-language model.")
    _limit_pixels(images, min_pixels, max_pixels, location)
    return processor


def pixel_limit(processor: Any) -> int | None:
    """To which area a processor scales larger pictures down; None where it has no such limit."""
    size = getattr(processor.image_processor, "size", None)
    limit = dict(size).get("longest_edge") if size else None
    return None if limit is None else int(limit)


def image_token_id(processor: Any) -> int:
    """The token that stands for a picture in a prompt, once for each of its vision tokens."""
    return int(processor.image_token_id)


def image_token_counts(processor: Any, sizes: Sequence[tuple[int, int]]) -> list[int]:
    """How many vision tokens pictures of these sizes, (width, height) in pixels, take."""
    if not sizes:
        return []
    return list(processor._get_num_multimodal_tokens(image_sizes=[(h, w) for w, h in sizes])["num_image_tokens"])


def expand_image_tokens(token_ids: Sequence[int], image_token: int, counts: Sequence[int]) -> list[int]:
    """A prompt with one token a picture -> the prompt as the model reads it, with one for each vision token.

    Args:
        counts: vision tokens of the pictures, in their order.

    Raises:
        ValueError: there are more or fewer pictures than such tokens.
    """
    if list(token_ids).count(image_token) != len(counts):
        raise ValueError(f"{list(token_ids).count(image_token)} places for {len(counts)} pictures")
    left = iter(counts)
    expanded: list[int] = []
    for token in token_ids:
        expanded += [token] * next(left) if token == image_token else [token]
    return expanded


def _limit_pixels(images: Any, min_pixels: int | None, max_pixels: int | None, location: str) -> None:
    if min_pixels is None and max_pixels is None:
        return
    size = dict(images.size) if getattr(images, "size", None) else {}
    if not {"shortest_edge", "longest_edge"} <= size.keys():
        raise GpgError(
            f"the image processor of {location} has no limits of pixels",
            "Leave min_pixels and max_pixels out for this model.",
        )
    # Qwen's processors keep areas under these names.
    size["shortest_edge"] = min_pixels if min_pixels is not None else size["shortest_edge"]
    size["longest_edge"] = max_pixels if max_pixels is not None else size["longest_edge"]
    images.size = type(images.size)(**size) if not isinstance(images.size, dict) else size
