"""The body of a request to /v1/completions, and the completion in its answer."""

from dataclasses import dataclass, replace
from typing import Any, Literal, TypeGuard

from gpg_cli.evaluation.engine import Completion, Request
from gpg_cli.evaluation.engines.server import ServerFailure
from gpg_cli.evaluation.model_text import ModelText

# Names that servers give to the same two ends.
_FINISH_REASONS: dict[Any, Literal["stop", "length"]] = {
    "stop": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "length": "length",
}


@dataclass(frozen=True)
class Way:
    """How a server is asked.

    Attributes:
        token_ids: the prompt as token ids, else as text.
        extensions: with the parameters of vLLM and SGLang that OpenAI's own API lacks.
    """

    token_ids: bool
    extensions: bool


# The best first.
WAYS = (Way(True, True), Way(False, True), Way(True, False), Way(False, False))


def body_of(request: Request, model: str, text: ModelText, way: Way) -> dict[str, Any]:
    """The JSON of one request.

    Raises:
        ServerFailure: the prompt has to be sent as text, and there is no text for it.
    """
    prompt = list(request.token_ids) if way.token_ids else _as_text(text.tokenizer, request.token_ids)
    return settings_of(request, model, text, way) | {"prompt": prompt}


def settings_of(request: Request, model: str, text: ModelText, way: Way) -> dict[str, Any]:
    """What the JSON of a request says besides its prompt."""
    sampling = request.sampling
    body: dict[str, Any] = {
        "model": model,
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": sampling.seed,
        "n": 1,
        "stream": False,
        # A server may take a model's own defaults for what is not said; they are not part of a benchmark's sampling.
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
    }
    if way.extensions:
        body |= {
            "top_k": -1,
            "min_p": 0.0,
            "repetition_penalty": 1.0,
            "stop_token_ids": list(text.stop_ids),
            "skip_special_tokens": True,
            # The completion as tokens, so that its text is made here, as with every other engine.
            "return_token_ids": True,
        }
    return body


def read_completion(request: Request, answer: Any, text: ModelText) -> Completion:
    """The completion in an answer.

    Raises:
        ServerFailure: there is none (it may pass), or it is not of the prompt or not of the length that was asked for.
    """
    choice, usage = _choice(answer), answer.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    _check_prompt(request, choice, usage)
    token_ids = choice.get("token_ids")
    if _are_ids(token_ids) and token_ids:
        completion, counted = text.completion(token_ids), True
        # The server may know end tokens that the model's files do not name.
        if _FINISH_REASONS[choice["finish_reason"]] == "stop":
            completion = replace(completion, finish_reason="stop")
    else:
        completion, counted = _from_text(choice, usage, text)
    if counted and completion.finish_reason == "length" and completion.tokens < request.sampling.max_tokens:
        raise ServerFailure(
            f"cut a completion off after {completion.tokens} tokens, where up to {request.sampling.max_tokens} were "
            "asked for"
        )
    return completion


def _choice(answer: Any) -> dict[str, Any]:
    choices = answer.get("choices") if isinstance(answer, dict) else None
    choice = choices[0] if isinstance(choices, list) and len(choices) == 1 else None
    if not isinstance(choice, dict) or not isinstance(choice.get("text"), str):
        raise ServerFailure("answers without a completion", passing=True)
    if choice.get("finish_reason") not in _FINISH_REASONS:
        raise ServerFailure(f"ended a completion for the reason {choice.get('finish_reason')!r}", passing=True)
    return choice


def _check_prompt(request: Request, choice: dict[str, Any], usage: dict[str, Any]) -> None:
    """Whether the server has read the prompt that was meant, as far as it says so."""
    read = choice.get("prompt_token_ids")
    if _are_ids(read) and tuple(read) != request.token_ids:
        raise ServerFailure("has read another prompt than it was sent: its tokens differ")
    count = usage.get("prompt_tokens")
    if isinstance(count, int) and count != len(request.token_ids):
        raise ServerFailure(f"has read a prompt of {len(request.token_ids)} tokens as one of {count}")


def _from_text(choice: dict[str, Any], usage: dict[str, Any], text: ModelText) -> tuple[Completion, bool]:
    """A completion of which there is only the text, and whether its tokens were counted, not estimated."""
    ends = _FINISH_REASONS[choice["finish_reason"]]
    tokens = usage.get("completion_tokens")
    if type(tokens) is int and tokens >= 0:
        return Completion(choice["text"], tokens, ends), True
    written = text.tokenizer(choice["text"], add_special_tokens=False)["input_ids"]
    return Completion(choice["text"], len(written) + (ends == "stop"), ends), False


def _are_ids(value: Any) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(type(item) is int for item in value)


def _as_text(tokenizer: Any, token_ids: tuple[int, ...]) -> str:
    """The text of which a tokenizer with its usual settings, as servers use it, makes exactly these tokens.

    That is without the beginning-of-sentence token where the tokenizer puts one in front by itself.
    """
    for start in (0, 1):
        text: str = tokenizer.decode(token_ids[start:], skip_special_tokens=False, clean_up_tokenization_spaces=False)
        if tuple(tokenizer(text)["input_ids"]) == token_ids:
            return text
    raise ServerFailure("takes prompts as text only, and no text gives the tokens of this prompt")
