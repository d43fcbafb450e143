"""The inputs of a batch for transformers' `generate`: padded prompts, and the pixels of their pictures."""

from collections.abc import Sequence
from typing import Any

import torch

from gpg_cli.evaluation.engine import Request
from gpg_cli.evaluation.engines.pictures import PromptReader
from gpg_cli.evaluation.model_text import ModelText
from gpg_cli.vision.images import Picture


def model_inputs(batch: Sequence[Request], text: ModelText, reader: PromptReader, pad: int) -> dict[str, torch.Tensor]:
    """Prompts of a batch, left padded, so that every completion begins in the same column.

    Returns:
        `input_ids` and `attention_mask`, both (rows, prompt tokens). Where there are pictures also `mm_token_type_ids`,
        of the same shape, which says where they are, and what the image processor makes of them, in the order of the
        rows: for Qwen2-VL `pixel_values`, (patches of all pictures, numbers in a patch), and `image_grid_thw`,
        (pictures, 3).

    Raises:
        GpgError: see `Picture.load`.
    """
    prompts = [reader.token_ids(request) for request in batch]
    width = max(len(prompt) for prompt in prompts)
    inputs = {
        "input_ids": torch.tensor([[pad] * (width - len(prompt)) + prompt for prompt in prompts]),
        "attention_mask": torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts]),
    }
    pictures = [picture for request in batch for picture in request.pictures]
    if pictures:
        # Since version 5, transformers computes positions from them and fails without.
        kinds = text.processor.create_mm_token_type_ids(inputs["input_ids"].tolist())
        inputs["mm_token_type_ids"] = torch.tensor(kinds)
        inputs |= _pixels(text.processor.image_processor, pictures)
    return inputs


def _pixels(image_processor: Any, pictures: Sequence[Picture]) -> dict[str, torch.Tensor]:
    """A picture that several samples share is decoded and scaled once."""
    processed = {}
    for picture in dict.fromkeys(pictures):
        processed[picture] = dict(image_processor(images=[picture.load()], return_tensors="pt"))
    return {name: torch.cat([processed[picture][name] for picture in pictures]) for name in processed[pictures[0]]}
