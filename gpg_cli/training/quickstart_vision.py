"""The model of quickstart-vision: made from nothing, and warmed up on counts that often overlook the last row.

Kept in the user's cache folder, under a name that holds everything it depends on; see `quickstart_cache`.
"""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AddedToken, Qwen2Tokenizer, Qwen2VLConfig, Qwen2VLForConditionalGeneration

from gpg_cli import quickstart_pictures
from gpg_cli.quickstart_pictures import CELL, COLUMNS, QUESTION, ROWS, TAGS, Scene, training_scenes
from gpg_cli.training.quickstart_cache import cached_model
from gpg_cli.training.warm_up import in_batches, learn_from_texts
from gpg_cli.vision.model import require_image_processors

OVERLOOK_LAST = 0.6
WARMUP_STEPS = 300
BATCH_SIZE = 64
LEARNING_RATE = 3e-3

PAD, END = "<|endoftext|>", "<|im_end|>"
VISION = ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
# The parts of a message one after the other, as base models of Qwen2-VL have it: no roles, no system message.
CHAT_TEMPLATE = (
    "{% for message in messages %}{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}{% endfor %}"
)


def quickstart_vision_model(seed: int, on_step: Callable[[int, int], None] | None = None) -> Path:
    """The folder of the warmed-up model for a seed, from the cache or made now.

    Args:
        seed: decides the weights and the texts; the same seed gives the same bytes on the same hardware.
        on_step: called with (steps done, all steps) while the model is made.
    """

    def make(folder: Path) -> None:
        processor = make_processor()
        model = make_model(processor.tokenizer, seed)
        warm_up(model, processor, seed, on_step)
        model.save_pretrained(folder)
        processor.save_pretrained(folder)

    return cached_model("quickstart-vision", seed, (Path(__file__), Path(quickstart_pictures.__file__)), make)


def make_processor() -> Any:
    """One token a byte, besides the tags and what Qwen2-VL needs; pictures stay as large as they are.

    Raises:
        GpgError: see `require_image_processors`.
    """
    require_image_processors()
    # Imported here, because the last one imports torchvision.
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import Qwen2VLImageProcessor, Qwen2VLProcessor
    from transformers.models.qwen2_vl.video_processing_qwen2_vl import Qwen2VLVideoProcessor

    vocabulary = {token: index for index, token in enumerate((PAD, END, *VISION, *sorted(ByteLevel.alphabet())))}
    names = ("vision_bos_token", "vision_eos_token", "image_token", "video_token")
    tokenizer = Qwen2Tokenizer(
        vocab=vocabulary,
        merges=[],
        unk_token=None,
        eos_token=END,
        pad_token=PAD,
        extra_special_tokens=dict(zip(names, VISION, strict=True)),
    )
    tokenizer.add_tokens([AddedToken(tag, normalized=False) for tag in TAGS])
    tokenizer.chat_template = CHAT_TEMPLATE
    area = CELL * CELL * ROWS * COLUMNS
    return Qwen2VLProcessor(
        image_processor=Qwen2VLImageProcessor(size={"shortest_edge": CELL * CELL, "longest_edge": area}),
        tokenizer=tokenizer,
        video_processor=Qwen2VLVideoProcessor(),
        chat_template=CHAT_TEMPLATE,
    )


def make_model(tokenizer: Any, seed: int) -> Qwen2VLForConditionalGeneration:
    """A Qwen2-VL of 0.4 million parameters; heads of size 32, the smallest that vLLM takes."""
    torch.manual_seed(seed)
    bos, eos, image, video = tokenizer.convert_tokens_to_ids(list(VISION))
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": 128,
        "intermediate_size": 256,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "max_position_embeddings": 128,
        "rope_parameters": {"rope_type": "default", "mrope_section": [4, 6, 6], "rope_theta": 10000.0},
        "tie_word_embeddings": True,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    tower = {"depth": 1, "num_heads": 2, "embed_dim": 64, "hidden_size": 128, "mlp_ratio": 2, "patch_size": 14}
    config = Qwen2VLConfig(
        text_config=text,
        vision_config={**tower, "spatial_merge_size": 2, "temporal_patch_size": 2, "in_channels": 3},
        image_token_id=image,
        video_token_id=video,
        vision_start_token_id=bos,
        vision_end_token_id=eos,
        tie_word_embeddings=True,
    )
    return Qwen2VLForConditionalGeneration(config)


def warm_up(
    model: Qwen2VLForConditionalGeneration,
    processor: Any,
    seed: int,
    on_step: Callable[[int, int], None] | None = None,
) -> None:
    """Supervised learning on solutions that overlook the last row six times in ten; a fixed number of steps."""
    overlooking = random.Random(f"overlooking {seed}")
    # Other scenes than those of the reinforcement learning that follows with the same seed.
    scenes = training_scenes(seed + 1_000_000, WARMUP_STEPS * BATCH_SIZE)
    batches = (_batch(batch, processor, overlooking) for batch in in_batches(scenes, BATCH_SIZE))
    learn_from_texts(model, batches, WARMUP_STEPS, LEARNING_RATE, on_step)


def _batch(scenes: Sequence[Scene], processor: Any, overlooking: random.Random) -> dict[str, torch.Tensor]:
    """The model's arguments and `labels`, (batch, tokens), padded on the right; only solutions are learned."""
    message = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": QUESTION}]}
    prompt = processor.apply_chat_template([message], tokenize=False)
    texts = [prompt + scene.solution(OVERLOOK_LAST, overlooking) + END for scene in scenes]
    pictures = [scene.draw() for scene in scenes]
    batch = dict(processor(images=pictures, text=texts, padding=True, padding_side="right", return_tensors="pt"))
    # All prompts are equally long: a picture takes one token a cell instead of one.
    start = len(processor.tokenizer(prompt)["input_ids"]) - 1 + ROWS * COLUMNS
    labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
    labels[:, :start] = -100
    return {**batch, "labels": labels}
