"""What to change where nothing fits, and the command line of what does."""

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from gpg_cli.planning.estimate import Estimate, estimate, estimates
from gpg_cli.planning.memory import Architecture, Sharing
from gpg_cli.planning.wishes import Wishes

# Limits of micro-batches and of lengths are proposed in steps of so many tokens.
_TOKENS_STEP = 64
_SHORTEST_COMPLETION = 256
_LEAST_SHARE, _SHARE_STEP, _MOST_SHARE = 0.1, 0.05, 0.9
_LORA_RANK = 16
# Adapters on every linear layer, as the key lora_target_modules has it.
_LORA = {"use_peft": True, "lora_r": _LORA_RANK, "lora_target_modules": "[all-linear]"}
_MOST_GPUS = 1024
# The settings as a recipe has them, and what they do to the wishes.
Change = tuple[dict[str, Any], Callable[[Wishes], Wishes]]


@dataclass(frozen=True)
class Advice:
    """A way that fits.

    Attributes:
        estimate: with the changes.
        changes: settings to give, in order; empty where it fits as it is.
        gpus: needed; more than there are where no change helps.
    """

    estimate: Estimate
    gpus: int
    changes: dict[str, Any] = field(default_factory=dict)


def advise(shape: Architecture, wishes: Wishes, gpus: int, capacity: float) -> Advice | None:
    """The way to train: the recipe's own if it fits, else another that does, else the one with the fewest changes.

    Where no change makes it fit on these GPUs, the fewest GPUs that do (powers of two times these). None: not on 1,024.
    """
    count = gpus
    while count <= max(_MOST_GPUS, gpus):
        if (found := _best(shape, wishes, count, capacity)) is not None:
            return found
        count *= 2
    return None


def _best(shape: Architecture, wishes: Wishes, gpus: int, capacity: float) -> Advice | None:
    ways = estimates(shape, wishes, gpus, capacity)
    # The recipe's own first, then by how much they send between GPUs.
    ways.sort(key=lambda way: way.sharing != wishes.accelerate)
    for way in ways:
        if way.fits:
            return Advice(way, gpus)
    found = [
        Advice(estimate(shape, changed, way.sharing, gpus, capacity), gpus, changes)
        for way in ways
        if (made := _changed(shape, wishes, way.sharing, gpus, capacity)) is not None
        for changed, changes in [made]
    ]
    # Training adapters alone, or shorter answers, is another training: only where nothing else helps.
    return min(found, key=lambda advice: _cost(advice.changes), default=None)


def _cost(changes: dict[str, Any]) -> tuple[bool, bool, int]:
    return "max_completion_length" in changes, "use_peft" in changes, len(changes)


def _changed(
    shape: Architecture, wishes: Wishes, sharing: Sharing, gpus: int, capacity: float
) -> tuple[Wishes, dict[str, Any]] | None:
    """Settings with which a way fits, and what of them was changed; None where nothing helps."""

    def tried(changed: Wishes) -> Estimate:
        return estimate(shape, changed, sharing, gpus, capacity)

    def fits(changed: Wishes) -> bool:
        return tried(changed).fits

    made: list[Change] = []
    for settings, change in _steps(wishes, starts=tried(wishes).starts):
        changed = _applied(wishes, [*made, (settings, change)])
        if tried(wishes).starts and not tried(changed).starts:
            # So small a share of the GPU that vLLM would not start.
            continue
        made.append((settings, change))
        # How large a micro-batch may be depends on all that came before.
        limited = changed if fits(changed) else _limit(changed, fits)
        if limited is None:
            continue
        needed = _pruned(replace(wishes, microbatch_tokens=limited.microbatch_tokens), made, fits)
        if limited.microbatch_tokens != wishes.microbatch_tokens:
            limited = _limit(_applied(wishes, needed), fits) or limited
            needed.append(({"max_tokens_per_microbatch": limited.microbatch_tokens}, partial(_cut, limited)))
        return _applied(wishes, needed), {key: value for settings, _ in needed for key, value in settings.items()}
    return None


def _steps(wishes: Wishes, *, starts: bool) -> Iterator[Change]:
    """Changes in the order in which they are tried, each on top of those before.

    Args:
        starts: whether the engine has room for the model and a completion; else its share must grow.
    """
    yield {}, replace
    yield {"gradient_checkpointing": True}, partial(replace, checkpointing=True)
    if wishes.engine == "colocate":
        yield {"vllm_enable_sleep_mode": True}, partial(replace, sleeps=True)
        step = -_SHARE_STEP if starts else _SHARE_STEP
        share = round(wishes.utilization + step, 2)
        while _LEAST_SHARE <= share <= _MOST_SHARE:
            yield {"vllm_gpu_memory_utilization": share}, partial(replace, utilization=share)
            share = round(share + step, 2)
    if wishes.engine == "transformers" and wishes.rounds > 1:
        yield {"steps_per_generation": 1}, partial(replace, rounds=1)
    if wishes.lora_rank is None:
        yield dict(_LORA), partial(replace, lora_rank=_LORA_RANK, lora_modules=None, reference=False)
    length = wishes.completion_tokens // 2
    while length >= _SHORTEST_COMPLETION:
        yield {"max_completion_length": length}, partial(replace, completion_tokens=length)
        length //= 2


def _limit(wishes: Wishes, fits: Callable[[Wishes], bool]) -> Wishes | None:
    """The largest max_tokens_per_microbatch that fits, in steps; None where not even the longest row does."""
    low, high = -(-wishes.longest // _TOKENS_STEP), wishes.tokens // _TOKENS_STEP
    if high <= low or not fits(replace(wishes, microbatch_tokens=low * _TOKENS_STEP)):
        return None
    while low < high:
        middle = (low + high + 1) // 2
        if fits(replace(wishes, microbatch_tokens=middle * _TOKENS_STEP)):
            low = middle
        else:
            high = middle - 1
    return replace(wishes, microbatch_tokens=low * _TOKENS_STEP)


def _cut(limited: Wishes, wishes: Wishes) -> Wishes:
    return replace(wishes, microbatch_tokens=limited.microbatch_tokens)


def _applied(wishes: Wishes, made: list[Change]) -> Wishes:
    for _, change in made:
        wishes = change(wishes)
    return wishes


def _pruned(wishes: Wishes, made: list[Change], fits: Callable[[Wishes], bool]) -> list[Change]:
    """Without the changes that turn out not to be needed; the last ones, which cost most, are given up first."""
    needed = [each for each in made if each[0]]
    for each in reversed(list(needed)):
        rest = [other for other in needed if other is not each]
        if fits(_applied(wishes, rest)):
            needed = rest
    return needed


def accumulation_for(wishes: Wishes, published: int | None, processes: int) -> int | None:
    """gradient_accumulation_steps with which a step has as many completions as on `published` GPUs.

    None where it has them already, where it is not known on how many, or where no whole number does it.
    """
    if published is None or processes in (0, published):
        return None
    whole, rest = divmod(published * wishes.accumulation, processes)
    return None if rest or whole == wishes.accumulation else whole


def command(origin: list[str], wishes: Wishes, advice: Advice, machines: int, published: int | None) -> list[str]:
    """The `gpg train` line of an advice, as arguments.

    Args:
        origin: `--preset` and the other options that the settings came from.
        machines: over which the GPUs are spread evenly.
        published: GPUs of the recipe's own run.
    """
    best = advice.estimate
    settings = dict(advice.changes)
    if best.processes > 1 and best.sharing != wishes.accelerate:
        settings["accelerate"] = best.sharing
    if (steps := accumulation_for(wishes, published, best.processes)) is not None:
        settings["gradient_accumulation_steps"] = steps
        if "steps_per_generation" not in settings and wishes.rounds != wishes.accumulation:
            settings["steps_per_generation"] = 1
    line = ["gpg", "train", *origin]
    for key, value in settings.items():
        shown = str(value).lower() if isinstance(value, bool) else str(value)
        line += ["--set", f"{key}={shown}"]
    line += ["--num-processes", str(best.processes // machines)]
    if machines > 1:
        line += ["--num-machines", str(machines), "--machine-rank", "RANK", "--main-process-ip", "ADDRESS"]
        line += ["--output-dir", "RUN"]
    return line


def as_line(arguments: list[str]) -> str:
    """For a shell."""
    return shlex.join(arguments)
