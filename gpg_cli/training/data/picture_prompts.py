"""Prompts about pictures: messages whose contents are lists of parts, and how long they are."""

from collections.abc import Iterable, Sequence
from typing import Any

from gpg_cli.errors import GpgError
from gpg_cli.model_files import rendering
from gpg_cli.training.pictures import without_none
from gpg_cli.training.settings import RunSettings
from gpg_cli.vision.images import Picture
from gpg_cli.vision.model import image_token_counts, image_token_id
from gpg_cli.vision.template import plain_template

OTHER_TEMPLATE = "Give another one: chat_template, or none: --set use_chat_template=false"


def as_parts(prompt: str | list[dict[str, str]], pictures: int) -> list[dict[str, Any]]:
    """A prompt as messages of parts: the pictures before the text of the user's first message.

    Args:
        prompt: text, which becomes the one message of a user, or messages of text.
        pictures: how many.
    """
    messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
    asked = next((place for place, message in enumerate(messages) if message["role"] == "user"), None)
    if asked is None:
        raise GpgError(
            "a conversation has no message of a user, before which its picture would be put",
            "Mend or remove its row, or name a column of plain problems: --set problem_column=...",
        )
    made = []
    for place, message in enumerate(messages):
        images = [{"type": "image"}] * pictures if place == asked else []
        made.append({"role": message["role"], "content": [*images, {"type": "text", "text": message["content"]}]})
    return made


def prepare_processor(processing: Any, settings: RunSettings) -> Any:
    """Give a processor the template by which the run's prompts are written, which is saved with the model.

    Args:
        processing: a processor, or a tokenizer, which stays as it is.
    """
    if hasattr(processing, "tokenizer") and not settings.use_chat_template:
        processing.chat_template = plain_template(processing)
    return processing


def tokenize_parts(
    prompts: Sequence[Any],
    processor: Any,
    template_arguments: dict[str, Any] | None = None,
    chat_template: str | None = None,
) -> list[list[int]]:
    """The tokens of messages of parts, with one image token a picture.

    Raises:
        GpgError: the chat template fails.
    """
    given = [[{**message, "content": without_none(message["content"])} for message in prompt] for prompt in prompts]
    arguments = {"chat_template": chat_template, "tokenize": False, "add_generation_prompt": True}
    arguments |= template_arguments or {}
    with rendering(OTHER_TEMPLATE):
        processor.apply_chat_template(given[:1], **arguments)
    with rendering(OTHER_TEMPLATE, limited=False):
        texts = processor.apply_chat_template(given, **arguments)
    # The template has written the special tokens already.
    return processor.tokenizer(texts, add_special_tokens=False)["input_ids"]


def require_places(tokens: Sequence[Sequence[int]], rows: Sequence[int], processor: Any) -> None:
    """Refuse prompts that have not one place for their picture.

    Args:
        rows: number of each prompt in the data set, from 1.

    Raises:
        GpgError: naming the first one.
    """
    image = image_token_id(processor)
    for row, ids in zip(rows, tokens, strict=True):
        if (places := list(ids).count(image)) == 1:
            continue
        if places:
            raise GpgError(
                f"row {row}: its text holds {processor.image_token}, which the model takes for a picture",
                "Take the mark out of the text: a row's picture is put before it.",
            )
        raise GpgError(
            "the model's chat template leaves no place for a picture",
            "Base models have templates without roles: --set use_chat_template=false. Or give one: chat_template.",
        )


def more_tokens(pictures: Iterable[Sequence[Picture]], processor: Any) -> list[int]:
    """For each row how many tokens its pictures take, in excess of one each; only the heads of files are read."""
    return [sum(image_token_counts(processor, [picture.size() for picture in row])) - len(row) for row in pictures]
