"""Segment Anything by transformers: the mask of what stands in a box."""

import contextlib
import gc
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from huggingface_hub import try_to_load_from_cache
from numpy.typing import NDArray
from PIL import Image
from transformers import SamImageProcessorPil, SamModel, SamProcessor
from transformers.utils import logging

from gpg_cli.console import say
from gpg_cli.errors import GpgError
from gpg_cli.evaluation.engine import first_line
from gpg_cli.evaluation.masks.score import PixelBox
from gpg_cli.hub_access import fetch_from_hub
from gpg_cli.pretrained import check_weights, load_weights

# The port of sam_vit_h_4b8939, with which Visual-RFT makes its masks.
DEFAULT_MODEL = "facebook/sam-vit-huge"
# Pictures at once. In each of ViT-H's global attention layers the weights of one picture are 1 GiB: 16 heads of
# 4096 x 4096 in float32.
GPU_BATCH, CPU_BATCH = 4, 1
_WEIGHTS = "model.safetensors"
_HINT = "Name a folder of a SAM model in transformers' format, or leave masks out: --masks off"


class SamSegmenter:
    """Prompts a SAM model with one box a picture and takes its single mask, in float32 as upstream.

    The model is asked for one mask rather than three (`multimask_output=False`), and pictures are scaled by Pillow, as
    segment-anything does: for a small model with the same weights, masks of 20 pictures differed from those of its
    SamPredictor in at most one pixel of 10,000.

    Args:
        model: a folder, or a Hub id.
        batch_size: pictures at once; None is 4 on a GPU and 1 on the CPU.

    Raises:
        GpgError: there is no such model, it is of another kind, its weights do not load, or do not fit the GPU.
    """

    def __init__(self, model: str = DEFAULT_MODEL, batch_size: int | None = None) -> None:
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.batch_size = batch_size or (GPU_BATCH if self._device.type == "cuda" else CPU_BATCH)
        if (folder := Path(model).expanduser()).is_dir():
            model = str(folder)
        _check_kind(model)
        with _memory_explained("hold the segmenter"):
            self._model = _load_model(model).to(self._device).eval()
        self._processor = _load_processor(model)

    def segment(self, images: Sequence[Image.Image], boxes: Sequence[PixelBox]) -> list[NDArray[np.bool_]]:
        """See `Segmenter`.

        Raises:
            GpgError: the GPU's memory is too small.
        """
        inputs = self._processor(
            images=list(images), input_boxes=[[[float(side) for side in box]] for box in boxes], return_tensors="pt"
        )
        with _memory_explained(f"segment {len(images)} pictures at once"), torch.inference_mode():
            outputs = self._model(
                pixel_values=inputs["pixel_values"].to(self._device),  # (pictures, 3, 1024, 1024)
                input_boxes=inputs["input_boxes"].to(self._device, torch.float32),  # (pictures, 1, 4)
                multimask_output=False,
            )
        # Each (1 box, 1 mask, height, width), of the picture's own size.
        masks = self._processor.post_process_masks(
            outputs.pred_masks.cpu(), inputs["original_sizes"], inputs["reshaped_input_sizes"]
        )
        return [mask[0, 0].numpy() for mask in masks]

    def close(self) -> None:
        """Give the memory back."""
        del self._model
        gc.collect()
        if self._device.type == "cuda":
            torch.cuda.empty_cache()


def check_segmenter(model: str) -> None:
    """Make sure, before hours go into samples, that a segmenter is here; one on the Hub is downloaded now.

    Raises:
        GpgError: there is no such model, it is of another kind, or its weights are not to be had.
    """
    folder = Path(model).expanduser()
    if not folder.is_dir():
        _check_kind(model)
        if try_to_load_from_cache(model, _WEIGHTS) is None:
            say(f"Downloading the segmenter {model} (facebook/sam-vit-huge: 2.6 GB).")
        for name in (_WEIGHTS, "preprocessor_config.json"):
            fetch_from_hub(model, name, revision=None, hint=_HINT)
        return
    _check_kind(str(folder))
    check_weights(folder)
    if not any(folder.glob("*.safetensors")) and not any(folder.glob("pytorch_model*.bin")):
        raise GpgError(f"the segmenter {model} has no weights in safetensors", _HINT)


def _check_kind(model: str) -> None:
    """Before gigabytes are fetched: is it there at all, and SAM?"""
    if Path(model).is_dir():
        config = Path(model, "config.json")
    else:
        config = fetch_from_hub(model, "config.json", revision=None, hint=_HINT)
    try:
        kind = json.loads(config.read_text(encoding="utf-8")).get("model_type")
    except (OSError, ValueError, AttributeError) as error:
        raise GpgError(f"the segmenter {model} has no usable config.json: {first_line(error)}", _HINT) from error
    if kind != "sam":
        raise GpgError(f"the segmenter {model} is a model of type {kind!r}; 'sam' is needed", _HINT)


def _load_model(model: str) -> Any:
    try:
        with _without_progress_bars():
            loaded, loading = load_weights(SamModel, model, dtype=torch.float32, output_loading_info=True)
    except GpgError:  # its weights are pickles, or lie elsewhere
        raise
    except Exception as error:  # a broken file shows itself as one of many exceptions of several libraries
        raise GpgError(f"cannot load the segmenter {model}: {first_line(error)}", _HINT) from error
    # transformers fills what is missing with random numbers.
    if loading["missing_keys"]:
        raise GpgError(f"the segmenter {model} lacks the weights {min(loading['missing_keys'])}", _HINT)
    return loaded


def _load_processor(model: str) -> Any:
    try:
        return SamProcessor(SamImageProcessorPil.from_pretrained(model))
    except Exception as error:
        raise GpgError(f"cannot load the segmenter's processor of {model}: {first_line(error)}", _HINT) from error


@contextlib.contextmanager
def _memory_explained(what: str) -> Iterator[None]:
    try:
        yield
    except torch.OutOfMemoryError as error:
        hint = "Free memory on the GPU, or leave masks out: --masks off"
        raise GpgError(f"the GPU's memory is too small to {what}", hint) from error


@contextlib.contextmanager
def _without_progress_bars() -> Iterator[None]:
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
