"""A tiny SAM made from configuration."""

from pathlib import Path

import pytest
import torch
from transformers import SamConfig, SamImageProcessorPil, SamModel, SamProcessor

SIDE = 64


@pytest.fixture(scope="session")
def tiny_sam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random SAM of 50,000 parameters for pictures of 64 x 64, and its processor."""
    sides = {"image_size": SIDE, "patch_size": 16}
    config = SamConfig(
        vision_config={
            **sides,
            "hidden_size": 32,
            "output_channels": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "window_size": 2,
            "global_attn_indexes": [1],
            "num_pos_feats": 8,
            "mlp_dim": 64,
        },
        prompt_encoder_config={**sides, "hidden_size": 16, "mask_input_channels": 4},
        mask_decoder_config={
            "hidden_size": 16,
            "mlp_dim": 32,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "iou_head_depth": 2,
            "iou_head_hidden_dim": 16,
        },
    )
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("tiny_sam")
    SamModel(config).save_pretrained(folder)
    processor = SamImageProcessorPil(size={"longest_edge": SIDE}, pad_size={"height": SIDE, "width": SIDE})
    SamProcessor(processor).save_pretrained(folder)
    return folder
