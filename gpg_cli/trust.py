"""What a person lets the files of others do: said on the command line of this call, and nowhere else.

A preset, a recipe, run.json, a benchmark's file, a model's folder are data, whoever wrote them. None of them can grant
anything here; the options `--trust-remote-code` and `--allow-pickle` can, for as long as their command runs. They are
kept here rather than passed on, because every place that opens a file of a model asks for them.
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import typer

REMOTE_CODE = "--trust-remote-code"
PICKLE = "--allow-pickle"

TrustOption = Annotated[bool, typer.Option(REMOTE_CODE, help="Run Python code that comes with the model.")]
PickleOption = Annotated[bool, typer.Option(PICKLE, help="Read weights that are no safetensors: tensors only.")]


@dataclass(frozen=True)
class Trust:
    """What is allowed.

    Attributes:
        remote_code: to run Python code that lies in a model's folder or repository.
        pickle: to read weights from pickles too, by PyTorch's reader of tensors alone (`weights_only`); nothing allows
            a whole pickle.
    """

    remote_code: bool = False
    pickle: bool = False

    def options(self) -> list[str]:
        """As they stand on a command line, for a process that goes on with the same work."""
        return [*([REMOTE_CODE] if self.remote_code else []), *([PICKLE] if self.pickle else [])]


_granted = Trust()


def granted() -> Trust:
    """What the command that runs was allowed; nothing, where no command runs."""
    return _granted


@contextmanager
def granting(trust: Trust) -> Iterator[None]:
    """Allow it inside."""
    global _granted
    before, _granted = _granted, trust
    try:
        yield
    finally:
        _granted = before


def grants_trust(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command's own options `trust_remote_code` and `allow_pickle` hold while it runs."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        trust = Trust(bool(kwargs.get("trust_remote_code")), bool(kwargs.get("allow_pickle")))
        with granting(trust):
            command(*args, **kwargs)

    return wrapped
