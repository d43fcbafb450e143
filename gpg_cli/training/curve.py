"""The score of a benchmark while a model trains: measured every so many steps, through the engine that samples."""

from collections.abc import Sequence
from typing import Any, Protocol

from rich.markup import escape
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from gpg_cli.console import say
from gpg_cli.errors import GpgError
from gpg_cli.training.sampling import HowToSample


class HeldOut(Protocol):
    """Questions of a benchmark, ready for an engine.

    Attributes:
        name: the benchmark's.
        prompts: tokens of each question, with one image token a picture.
        pictures: of each question, undecoded.
        seeds: one a question.
        temperature, top_p, max_tokens: as the benchmark says.
    """

    @property
    def name(self) -> str: ...
    @property
    def prompts(self) -> Sequence[Sequence[int]]: ...
    @property
    def pictures(self) -> Sequence[Sequence[Any]]: ...
    @property
    def seeds(self) -> Sequence[int]: ...
    @property
    def temperature(self) -> float: ...
    @property
    def top_p(self) -> float: ...
    @property
    def max_tokens(self) -> int: ...

    def judge(self, completions: Sequence[Sequence[int]]) -> dict[str, float]:
        """What the completions of all questions, as tokens, add up to: `score` and others, each a number to log."""


class Completes(Protocol):
    """What of a trainer this needs."""

    @property
    def sees(self) -> bool: ...

    def complete(
        self,
        prompts: Sequence[Sequence[int]],
        seeds: Sequence[int],
        how: HowToSample,
        pictures: Sequence[Sequence[Any]] | None = None,
    ) -> list[list[int]]: ...

    def note(self, name: str, value: float) -> None: ...


class ScoreCurve(TrainerCallback):
    """Measures a benchmark every so many steps and after the last one; the numbers join those of the step.

    Args:
        trainer: completes prompts.
        held_out: what to ask.
        every: steps.
        longest: tokens that a completion may have in this run; the benchmark's own limit where that is lower.

    Raises:
        GpgError: the benchmark shows pictures, and the training does not.
    """

    def __init__(self, trainer: Completes, held_out: HeldOut, every: int, longest: int) -> None:
        if any(held_out.pictures) and not trainer.sees:
            raise GpgError(
                f"{held_out.name} shows pictures, and this trains on text: it cannot be measured meanwhile",
                "Leave eval_every out: eval_bench alone is measured before and after.",
            )
        self._trainer = trainer
        self._held_out = held_out
        self._every = every
        self._how = HowToSample(held_out.temperature, held_out.top_p, min(held_out.max_tokens, longest))

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if state.global_step % self._every and state.global_step != state.max_steps:
            return
        held_out = self._held_out
        completions = self._trainer.complete(held_out.prompts, held_out.seeds, self._how, held_out.pictures)
        if not state.is_world_process_zero:
            return
        values = held_out.judge(completions)
        for name, value in values.items():
            self._trainer.note(f"eval/{held_out.name}/{name}", value)
        say(
            f"step {state.global_step}: {escape(held_out.name)} [bold]{values['score']:.1%}[/] "
            f"of {len(completions)} problems"
        )
