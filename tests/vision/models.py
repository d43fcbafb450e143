"""Tiny Qwen2-VL and Qwen2.5-VL models from configuration: a byte-level tokenizer, random weights."""

from pathlib import Path
from typing import Any, Literal

Kind = Literal["qwen2_vl", "qwen2_5_vl"]

SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
# As Qwen2-VL's instruct models write a conversation: a default system message, a picture as three tokens.
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if loop.first and message['role'] != 'system' %}"
    "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}"
    "<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def save_tiny_vision_model(folder: Path, kind: Kind = "qwen2_vl", seed: int = 0, *, chat: bool = True) -> Path:
    """Write model, tokenizer and processor into a folder, as `save_pretrained` does."""
    import torch

    processor = make_processor(kind, chat=chat)
    torch.manual_seed(seed)
    make_model(processor.tokenizer, kind).save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def make_tokenizer() -> Any:
    """A token for each byte, as Qwen2's tokenizer writes bytes, and the special ones."""
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import AddedToken, Qwen2Tokenizer

    vocabulary = {character: index for index, character in enumerate(sorted(ByteLevel.alphabet()))}
    tokenizer = Qwen2Tokenizer(
        vocab=vocabulary,
        merges=[],
        unk_token=None,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        extra_special_tokens={
            "image_token": "<|image_pad|>",
            "video_token": "<|video_pad|>",
            "vision_bos_token": "<|vision_start|>",
            "vision_eos_token": "<|vision_end|>",
        },
    )
    missing = [token for token in SPECIAL if token not in tokenizer.get_vocab()]
    tokenizer.add_tokens([AddedToken(token, special=True, normalized=False) for token in missing], special_tokens=True)
    return tokenizer


def make_processor(kind: Kind = "qwen2_vl", *, chat: bool = True) -> Any:
    """Tokenizer and image processor; without `chat` there is no chat template, as some base models have none."""
    from transformers import Qwen2_5_VLProcessor, Qwen2VLImageProcessor, Qwen2VLProcessor
    from transformers.models.qwen2_vl.video_processing_qwen2_vl import Qwen2VLVideoProcessor

    tokenizer = make_tokenizer()
    template = CHAT_TEMPLATE if chat else None
    tokenizer.chat_template = template
    made = Qwen2VLProcessor if kind == "qwen2_vl" else Qwen2_5_VLProcessor
    return made(
        image_processor=Qwen2VLImageProcessor(size={"shortest_edge": 28 * 28, "longest_edge": 401408}),
        tokenizer=tokenizer,
        video_processor=Qwen2VLVideoProcessor(),
        chat_template=template,
    )


def make_model(tokenizer: Any, kind: Kind = "qwen2_vl") -> Any:
    """About 0.3 million parameters; attention heads of size 32, the smallest that vLLM takes."""
    from transformers import (
        Qwen2_5_VLConfig,
        Qwen2_5_VLForConditionalGeneration,
        Qwen2VLConfig,
        Qwen2VLForConditionalGeneration,
    )

    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in SPECIAL}
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "max_position_embeddings": 4096,
        "rope_parameters": {"rope_type": "default", "mrope_section": [4, 6, 6], "rope_theta": 10000.0},
        "tie_word_embeddings": True,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    tower: dict[str, Any] = {"depth": 2, "num_heads": 2, "patch_size": 14, "spatial_merge_size": 2}
    shared = {
        "text_config": text,
        "image_token_id": ids["<|image_pad|>"],
        "video_token_id": ids["<|video_pad|>"],
        "vision_start_token_id": ids["<|vision_start|>"],
        "vision_end_token_id": ids["<|vision_end|>"],
        "tie_word_embeddings": True,
    }
    if kind == "qwen2_vl":
        tower |= {"embed_dim": 64, "hidden_size": 64, "mlp_ratio": 2, "temporal_patch_size": 2, "in_channels": 3}
        return Qwen2VLForConditionalGeneration(Qwen2VLConfig(vision_config=tower, **shared))
    tower |= {"hidden_size": 64, "intermediate_size": 128, "out_hidden_size": 64, "temporal_patch_size": 2}
    tower |= {"in_channels": 3, "window_size": 56, "fullatt_block_indexes": [1]}
    return Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(vision_config=tower, **shared))
