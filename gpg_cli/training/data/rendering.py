"""From problems to prompts: the system prompt, the chat template or none, and the limit on their length."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from gpg_cli.console import say
from gpg_cli.errors import GpgError
from gpg_cli.local_data import quiet_datasets
from gpg_cli.training.data.columns import PromptKind
from gpg_cli.training.settings import RunSettings

if TYPE_CHECKING:
    from gpg_cli.training.data.loading import TrainingData

_AT_ONCE = 1000
Prompt = str | list[dict[str, str]]


def make_prompts(
    data: "TrainingData",
    settings: RunSettings,
    tokenizer: PreTrainedTokenizerBase,
    template_arguments: dict[str, Any] | None = None,
) -> Dataset:
    """The trainer's data set: `prompt` (messages, or text where no chat template is used), `solution`, other columns.

    Args:
        template_arguments: further arguments of the chat template, TRL's `chat_template_kwargs`.

    Raises:
        GpgError: no chat template where one is asked for, or none where a conversation needs one; every prompt is
            longer than `max_prompt_length` tokens.
    """
    kind = data.columns.kind
    if settings.use_chat_template and kind is not PromptKind.RENDERED and tokenizer.chat_template is None:
        raise GpgError(
            f"the model {settings.model_name_or_path} has no chat template",
            "Train on the plain problem text with --set use_chat_template=false, or choose an instruct model.",
        )
    prompts = [_prompt(problem, kind, settings, tokenizer) for problem in data.rows["problem"]]
    rows = data.rows if kind is PromptKind.TEXT else data.rows.remove_columns("problem")
    kept = list(range(len(prompts)))
    if settings.max_prompt_length is not None:
        lengths = [len(tokens) for tokens in tokenize_prompts(prompts, tokenizer, template_arguments)]
        kept = [row for row, length in enumerate(lengths) if length <= settings.max_prompt_length]
        if not kept:
            raise GpgError(
                f"every prompt is longer than max_prompt_length = {settings.max_prompt_length} tokens",
                f"The shortest has {min(lengths)}. Raise it with --set max_prompt_length=...",
            )
        if len(kept) < len(prompts):
            say(f"Left out {len(prompts) - len(kept)} prompts of more than {settings.max_prompt_length} tokens.")
    if not rows.column_names:
        return Dataset.from_dict({"prompt": prompts}).select(kept)
    with quiet_datasets():
        return rows.add_column("prompt", prompts).select(kept)


def tokenize_prompts(
    prompts: Sequence[Prompt], tokenizer: PreTrainedTokenizerBase, template_arguments: dict[str, Any] | None = None
) -> list[list[int]]:
    """The tokens of each prompt, by the calls that TRL 1.16 makes to sample from them."""
    tokens: list[list[int]] = []
    for start in range(0, len(prompts), _AT_ONCE):
        part = list(prompts[start : start + _AT_ONCE])
        if isinstance(part[0], str):
            tokens += tokenizer(text=part)["input_ids"]
        else:
            made = tokenizer.apply_chat_template(
                part, add_generation_prompt=True, tokenize=True, return_dict=True, **(template_arguments or {})
            )
            tokens += made["input_ids"]
    return tokens


def _prompt(problem: Prompt, kind: PromptKind, settings: RunSettings, tokenizer: PreTrainedTokenizerBase) -> Prompt:
    if isinstance(problem, list):
        return _conversation(problem, settings)
    if kind is PromptKind.RENDERED:
        return _without_second_start(problem, tokenizer)
    if not settings.use_chat_template:
        return f"{settings.system_prompt}\n\n{problem}" if settings.system_prompt else problem
    return _conversation([{"role": "user", "content": problem}], settings)


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
