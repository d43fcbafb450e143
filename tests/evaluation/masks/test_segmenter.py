"""A tiny SAM made from configuration runs through the segmenter as the real one does."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import SamModel

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.masks.score import MaskItem, score_masks
from gpg_cli.evaluation.masks.segmenter import SamSegmenter
from gpg_cli.vision.lisa_folder import read_lisa_folder
from tests.vision.lisa_pictures import reason_seg

SIDE = 64


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def test_masks_have_the_size_of_their_picture_and_batches_change_nothing(tiny_sam: Path) -> None:
    images = [noise(112, 84), noise(60, 90, seed=1), noise(64, 64, seed=2)]
    boxes = [(10, 10, 50, 50), (5, 5, 20, 80), (0, 0, 63, 63)]
    together = SamSegmenter(str(tiny_sam), batch_size=3).segment(images, boxes)
    assert [mask.shape for mask in together] == [(84, 112), (90, 60), (64, 64)]
    assert all(mask.dtype == np.bool_ for mask in together)
    alone = SamSegmenter(str(tiny_sam), batch_size=1)
    for image, box, mask in zip(images, boxes, together, strict=True):
        assert (alone.segment([image], [box])[0] == mask).all()


def test_the_mask_is_the_single_one_of_the_models_own_logits_for_the_box(tiny_sam: Path) -> None:
    """Computed step by step for a picture that needs no scaling: normalised pixels and the box in, logits > 0 out."""
    image, box = noise(SIDE, SIDE), (8, 12, 40, 50)
    pixels = torch.tensor(np.asarray(image), dtype=torch.float32).permute(2, 0, 1) / 255
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    normalised = (pixels - mean[:, None, None]) / std[:, None, None]
    with torch.inference_mode():
        logits = (
            SamModel.from_pretrained(tiny_sam)
            .eval()(
                pixel_values=normalised[None],
                input_boxes=torch.tensor([[box]], dtype=torch.float32),
                multimask_output=False,
            )
            .pred_masks
        )
    assert logits.shape[:3] == (1, 1, 1)
    expected = torch.nn.functional.interpolate(logits[0], (SIDE, SIDE), mode="bilinear", align_corners=False)[0, 0] > 0
    (mask,) = SamSegmenter(str(tiny_sam)).segment([image], [box])
    assert (mask == expected.numpy()).mean() > 0.999
    assert 0 < mask.mean() < 1


def test_the_box_decides_the_mask_and_a_senseless_one_is_no_crash(tiny_sam: Path) -> None:
    segmenter = SamSegmenter(str(tiny_sam))
    image = noise(112, 84)
    masks = [segmenter.segment([image], [box])[0] for box in ((0, 0, 30, 30), (80, 50, 111, 83))]
    assert (masks[0] != masks[1]).any()
    for box in ((50, 50, 10, 10), (5, 5, 5, 5), (-1_000_000, 0, 1_000_000, 50)):
        assert segmenter.segment([image], [box])[0].shape == (84, 112)


def test_a_whole_split_is_scored(tiny_sam: Path, tmp_path: Path) -> None:
    items = [
        MaskItem(one.image_path, one.shapes, one.box)
        for split in ("train", "val")
        for one in read_lisa_folder(reason_seg(tmp_path / "ReasonSeg") / split).items
    ]
    segmenter = SamSegmenter(str(tiny_sam), batch_size=4)
    scores = score_masks(items, segmenter)
    segmenter.close()
    assert (scores.pictures, scores.without_shapes, scores.without_box) == (7, 1, 1)
    assert scores.first_polygon.pictures == 6
    assert 0 < scores.first_polygon.giou < 1
    assert 0 < scores.official.ciou < 1


def test_what_is_no_sam_is_refused_in_words(tiny_sam: Path, tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(GpgError, match=r"type 'qwen2'; 'sam' is needed") as refused:
        SamSegmenter(str(tiny_model))
    assert "--masks off" in refused.value.hint
    with pytest.raises(GpgError, match=r"no usable config.json"):
        SamSegmenter(str(tmp_path))
    with pytest.raises(GpgError, match="cannot be reached"):
        SamSegmenter("facebook/sam-vit-huge-that-is-not-cached")
    (tmp_path / "config.json").write_text((tiny_sam / "config.json").read_text())
    with pytest.raises(GpgError, match="cannot load the segmenter"):
        SamSegmenter(str(tmp_path))


def test_weights_that_are_missing_are_not_made_up(tiny_sam: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    for name in ("config.json", "processor_config.json"):
        (tmp_path / name).write_text((tiny_sam / name).read_text())
    weights = load_file(tiny_sam / "model.safetensors")
    weights.pop("mask_decoder.mask_tokens.weight")
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(GpgError, match=r"lacks the weights mask_decoder.mask_tokens.weight"):
        SamSegmenter(str(tmp_path))


def test_a_processor_of_another_format_is_named(tiny_sam: Path, tmp_path: Path) -> None:
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((tiny_sam / name).read_bytes())
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(["broken"]))
    with pytest.raises(GpgError, match="processor"):
        SamSegmenter(str(tmp_path))
