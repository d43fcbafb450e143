"""completions.jsonl: a few of the completions of each step, chosen without a look at them, for a person to read."""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from rich.markup import escape
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from gpg_cli.completions_file import read_completions
from gpg_cli.console import say
from gpg_cli.errors import GpgError
from gpg_cli.metrics_file import step_of
from gpg_cli.rewards.completion import completion_text
from gpg_cli.run_folder import COMPLETIONS_FILE
from gpg_cli.secrets import hidden
from gpg_cli.training.sampling import seed_of
from gpg_cli.training.step_lines import StepLines

# Characters of a text that are kept: of a prompt, of a completion at its beginning and at its end.
_LONGEST_PROMPT = 2000
_BEGINNING, _END = 1500, 4500
# Which of the random choices of a step this is, so that it is no other's.
_CHOICE = 9


@dataclass(frozen=True)
class SampledGroup:
    """The completions of one prompt as a step sampled them; each list has one item a completion.

    Attributes:
        row: of the training data.
        completions: text or messages.
        tokens: how many each has.
        truncated: whether it ended at the length limit.
        accuracies: 1 right, 0 wrong, None not graded.
        rewards: of each reward function, NaN where it said nothing.
        totals: the weighted sum of those.
        advantages: None where the group was not trained on.
    """

    row: int
    completions: Sequence[Any]
    tokens: Sequence[int]
    truncated: Sequence[bool]
    accuracies: Sequence[float | None]
    rewards: Sequence[Sequence[float]]
    totals: Sequence[float]
    advantages: Sequence[float] | None


class Samples(Protocol):
    """What of a trainer this needs."""

    reward_func_names: list[str]

    @property
    def train_dataset(self) -> Any: ...

    def take_sampled(self) -> list[SampledGroup]:
        """All groups that were sampled since the last call, in an order that does not depend on their rewards."""


class CompletionsFile(TrainerCallback):
    """completions.jsonl, whose lines come and go with those of metrics.jsonl.

    Whatever it does, sampling and training are the same: it draws from a generator of its own.

    Args:
        folder: the run.
        checkpoint: what it goes on from.
        trainer: what samples.
        keep: completions a step.
        seed: of the run.
    """

    def __init__(self, folder: Path, checkpoint: Path | None, trainer: Samples, keep: int, seed: int) -> None:
        self._lines = StepLines(folder / COMPLETIONS_FILE)
        self._checkpoint = checkpoint
        self._trainer = trainer
        self._keep = keep
        self._seed = seed

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Steps after the checkpoint that a run goes on from are made again; those before it are as it knows them."""
        path = self._lines.path
        in_checkpoint = _whole(self._checkpoint) if self._checkpoint else []
        if not state.is_world_process_zero or not (in_checkpoint or path.exists()):
            return
        here, there = (_by_step(rows) for rows in (_whole(path.parent), in_checkpoint))
        steps = sorted(step for step in here.keys() | there.keys() if step <= state.global_step)
        # A step that waited for room when the checkpoint was written may stand in the run's own file alone.
        self._lines.replace(row for step in steps for row in there.get(step) or here[step])

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if state.is_world_process_zero and logs and "loss" in logs:
            groups = self._trainer.take_sampled()
            sizes = [len(group.completions) for group in groups]
            chosen = choose(sizes, self._keep, seed_of(self._seed, state.global_step, _CHOICE))
            self._lines.append(
                {"step": state.global_step, **_line(groups[number], place, self._trainer)}
                for number, places in chosen
                for place in places
            )

    def on_train_end(self, *args: Any, **kwargs: Any) -> None:
        """Raises OSError where there is still no room for lines that were held back."""
        self._lines.flush()


def choose(sizes: Sequence[int], keep: int, seed: int) -> list[tuple[int, list[int]]]:
    """Which completions to keep, (group, its completions) in their order: those of one prompt beside each other.

    Each completion has the same chance, where groups have the same size, whatever it earned. As many as possible come
    from one group, so that a reader sees what the same prompt was answered and paid.

    Args:
        sizes: completions of each group.
        keep: how many in all.
    """
    chance = random.Random(seed)
    chosen = []
    for number in chance.sample(range(len(sizes)), len(sizes)):
        if keep <= 0:
            break
        places = chance.sample(range(sizes[number]), min(keep, sizes[number]))
        keep -= len(places)
        chosen.append((number, sorted(places)))
    return sorted(chosen)


def _whole(folder: Path) -> list[dict[str, Any]]:
    """The lines of a folder; nothing of a damaged file, which is no reason to end a run."""
    try:
        return read_completions(folder)
    except GpgError as error:
        say(f"[yellow]Left out: {escape(error.message)}[/]")
        return []


def _by_step(rows: Sequence[Mapping[str, Any]]) -> dict[int, list[Mapping[str, Any]]]:
    found: dict[int, list[Mapping[str, Any]]] = {}
    for row in rows:
        step = step_of(row)
        if step is not None:
            found.setdefault(step, []).append(row)
    return found


def _line(group: SampledGroup, place: int, trainer: Samples) -> dict[str, Any]:
    example = trainer.train_dataset[group.row]
    gold = example.get("solution")
    return {
        "row": group.row,
        "sample": place,
        "prompt": _shortened(hidden(prompt_text(example["prompt"])), _LONGEST_PROMPT // 2, _LONGEST_PROMPT // 2),
        "gold": _shortened(hidden(gold), 0, _LONGEST_PROMPT) if isinstance(gold, str) else None,
        "completion": _shortened(hidden(completion_text(group.completions[place])), _BEGINNING, _END),
        "tokens": group.tokens[place],
        "truncated": group.truncated[place],
        "accuracy": group.accuracies[place],
        "reward": _number(group.totals[place]),
        "rewards": dict(zip(trainer.reward_func_names, map(_number, group.rewards[place]), strict=True)),
        "advantage": None if group.advantages is None else _number(group.advantages[place]),
        "group_rewards": [_number(total) for total in group.totals],
    }


def prompt_text(prompt: str | Sequence[Mapping[str, Any]]) -> str:
    """A prompt as a person reads it: a text, or what its messages say, a picture in brackets."""
    if isinstance(prompt, str):
        return prompt
    said = [_content(message.get("content")) for message in prompt]
    if len(said) == 1:
        return said[0]
    return "\n\n".join(f"[{message.get('role')}]\n{text}" for message, text in zip(prompt, said, strict=True))


def _content(content: Any) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    return "".join("[picture]" if part.get("type") == "image" else part.get("text") or "" for part in content)


def _shortened(text: str, beginning: int, end: int) -> str:
    left_out = len(text) - beginning - end
    if left_out <= 0:
        return text
    return f"{text[:beginning]}\n[{left_out:,} characters left out]\n{text[len(text) - end :]}".lstrip("\n")


def _number(value: float) -> float | None:
    """Six digits are more than anyone reads; JSON has no NaN and no infinity."""
    return float(f"{value:.6g}") if math.isfinite(value) else None
