"""What an engine is: requests in, completions out, each as soon as it is finished."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True)
class Sampling:
    """How one completion is sampled: temperature 0 is greedy; `seed` belongs to this one completion."""

    temperature: float
    top_p: float
    max_tokens: int
    seed: int


@dataclass(frozen=True)
class Request:
    """One completion that is wanted; `index` is the caller's, and comes back with the completion."""

    index: int
    token_ids: tuple[int, ...]
    sampling: Sampling


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
