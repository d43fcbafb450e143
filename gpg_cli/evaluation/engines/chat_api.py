"""The body of a request to /v1/chat/completions, where prompts with pictures go, and the completion in its answer."""

import json
from collections.abc import Sequence
from typing import Any

from gpg_cli.evaluation.engine import Completion, Message, Request
from gpg_cli.evaluation.engines.completions_api import Way, read_completion, settings_of
from gpg_cli.evaluation.engines.pictures import PromptReader, data_url
from gpg_cli.evaluation.engines.server import ServerFailure
from gpg_cli.evaluation.engines.vllm_pictures import processor_arguments
from gpg_cli.evaluation.model_text import ModelText
from gpg_cli.vision.images import Picture


def chat_body(request: Request, model: str, text: ModelText, way: Way) -> dict[str, Any]:
    """The JSON of one request with pictures; the server writes the prompt, by our template where there is one.

    Raises:
        GpgError: see `Picture.load`.
    """
    body = settings_of(request, model, text, way) | {"messages": _messages(request.messages, request.pictures)}
    if request.template is not None:
        # vLLM refuses it, in clear words, unless it was started with --trust-request-chat-template.
        body["chat_template"] = request.template
    return body


def read_chat_completion(request: Request, answer: Any, text: ModelText, reader: PromptReader) -> Completion:
    """The completion in an answer; its prompt must have been the one that is meant, vision tokens included.

    Raises:
        ServerFailure: see `read_completion`.
    """
    meant = Request(request.index, tuple(reader.token_ids(request)), request.sampling)
    as_text = _as_text_completion(answer)
    _check_length(as_text, len(meant.token_ids), text)
    return read_completion(meant, as_text, text)


def _check_length(answer: dict[str, Any], meant: int, text: ModelText) -> None:
    """Pictures in another size are another number of tokens.

    The limits of their size are not sent with each request: vLLM refuses that unless it was started with
    --trust-request-mm-kwargs.
    """
    usage = answer.get("usage")
    read = usage.get("prompt_tokens") if isinstance(usage, dict) else None
    if isinstance(read, int) and read != meant:
        limits = json.dumps(processor_arguments(text).get("mm_processor_kwargs", {}))
        raise ServerFailure(
            f"has read a prompt with pictures of {meant} tokens as one of {read}; does it scale them as this "
            f"evaluation does (vllm serve --mm-processor-kwargs '{limits}')?"
        )


def _messages(messages: Sequence[Message], pictures: Sequence[Picture]) -> list[dict[str, Any]]:
    """OpenAI's parts: a picture is an `image_url`, here one that holds the file itself."""
    left = iter(pictures)

    def sent(part: Any) -> Any:
        if part["type"] != "image":
            return part
        return {"type": "image_url", "image_url": {"url": data_url(next(left))}}

    return [
        {**message, "content": content if isinstance(content := message["content"], str) else [*map(sent, content)]}
        for message in messages
    ]


def _as_text_completion(answer: Any) -> Any:
    """An answer in the form that /v1/completions has: the text and the prompt's tokens inside the choice."""
    choices = answer.get("choices") if isinstance(answer, dict) else None
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        raise ServerFailure("answers without a completion", passing=True)
    prompt_ids = answer.get("prompt_token_ids")
    return {**answer, "choices": [{**_with_text(choice), "prompt_token_ids": prompt_ids} for choice in choices]}


def _with_text(choice: dict[str, Any]) -> dict[str, Any]:
    message = choice.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    # A server that takes the thoughts out of the content leaves none where there was nothing else; the tokens tell.
    return {**choice, "text": "" if content is None and choice.get("token_ids") else content}
