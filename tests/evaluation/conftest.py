"""A tiny model that reads any text and has a chat template; the real model, where there is one."""

from pathlib import Path

import pytest

CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


@pytest.fixture(scope="session")
def chat_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random Qwen2 whose tokens are bytes. Its context is 512 tokens; it ends with <end> or <stop>."""
    import torch
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    special = ["<begin>", "<end>", "<stop>"]
    bytes_ = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({token: index for index, token in enumerate(special + bytes_)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in special])
    tokenizer.post_processor = processors.TemplateProcessing(single="<begin> $A", special_tokens=[("<begin>", 0)])
    folder = tmp_path_factory.mktemp("chat_model") / "tiny-chat"
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<begin>", eos_token="<end>", chat_template=CHAT_TEMPLATE
    )
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(fast),
        hidden_size=64,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=512,
        initializer_range=0.5,  # sharp enough that greedy choices do not hang on the last bit
        bos_token_id=0,
        eos_token_id=1,
    )
    model = Qwen2ForCausalLM(config)
    # A published model's own habits, which a benchmark's sampling must not inherit; <stop> ends a turn.
    model.generation_config.update(eos_token_id=[1, 2], do_sample=True, repetition_penalty=1.5, top_k=3)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_sam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random SAM of 50,000 parameters for pictures of 64 x 64, and its processor."""
    import torch
    from transformers import SamConfig, SamImageProcessorPil, SamModel, SamProcessor

    side = 64
    sides = {"image_size": side, "patch_size": 16}
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
    processor = SamImageProcessorPil(size={"longest_edge": side}, pad_size={"height": side, "width": side})
    SamProcessor(processor).save_pretrained(folder)
    return folder
