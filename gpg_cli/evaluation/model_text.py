"""What stands between text and a model's tokens: its tokenizer, chat template, end tokens and context length."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.engine import Completion, Message, first_line
from gpg_cli.evaluation.profiles import Style
from gpg_cli.vision.images import Picture


@dataclass(frozen=True)
class Prompt:
    """What a model is given.

    Attributes:
        text: with one place for each picture.
        token_ids: of the text, with one image token a picture.
        pictures, messages: see `engine.Request`.
        vision_tokens: how many tokens the model reads instead of the image tokens, in excess of these.
    """

    text: str
    token_ids: tuple[int, ...]
    pictures: tuple[Picture, ...] = ()
    messages: tuple[Message, ...] = ()
    vision_tokens: int = 0

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
        return self.tokenizer.chat_template is not None

    def prompt(self, query: str, style: Style) -> Prompt:
        """A query as the model is given it: the raw text, or a user's message in a chat template.

        A model without a chat template gets the raw query, unless the style insists.

        Raises:
            GpgError: the template fails with this message.
        """
        if not style.chat or not (style.template or self.has_chat_template):
            return Prompt(query, tuple(self.tokenizer(query)["input_ids"]))
        system = [{"role": "system", "content": style.system_prompt}] if style.system_prompt else []
        messages = [*system, {"role": "user", "content": query}]
        try:
            text = self.tokenizer.apply_chat_template(
                messages, chat_template=style.template, tokenize=False, add_generation_prompt=True
            )
        except Exception as error:  # a template may raise whatever it likes, for instance at a system message
            raise GpgError(
                f"the chat template fails: {first_line(error)}", "Try another: --chat-template FILE, or off."
            ) from error
        # The template has written the special tokens already; a second beginning-of-sentence would be a mistake.
        return Prompt(text, tuple(self.tokenizer(text, add_special_tokens=False)["input_ids"]))

    def completion(self, token_ids: Sequence[int]) -> Completion:
        """The text of a completion's tokens, without its end token and other special tokens."""
        stopped = bool(token_ids) and token_ids[-1] in self.stop_ids
        kept = list(token_ids[:-1] if stopped else token_ids)
        text = self.tokenizer.decode(kept, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return Completion(text, len(token_ids), "stop" if stopped else "length")


def load_model_text(location: str) -> ModelText:
    """Load the text side of a model folder or a Hub id; no weights are read.

    Raises:
        GpgError: its configuration or its tokenizer does not load.
    """
    from transformers import AutoConfig, AutoTokenizer, GenerationConfig

    hint = "Name a folder as save_pretrained writes it, tokenizer included."
    try:
        config = AutoConfig.from_pretrained(location)
        tokenizer = AutoTokenizer.from_pretrained(location)
    except Exception as error:  # a broken file shows itself as one of many exceptions of several libraries
        raise GpgError(
            f"cannot read the configuration and tokenizer of {location}: {first_line(error)}", hint
        ) from error
    # Where the files are missing, transformers makes an empty tokenizer that turns every text into nothing.
    if len(tokenizer) <= len(tokenizer.all_special_ids):
        raise GpgError(f"the model {location} has no tokenizer", hint)
    try:
        generation = GenerationConfig.from_pretrained(location)
    except OSError:  # it has no generation_config.json
        generation = GenerationConfig()
    text_config = config.get_text_config()
    stop_ids = _stop_ids([generation.eos_token_id, text_config.eos_token_id, tokenizer.eos_token_id])
    return ModelText(tokenizer, stop_ids, getattr(text_config, "max_position_embeddings", None))


def _stop_ids(found: Iterable[int | Sequence[int] | None]) -> tuple[int, ...]:
    ids: set[int] = set()
    for item in found:
        ids.update([item] if isinstance(item, int) else item or [])
    return tuple(sorted(ids))
