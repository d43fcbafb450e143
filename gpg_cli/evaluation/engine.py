"""What an engine is: requests in, completions out, each as soon as it is finished."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from gpg_cli.vision.images import Picture

Message = Mapping[str, Any]


@dataclass(frozen=True)
class EngineOptions:
    """Which engine, and what the user said about it.

    Attributes:
        name: one of `engines.ENGINES`, or `auto`.
        base_url: where a server's API begins, such as http://host:8000/v1; for the engine openai alone.
        served_model: the model's name at that server; None takes the only one it serves.
        arguments: the `--engine-arg` of the command line, key to value.
        concurrency: how many requests a server is given at once; None leaves it to the engine.
    """

    name: str = "auto"
    base_url: str | None = None
    served_model: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    concurrency: int | None = None


@dataclass(frozen=True)
class Sampling:
    """How one completion is sampled: temperature 0 is greedy; `seed` belongs to this one completion."""

    temperature: float
    top_p: float
    max_tokens: int
    seed: int


@dataclass(frozen=True)
class Request:
    """One completion that is wanted.

    Attributes:
        index: the caller's; it comes back with the completion.
        token_ids: the prompt, in which one image token stands for each picture, however many vision tokens it takes.
        pictures: those of the prompt, in their order; they stay undecoded until an engine needs them.
        messages: the same prompt as a conversation whose contents are lists of parts, `{"type": "image"}` and
            `{"type": "text", "text": ...}`, for engines that are not given tokens; only where there are pictures.
        template: Jinja text that renders `messages`; None for the model's own.
    """

    index: int
    token_ids: tuple[int, ...]
    sampling: Sampling
    pictures: tuple[Picture, ...] = ()
    messages: tuple[Message, ...] = ()
    template: str | None = None


@dataclass(frozen=True)
class Completion:
    """What a model wrote.

    Attributes:
        text: without special tokens.
        tokens: how many were generated, the end token included.
        finish_reason: `stop` (an end token), or `length` (the token limit).
    """

    text: str
    tokens: int
    finish_reason: Literal["stop", "length"]


OnFinished = Callable[[Request, Completion], None]

# What to do after an engine has failed midway.
GO_ON_HINT = "What is finished is kept; the same command goes on with the rest."


class Engine(Protocol):
    """A loaded model that completes prompts."""

    def generate(self, requests: Sequence[Request], on_finished: OnFinished) -> None:
        """Complete every request and call `on_finished` for each as soon as it is finished, in any order.

        Each request fits the model: at least one prompt token, and room for its `max_tokens`.
        """

    def close(self) -> None:
        """Give back memory and processes."""


def first_line(error: Exception) -> str:
    """The first line of an exception's text, or its kind where it has none."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
