"""Which curves a page shows: what of a step's line each draws, and in what unit. Pure functions."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Line = Mapping[str, float]

_HELD_OUT = re.compile(r"eval/(.+)/score")
_REWARD = re.compile(r"rewards/(.+)/mean")


@dataclass(frozen=True)
class Curve:
    """A number of each step.

    Attributes:
        key: a name for scripts.
        title: what a reader sees.
        unit: behind a number; "" for none.
        value: from a line of metrics.jsonl; None where it has none.
        meaning: a sentence.
        whole: the axis goes from 0 to 100.
        from_zero: the axis begins at 0, because a part of the number is what matters.
        sparse: measured at a few steps only, so that each is marked and nothing is smoothed.
        more: shown only to those who ask.
    """

    key: str
    title: str
    unit: str
    value: Callable[[Line], float | None]
    meaning: str
    whole: bool = False
    from_zero: bool = False
    sparse: bool = False
    more: bool = False


def curves(lines: Sequence[Line]) -> list[Curve]:
    """The curves for which some line has a number, in the order of the page."""
    keys = {key: None for line in lines for key in line}
    held_out = [_held_out(match[1]) for key in keys if (match := _HELD_OUT.fullmatch(key))]
    rewards = [_reward(match[1]) for key in keys if (match := _REWARD.fullmatch(key))]
    # One reward function alone is the reward.
    made = [*_FIRST, *held_out, *_THEN, *(rewards if len(rewards) > 1 else []), *_MORE]
    return [curve for curve in made if any(curve.value(line) is not None for line in lines)]


def _of(key: str, factor: float = 1.0) -> Callable[[Line], float | None]:
    return lambda line: factor * line[key] if key in line else None


def _share(part: str, whole: str) -> Callable[[Line], float | None]:
    return lambda line: 100 * line[part] / line[whole] if part in line and line.get(whole) else None


def _held_out(bench: str) -> Curve:
    return Curve(
        f"eval/{bench}",
        f"{bench}, held out",
        "%",
        _of(f"eval/{bench}/score", 100),
        "Score of a benchmark, measured while the model trained (eval_every).",
        whole=True,
        sparse=True,
    )


def _reward(name: str) -> Curve:
    return Curve(
        f"reward/{name}",
        f"Reward: {name}",
        "",
        _of(f"rewards/{name}/mean"),
        "Mean of this reward function before its weight.",
        more=True,
    )


_FIRST = (
    Curve("reward", "Reward", "", _of("reward"), "Mean over all completions that the step sampled."),
    Curve(
        "accuracy",
        "Accuracy",
        "%",
        _of("accuracy", 100),
        "Right answers among the graded completions that the step sampled.",
        whole=True,
    ),
)
_THEN = (
    Curve(
        "valid",
        "Groups with signal",
        "%",
        _share("groups/valid", "groups/total"),
        "Groups whose rewards differ: only these move the model.",
        whole=True,
    ),
    Curve("alpha", "Alpha", "", _of("alpha"), "B / (B − M): what the loss is multiplied by, for M of B groups dead."),
    Curve("length", "Completion length", "tokens", _of("completions/mean_length"), "Mean over all completions."),
    Curve(
        "clipped",
        "Cut off",
        "%",
        _of("completions/clipped_ratio", 100),
        "Completions that ended at the length limit.",
        from_zero=True,
    ),
    Curve(
        "time",
        "Time of a step",
        "s",
        _of("time/step"),
        "Sampling, rewards, training and all the rest.",
        from_zero=True,
    ),
    Curve(
        "sampling",
        "Share of sampling",
        "%",
        _share("time/generate", "time/step"),
        "Of the time of a step.",
        whole=True,
    ),
    Curve(
        "memory",
        "Peak memory",
        "GiB",
        _of("memory/peak_gib"),
        "Of the first process: allocated on its GPU in the step, or in RAM since the start where there is none.",
        from_zero=True,
    ),
    Curve(
        "resident",
        "Memory in RAM",
        "GiB",
        _of("memory/resident_gib"),
        "Held by the first process after the step.",
        from_zero=True,
    ),
)
_MORE = tuple(
    Curve(key, title, unit, value, meaning, more=True)
    for key, title, unit, value, meaning in (
        ("reward_std", "Spread of rewards", "", _of("reward_std"), "Standard deviation over all completions."),
        ("loss", "Loss", "", _of("loss"), "Near 0 by construction; it says little about progress."),
        ("grad_norm", "Norm of the gradient", "", _of("grad_norm"), "Before it is clipped."),
        ("learning_rate", "Learning rate", "", _of("learning_rate"), "As scheduled."),
        ("kl", "KL from the reference", "", _of("kl"), "Of objectives with a reference model."),
        ("entropy", "Entropy", "", _of("entropy"), "Mean over tokens."),
        ("longest", "Longest completion", "tokens", _of("completions/max_length"), "Of the step."),
        ("easy", "All right", "groups", _of("groups/easy"), "Groups without a wrong answer."),
        ("hard", "All wrong", "groups", _of("groups/hard"), "Groups without a right answer."),
        ("rounds", "Further rounds", "", _of("resampling/rounds"), "Of sampling, to reach min_inverse_alpha."),
        ("speed", "Sampling speed", "tokens/s", _of("speed/generate_tokens_per_s"), "All processes together."),
        (
            "difference",
            "Engine against trainer",
            "",
            _of("sampling/logp_difference/mean"),
            "Mean difference of their log-probabilities.",
        ),
    )
)
