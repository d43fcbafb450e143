"""Pictures of training prompts: their tokens, and what the model is shown, once for all rows that share a picture."""

import contextlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gpg_cli.errors import GpgError
from gpg_cli.vision.images import Picture, as_picture
from gpg_cli.vision.model import expand_image_tokens, image_token_counts, image_token_id

# Models whose `get_image_features(pixel_values, image_grid_thw)` returns one tensor a picture, and nothing else that
# would have to be repeated. Read in transformers 5.17; tests/training/test_pictures.py notices a change.
SHARING_MODELS = frozenset({"qwen2_vl", "qwen2_5_vl"})
# Of processed pictures that are kept between sampling and training; one of 512 vision tokens takes 10 MB.
_KEPT_BYTES = 512 * 2**20


@dataclass(frozen=True)
class ShownPictures:
    """What the vision tower is given for a batch of rows.

    Attributes:
        pixel_values: patches of the distinct pictures, shape (patches, values of a patch).
        grids: patches of each distinct picture in time, height and width, shape (distinct pictures, 3).
        order: which distinct picture each picture of the rows is, shape (pictures of all rows,).
    """

    pixel_values: Tensor
    grids: Tensor
    order: Tensor

    def to(self, device: torch.device | str) -> "ShownPictures":
        """The same on another device."""
        return ShownPictures(self.pixel_values.to(device), self.grids.to(device), self.order.to(device))

    def repeated(self) -> Tensor:
        """`pixel_values` with the patches of a picture once for each row that has it."""
        parts = self.pixel_values.split(self.grids.prod(dim=1).tolist())
        return torch.cat([parts[place] for place in self.order.tolist()])


class PictureReader:
    """The processor's work on training prompts: their tokens, and the pixels of their pictures.

    Args:
        processor: of a vision-language model of `SHARING_MODELS`, or of another one whose pictures are flat patches
            with `image_grid_thw`.
        chat_template: Jinja text; None for the processor's own.
        template_arguments: further arguments of the chat template.
    """

    def __init__(
        self, processor: Any, chat_template: str | None = None, template_arguments: Mapping[str, Any] | None = None
    ) -> None:
        self._processor = processor
        self._chat_template = chat_template
        self._template_arguments = dict(template_arguments or {})
        self._kept: OrderedDict[Any, tuple[Tensor, Tensor]] = OrderedDict()
        self.image_token = image_token_id(processor)

    def tokenize(self, prompts: Sequence[list[dict[str, Any]]]) -> tuple[list[list[int]], list[list[Any]]]:
        """The tokens of each prompt, with an image token for each vision token, and its pictures.

        Args:
            prompts: messages whose contents are lists of parts; a picture is `{"type": "image", "image": ...}`.
        """
        texts = self._processor.apply_chat_template(
            list(prompts),
            chat_template=self._chat_template,
            tokenize=False,
            add_generation_prompt=True,
            **self._template_arguments,
        )
        # The template has written the special tokens already.
        tokens = self._processor.tokenizer(texts, add_special_tokens=False)["input_ids"]
        pictures = [pictures_of(prompt) for prompt in prompts]
        return [self.expand(*pair) for pair in zip(tokens, pictures, strict=True)], pictures

    def expand(self, token_ids: Sequence[int], pictures: Sequence[Any]) -> list[int]:
        """A prompt with one image token a picture -> the prompt as the model reads it."""
        counts = image_token_counts(self._processor, [_size(picture) for picture in pictures])
        return expand_image_tokens(token_ids, self.image_token, counts)

    def show(self, pictures: Sequence[Sequence[Any]]) -> ShownPictures | None:
        """What the model is given for the pictures of several rows; None where none has a picture.

        Raises:
            GpgError: a picture cannot be decoded.
        """
        places: dict[Any, int] = {}
        order = [places.setdefault(_key(picture), len(places)) for row in pictures for picture in row]
        if not order:
            return None
        distinct = {_key(picture): picture for row in pictures for picture in row}
        pixels, grids = zip(*(self._processed(key, picture) for key, picture in distinct.items()), strict=True)
        return ShownPictures(torch.cat(pixels), torch.cat(grids), torch.tensor(order))

    def _processed(self, key: Any, picture: Any) -> tuple[Tensor, Tensor]:
        known = self._kept.pop(key, None)
        if known is None:
            image = picture.load() if isinstance(picture, Picture) else picture
            made = self._processor.image_processor(images=[image], return_tensors="pt")
            known = made["pixel_values"], made["image_grid_thw"]
        self._kept[key] = known  # the newest last
        size = sum(pixels.nbytes for pixels, _ in self._kept.values())
        while size > _KEPT_BYTES and len(self._kept) > 1:
            _, (pixels, _) = self._kept.popitem(last=False)
            size -= pixels.nbytes
        return known


class SharedVision:
    """Lets a model compute each distinct picture of a batch once, whatever the number of rows that show it.

    Where the model is not one of `SHARING_MODELS`, patches are repeated for each row.

    Args:
        model: a vision-language model, without any wrapper.
    """

    def __init__(self, model: Any) -> None:
        self._shown: ShownPictures | None = None
        self.shares = model.config.model_type in SHARING_MODELS
        if self.shares:
            backbone = model.base_model
            self._compute = backbone.get_image_features
            backbone.get_image_features = self._features

    @contextlib.contextmanager
    def showing(self, shown: ShownPictures | None, input_ids: Tensor, image_token: int) -> Iterator[dict[str, Tensor]]:
        """Arguments for the model's `forward` or `generate`, which must be called inside.

        Args:
            shown: for the rows of `input_ids`; None gives no arguments.
            input_ids: prompts with an image token for each vision token, shape (batch, tokens).
        """
        if shown is None:
            yield {}
            return
        shown = shown.to(input_ids.device)
        arguments = {
            "pixel_values": shown.pixel_values if self.shares else shown.repeated(),
            "image_grid_thw": shown.grids[shown.order],
            # 1 for an image's tokens, 0 for text: Qwen's positions are made of it.
            "mm_token_type_ids": (input_ids == image_token).int(),
        }
        self._shown = shown if self.shares else None
        try:
            yield arguments
        finally:
            self._shown = None

    def _features(self, pixel_values: Tensor, image_grid_thw: Tensor | None = None, **options: Any) -> Any:
        shown = self._shown
        if shown is None:
            return self._compute(pixel_values, image_grid_thw, **options)
        output = self._compute(pixel_values, shown.grids, **options)
        output.pooler_output = tuple(output.pooler_output[place] for place in shown.order.tolist())
        return output


def freeze_parts(model: Any, *, vision: bool, language: bool) -> None:
    """Keep the vision tower (and what projects its features), or all the rest, as it is.

    Args:
        model: a vision-language model, with or without LoRA.

    Raises:
        GpgError: it has no vision tower, or nothing is left to train.
    """
    if not vision and not language:
        return
    base = model.get_base_model() if hasattr(model, "peft_config") else model
    tower = base.get_encoder(modality="image")
    if tower is base:
        raise GpgError(
            f"the model {base.config.model_type} has no vision tower that could be told apart",
            "Leave freeze_vision and freeze_llm out.",
        )
    in_tower = {id(parameter) for parameter in tower.parameters()}
    for parameter in model.parameters():
        if vision if id(parameter) in in_tower else language:
            parameter.requires_grad_(False)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise GpgError("freeze_vision and freeze_llm leave nothing to train", "Leave one of them out.")


def with_pictures(prompt: Sequence[Mapping[str, Any]], cells: Sequence[Any]) -> list[dict[str, Any]]:
    """Messages with their pictures put where a part says `image`.

    Args:
        prompt: messages; see `without_none`.
        cells: of the data's column of pictures, undecoded.

    Raises:
        ValueError: there are more or fewer pictures than such parts.
    """
    pictures = [as_picture(cell) for cell in cells]
    left = iter(pictures)
    messages = []
    for message in prompt:
        parts = without_none(message["content"])
        if not isinstance(parts, str):
            parts = [{**part, "image": next(left, None)} if part["type"] == "image" else part for part in parts]
        messages.append({**message, "content": parts})
    if [picture for picture in pictures if picture is not None] != pictures_of(messages):
        raise ValueError(f"{len(pictures)} pictures for a prompt with other places: {prompt}")
    return messages


def without_none(content: Any) -> Any:
    """A message's content, less the None that a data set's column puts where a part lacks a key of another part."""
    if isinstance(content, str):
        return content
    return [{key: value for key, value in part.items() if value is not None} for part in content]


def pictures_of(prompt: Sequence[Mapping[str, Any]]) -> list[Any]:
    """The pictures in messages, in their order."""
    contents = [message["content"] for message in prompt if not isinstance(message["content"], str)]
    return [part.get("image") for parts in contents for part in parts if part["type"] == "image"]


def _key(picture: Any) -> Any:
    return picture if isinstance(picture, Picture) else id(picture)


def _size(picture: Any) -> tuple[int, int]:
    return picture.size() if isinstance(picture, Picture) else picture.size
