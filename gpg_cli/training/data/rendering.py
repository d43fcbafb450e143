"""From problems to prompts: the system prompt, the chat template or none, and the limit on their length."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from gpg_cli.console import say
from gpg_cli.errors import GpgError
from gpg_cli.local_data import quiet_datasets
from gpg_cli.model_files import rendering
from gpg_cli.training.data.columns import PromptKind
from gpg_cli.training.data.picture_cells import PICTURES
from gpg_cli.training.data.picture_prompts import OTHER_TEMPLATE, as_parts, more_tokens, require_places, tokenize_parts
from gpg_cli.training.data.pictures import attach
from gpg_cli.training.settings import PROBLEM, RunSettings
from gpg_cli.vision.template import plain_template

if TYPE_CHECKING:
    from gpg_cli.training.data.loading import TrainingData

_AT_ONCE = 1000
Prompt = str | list[dict[str, Any]]


def make_prompts(
    data: "TrainingData",
    settings: RunSettings,
    processing: Any,
    template_arguments: dict[str, Any] | None = None,
) -> Dataset:
    """The trainer's data set: `prompt`, `solution`, other columns, and `images` where the problems are about pictures.

    Without pictures a prompt is messages, or text where no chat template is used; with pictures it is messages whose
    contents are lists of parts, which are written one after the other where no chat template is used
    (`prepare_processor`).

    Args:
        processing: the model's tokenizer; where there are pictures its processor.
        template_arguments: further arguments of the chat template, TRL's `chat_template_kwargs`.

    Raises:
        GpgError: no chat template where one is asked for, or none where a conversation needs one; a prompt has not one
            place for its picture; every prompt is longer than `max_prompt_length` tokens.
    """
    kind = data.columns.kind
    tokenizer = getattr(processing, "tokenizer", processing)
    if settings.use_chat_template and kind is not PromptKind.RENDERED and not _chat_template(processing):
        raise GpgError(
            f"the model {settings.model_name_or_path} has no chat template",
            "Train on the plain problem text with --set use_chat_template=false, or choose an instruct model.",
        )
    prompts = [_prompt(problem, kind, settings, tokenizer) for problem in data.rows["problem"]]
    if data.pictures is not None:
        prompts = _about_pictures(prompts, kind, settings)
    kept = _short_enough(data, prompts, settings, processing, template_arguments)
    taken = [name for name, drop in (("problem", kind is not PromptKind.TEXT), (PICTURES, data.pictures)) if drop]
    rows = data.rows.remove_columns(taken)
    if not rows.column_names:
        rows = Dataset.from_dict({"prompt": prompts}).select(kept)
    else:
        with quiet_datasets():
            rows = rows.add_column("prompt", prompts).select(kept)
    if data.pictures is None:
        return rows
    return attach(rows, data.pictures, [data.row_numbers[row] - 1 for row in kept])


def _about_pictures(prompts: list[Prompt], kind: PromptKind, settings: RunSettings) -> list[Prompt]:
    if kind is PromptKind.RENDERED:
        raise GpgError(
            f"{settings.dataset_name} holds whole prompts, into which no picture can be put",
            "Name a column of plain problems: --set problem_column=...",
        )
    return [as_parts(prompt, pictures=1) for prompt in prompts]


def _short_enough(
    data: "TrainingData",
    prompts: list[Prompt],
    settings: RunSettings,
    processing: Any,
    template_arguments: dict[str, Any] | None,
) -> list[int]:
    """Positions of the prompts of at most `max_prompt_length` tokens, vision tokens included: none is ever cropped."""
    if settings.max_prompt_length is None and data.pictures is None:
        return list(range(len(prompts)))
    lengths = prompt_lengths(data, prompts, settings, processing, template_arguments)
    limit = settings.max_prompt_length
    kept = [row for row, length in enumerate(lengths) if limit is None or length <= limit]
    if not kept:
        raise GpgError(
            f"every prompt is longer than max_prompt_length = {limit} tokens",
            f"The shortest has {min(lengths)}. Raise it with --set max_prompt_length=...",
        )
    if len(kept) < len(prompts):
        say(f"Left out {len(prompts) - len(kept)} prompts of more than {limit} tokens.")
    return kept


def prompt_lengths(
    data: "TrainingData",
    prompts: Sequence[Prompt],
    settings: RunSettings,
    processing: Any,
    template_arguments: dict[str, Any] | None = None,
) -> list[int]:
    """Tokens of the prompts of all rows, as the model reads them: with all tokens of their pictures.

    Raises:
        GpgError: a prompt has not one place for its picture.
    """
    tokens = tokenize_prompts(prompts, processing, template_arguments, plain=not settings.use_chat_template)
    if data.pictures is None:
        return [len(ids) for ids in tokens]
    require_places(tokens, data.row_numbers, processing)
    more = more_tokens((data.pictures.of(number - 1) for number in data.row_numbers), processing)
    return [len(ids) + further for ids, further in zip(tokens, more, strict=True)]


def _chat_template(processing: Any) -> str | None:
    own = getattr(processing, "tokenizer", None)
    return processing.chat_template or (own.chat_template if own is not None else None)


def tokenize_prompts(
    prompts: Sequence[Prompt],
    processing: Any,
    template_arguments: dict[str, Any] | None = None,
    *,
    plain: bool = False,
) -> list[list[int]]:
    """The tokens of each prompt, by the calls that TRL 1.16 makes to sample from them; one image token a picture.

    Args:
        processing: a tokenizer, or a processor.
        plain: write the parts of messages one after the other, instead of using the chat template.
    """
    tokenizer = getattr(processing, "tokenizer", processing)
    tokens: list[list[int]] = []
    for start in range(0, len(prompts), _AT_ONCE):
        part = list(prompts[start : start + _AT_ONCE])
        if isinstance(part[0], str):
            tokens += tokenizer(text=part)["input_ids"]
        elif not isinstance(part[0][0]["content"], str):
            template = plain_template(processing) if plain else None
            tokens += tokenize_parts(part, processing, template_arguments, template)
        else:
            arguments = {"add_generation_prompt": True, **(template_arguments or {})}
            with rendering(OTHER_TEMPLATE):
                tokenizer.apply_chat_template(part[0], tokenize=False, **arguments)
            with rendering(OTHER_TEMPLATE, limited=False):
                made = tokenizer.apply_chat_template(part, tokenize=True, return_dict=True, **arguments)
            tokens += made["input_ids"]
    return tokens


def _prompt(problem: Prompt, kind: PromptKind, settings: RunSettings, tokenizer: PreTrainedTokenizerBase) -> Prompt:
    if isinstance(problem, list):
        *before, last = problem
        return _conversation([*before, {**last, "content": _wrapped(last["content"], settings)}], settings)
    if kind is PromptKind.RENDERED:
        return _without_second_start(problem, tokenizer)
    problem = _wrapped(problem, settings)
    if not settings.use_chat_template:
        return f"{settings.system_prompt}\n\n{problem}" if settings.system_prompt else problem
    return _conversation([{"role": "user", "content": problem}], settings)


def _wrapped(problem: str, settings: RunSettings) -> str:
    # Not str.format: both the template and a problem may hold other braces.
    return settings.prompt_template.replace(PROBLEM, problem) if settings.prompt_template else problem


def _conversation(messages: list[dict[str, str]], settings: RunSettings) -> Prompt:
    """The messages, with the system prompt of the settings where they have none of their own."""
    if settings.system_prompt and all(message["role"] != "system" for message in messages):
        messages = [{"role": "system", "content": settings.system_prompt}, *messages]
    if settings.use_chat_template:
        return messages
    if len(messages) > 2 or messages[-1]["role"] != "user":
        raise GpgError(
            "a conversation of several turns cannot be a prompt without a chat template",
            "Leave use_chat_template on, or name a column of plain problems with --set problem_column=...",
        )
    return "\n\n".join(message["content"] for message in messages)


def _without_second_start(text: str, tokenizer: PreTrainedTokenizerBase) -> str:
    """A ready-made prompt that begins with the start token, which the tokenizer puts before every text by itself."""
    start = tokenizer.bos_token
    if start and text.startswith(start) and tokenizer("")["input_ids"] == [tokenizer.bos_token_id]:
        return text.removeprefix(start)
    return text
