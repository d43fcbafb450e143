"""Prompts with pictures: a conversation of parts, rendered by a chat template, with one image token a picture."""

from collections.abc import Sequence
from typing import Any

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.engine import Message
from gpg_cli.model_files import rendering
from gpg_cli.vision.images import Picture
from gpg_cli.vision.model import image_token_counts, image_token_id

OTHER_TEMPLATE = "Try another: --chat-template FILE, or off."


def conversation(query: str, pictures: Sequence[Picture], system_prompt: str | None) -> tuple[Message, ...]:
    """The messages of a query: the system message where there is one, then the user's, its pictures before its text."""
    images = [{"type": "image"} for _ in pictures]
    user = {"role": "user", "content": [*images, {"type": "text", "text": query}]}
    if not system_prompt:
        return (user,)
    return {"role": "system", "content": [{"type": "text", "text": system_prompt}]}, user


def render(processor: Any, messages: Sequence[Message], template: str | None, pictures: int) -> tuple[str, list[int]]:
    """A conversation as text, and as tokens with one image token a picture.

    Args:
        template: Jinja text; None for the model's own.
        pictures: how many the conversation has.

    Raises:
        GpgError: the template fails, or has not one place for each picture.
    """
    tokenizer = processor.tokenizer
    chosen = template or processor.chat_template or tokenizer.chat_template
    with rendering(OTHER_TEMPLATE):
        text = tokenizer.apply_chat_template(
            list(messages), chat_template=chosen, tokenize=False, add_generation_prompt=True
        )
    # The template has written the special tokens already; a second beginning-of-sentence would be a mistake.
    token_ids = list(tokenizer(text, add_special_tokens=False)["input_ids"])
    places = token_ids.count(image_token_id(processor))
    if places != pictures:
        raise GpgError(
            f"a prompt has {places} places for {pictures} pictures, as the chat template writes it",
            "Base models have templates without roles: --chat-template off. Or give one: --chat-template FILE",
        )
    return text, token_ids


def vision_tokens(processor: Any, pictures: Sequence[Picture]) -> int:
    """How many tokens pictures take, in excess of one image token each; see `Picture.size`."""
    return sum(image_token_counts(processor, [picture.size() for picture in pictures])) - len(pictures)
