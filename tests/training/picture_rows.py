"""Training rows with small drawn pictures, and a trainer on them."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset
from PIL import Image

from gpg_cli.training.config import GPGConfig
from gpg_cli.training.trainer import GPGTrainer
from gpg_cli.vision.model import load_processor

COLOURS = ("red", "green", "blue", "yellow", "black", "white")
SIZES = ((56, 56), (84, 56), (56, 112))


def png(colour: str, size: tuple[int, int]) -> bytes:
    """A picture of one colour, encoded."""
    held = io.BytesIO()
    Image.new("RGB", size, colour).save(held, format="PNG")
    return held.getvalue()


def picture_rows(count: int = 6) -> Dataset:
    """Rows as training data has them: `prompt` with a place for a picture, `images` undecoded, `solution`."""
    rows = []
    for row in range(count):
        colour = COLOURS[row % len(COLOURS)]
        parts = [{"type": "image", "text": None}, {"type": "text", "text": f"Which colour is number {row}?"}]
        rows.append(
            {
                "prompt": [{"role": "user", "content": parts}],
                "images": [{"bytes": png(colour, SIZES[row % len(SIZES)]), "path": None}],
                "solution": f"<answer> {colour} </answer>",
            }
        )
    return Dataset.from_list(rows)


def length_parity(completions: Sequence[Any], **columns: Any) -> list[float]:
    """A reward with signal in nearly every group of random completions."""
    return [float(len(completion[0]["content"]) % 3) for completion in completions]


def make_picture_trainer(
    model: Path,
    folder: Path,
    rows: Dataset | None = None,
    reward: Callable = length_parity,
    trainer_class: type = GPGTrainer,
    config_class: type = GPGConfig,
    after_config: Callable[[], None] = lambda: None,
    **settings: Any,
) -> Any:
    """A trainer on the CPU that samples from a small vision model: 2 prompts x 4 completions a step."""
    config = config_class(
        output_dir=str(folder),
        **{
            "per_device_train_batch_size": 8,
            "num_generations": 4,
            "max_steps": 2,
            "learning_rate": 1e-3,
            "use_cpu": True,
            "bf16": False,
            "gradient_checkpointing": False,
            "save_strategy": "no",
            "disable_tqdm": True,
            "max_completion_length": 8,
            "temperature": 1.0,
            **({"loss_reduction": "sequence"} if config_class is GPGConfig else {}),
            **settings,
        },
    )
    after_config()
    return trainer_class(
        str(model),
        [reward],
        config,
        train_dataset=picture_rows() if rows is None else rows,
        processing_class=load_processor(str(model), padding_side="left"),
    )
