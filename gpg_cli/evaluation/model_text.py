"""What stands between text and a model's tokens: its tokenizer, chat template, end tokens and context length."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.engine import Completion, Message, first_line
from gpg_cli.evaluation.picture_prompts import OTHER_TEMPLATE, conversation, render, vision_tokens
from gpg_cli.evaluation.profiles import Style
from gpg_cli.model_files import check_sizes, loading, rendering
from gpg_cli.pretrained import load
from gpg_cli.vision.images import Picture
from gpg_cli.vision.model import is_vision_config, load_processor
from gpg_cli.vision.template import plain_template

# Of a prompt that cannot be used, so many characters are shown.
_SHOWN = 60


@dataclass(frozen=True)
class Prompt:
    """What a model is given.

    Attributes:
        text: with one place for each picture.
        token_ids: of the text, with one image token a picture.
        pictures, messages: see `engine.Request`.
        vision_tokens: how many tokens the model reads instead of the image tokens, in excess of these.
        template: Jinja text that rendered `messages`; None for the model's own.
    """

    text: str
    token_ids: tuple[int, ...]
    pictures: tuple[Picture, ...] = ()
    messages: tuple[Message, ...] = ()
    vision_tokens: int = 0
    template: str | None = None

    @property
    def length(self) -> int:
        """In tokens, as the model reads it."""
        return len(self.token_ids) + self.vision_tokens


@dataclass(frozen=True)
class ModelText:
    """The text side of one model.

    Attributes:
        tokenizer: a transformers tokenizer.
        stop_ids: tokens that end a completion: the generation config's, the config's and the tokenizer's.
        context_length: longest prompt and completion together, in tokens; None where the model sets no bound.
        processor: of a vision-language model that is to be shown pictures, `tokenizer` included; None elsewhere.
    """

    tokenizer: Any
    stop_ids: tuple[int, ...]
    context_length: int | None
    processor: Any = None

    @property
    def has_chat_template(self) -> bool:
        own = self.tokenizer.chat_template or getattr(self.processor, "chat_template", None)
        return own is not None

    def prompt(self, query: str, style: Style, pictures: Sequence[Picture] = ()) -> Prompt:
        """A query as the model is given it: the raw text, or a user's message in a chat template.

        A model without a chat template gets the raw query, unless the style insists. Pictures stand before the query.

        Raises:
            GpgError: the template fails with this message, or has no place for the pictures; a picture is broken; the
                tokenizer makes nothing of the text.
        """
        if pictures:
            return self._prompt_with_pictures(query, style, tuple(pictures))
        if not style.chat or not (style.template or self.has_chat_template):
            return Prompt(query, self._token_ids(query))
        system = [{"role": "system", "content": style.system_prompt}] if style.system_prompt else []
        messages = [*system, {"role": "user", "content": query}]
        with rendering(OTHER_TEMPLATE):
            text = self.tokenizer.apply_chat_template(
                messages, chat_template=style.template, tokenize=False, add_generation_prompt=True
            )
        if not text.strip():
            raise GpgError(
                "the chat template writes nothing of a prompt with roles",
                "Base vision-language models have such templates: --chat-template off, or another: FILE",
            )
        # The template has written the special tokens already; a second beginning-of-sentence would be a mistake.
        return Prompt(text, self._token_ids(text, add_special_tokens=False))

    def _token_ids(self, text: str, **options: Any) -> tuple[int, ...]:
        shown = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
        hint = "Mend the text of the problem, or name a model with another tokenizer."
        with loading(f"the prompt {shown!r} as tokens", hint):  # half a character (a lone surrogate) is no text to it
            tokens = tuple(self.tokenizer(text, **options)["input_ids"])
        if not tokens:
            raise GpgError(f"the model's tokenizer has no token for anything in the prompt {shown!r}", hint)
        return tokens

    def _prompt_with_pictures(self, query: str, style: Style, pictures: tuple[Picture, ...]) -> Prompt:
        assert self.processor is not None  # `load_model_text` was told that there are pictures
        has_roles = style.chat and bool(style.template or self.has_chat_template)
        template = style.template if has_roles else plain_template(self.processor)
        messages = conversation(query, pictures, style.system_prompt if has_roles else None)
        text, token_ids = render(self.processor, messages, template, len(pictures))
        excess = vision_tokens(self.processor, pictures)
        return Prompt(text, tuple(token_ids), pictures, messages, excess, template)

    def completion(self, token_ids: Sequence[int]) -> Completion:
        """The text of a completion's tokens, without its end token and other special tokens."""
        stopped = bool(token_ids) and token_ids[-1] in self.stop_ids
        kept = list(token_ids[:-1] if stopped else token_ids)
        text = self.tokenizer.decode(kept, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return Completion(text, len(token_ids), "stop" if stopped else "length")


def load_model_text(location: str, *, shown_in: Sequence[str] = (), max_pixels: int | None = None) -> ModelText:
    """Load the text side of a model folder or a Hub id, and what makes pictures of its input; no weights are read.

    Args:
        shown_in: names of the benchmarks that show pictures; without any, no image processor is loaded.
        max_pixels: to which area a picture is scaled down; None leaves it to the model.

    Raises:
        GpgError: its configuration, tokenizer or image processor does not load; it is a text model, and pictures are
            to be shown to it.
    """
    from transformers import AutoConfig, AutoTokenizer, GenerationConfig

    hint = "Name a folder as save_pretrained writes it, tokenizer included."
    if Path(location).is_dir():
        check_sizes(Path(location))
    try:
        config = load(AutoConfig, location)
        tokenizer = load(AutoTokenizer, location)
    except GpgError:  # they need what nobody allowed
        raise
    except Exception as error:  # a broken file shows itself as one of many exceptions of several libraries
        raise GpgError(
            f"cannot read the configuration and tokenizer of {location}: {first_line(error)}", hint
        ) from error
    processor = None
    if shown_in:
        if not is_vision_config(config):
            verb = "shows" if len(shown_in) == 1 else "show"
            raise GpgError(
                f"{', '.join(shown_in)} {verb} pictures, and {location} is a text model",
                "Name a vision-language model, or benchmarks of text.",
            )
        processor = load_processor(location, max_pixels=max_pixels)
        tokenizer = processor.tokenizer
    # Where the files are missing, transformers makes an empty tokenizer that turns every text into nothing.
    if len(tokenizer) <= len(tokenizer.all_special_ids):
        raise GpgError(f"the model {location} has no tokenizer", hint)
    with loading(location, hint):
        try:
            generation = GenerationConfig.from_pretrained(location)
        except OSError:  # it has no generation_config.json
            generation = GenerationConfig()
        text_config = config.get_text_config()
        stop_ids = _stop_ids([generation.eos_token_id, text_config.eos_token_id, tokenizer.eos_token_id])
    return ModelText(tokenizer, stop_ids, getattr(text_config, "max_position_embeddings", None), processor)


def _stop_ids(found: Iterable[int | Sequence[int] | None]) -> tuple[int, ...]:
    ids: set[int] = set()
    for item in found:
        ids.update([item] if isinstance(item, int) else item or [])
    return tuple(sorted(ids))
