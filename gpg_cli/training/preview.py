"""What a model will be asked, shown to a person before a training is paid for."""

from dataclasses import dataclass
from typing import Any

from gpg_cli.quickstart_pictures import QUICKSTART_VISION
from gpg_cli.quickstart_task import QUICKSTART
from gpg_cli.run_folder import find_model
from gpg_cli.training.build import load_processing, training_prompts
from gpg_cli.training.data.picture_cells import row_pictures
from gpg_cli.training.data.picture_prompts import more_tokens
from gpg_cli.training.data.rendering import tokenize_prompts
from gpg_cli.training.plan import Plan


@dataclass(frozen=True)
class Preview:
    """The first prompt of a data set, and how many there are.

    Attributes:
        prompts: short enough to be trained on.
        too_long: rows whose prompt is not.
        first: the text of the first prompt, its special tokens written out and its picture as its size in pixels.
        first_tokens: its length.
        gold: what the rewards compare an answer to it with; None where the data has none.
    """

    prompts: int
    too_long: int
    first: str
    first_tokens: int
    gold: str | None


def make_preview(plan: Plan) -> Preview:
    """Render the prompts with the tokenizer or processor of the model, which itself is not loaded.

    Raises:
        GpgError: there is no tokenizer; or see `training_prompts`.
    """
    name = plan.settings.run.model_name_or_path
    if name == QUICKSTART:
        from gpg_cli.training.quickstart import make_tokenizer

        processing: Any = make_tokenizer()
    elif name == QUICKSTART_VISION:
        from gpg_cli.training.quickstart_vision import make_processor

        processing = make_processor()
    else:
        processing = load_processing(plan, find_model(name).location)
    rows = training_prompts(plan, processing)
    first = rows[0]
    plain = not plan.run.use_chat_template
    tokens = tokenize_prompts([first["prompt"]], processing, plan.config.chat_template_kwargs, plain=plain)[0]
    tokenizer = getattr(processing, "tokenizer", processing)
    text = tokenizer.decode(tokens, skip_special_tokens=False, clean_up_tokenization_spaces=False)
    pictures = row_pictures(first) if plan.data.pictures is not None else []
    length = len(tokens)
    if pictures:
        length += more_tokens([pictures], processing)[0]
        for picture in pictures:
            width, height = picture.size()
            text = text.replace(processing.image_token, f"[picture {width} x {height}]", 1)
    return Preview(len(rows), len(plan.data.rows) - len(rows), text, length, first.get("solution"))
