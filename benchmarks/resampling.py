"""Prompts sampled per step until enough groups carry signal: ours against upstream's rounds of whole batches.

    python benchmarks/resampling.py

A simulation: each group carries signal with a given probability, independently. Upstream (trap T15) samples a whole
batch again while fewer than `threshold` x B groups of all rounds together carry signal; fill_batch asks for what is
missing. No way of asking can need fewer prompts than max(B, needed / rate) on average: the last column compares with
that bound.
"""

import math
import random
from statistics import fmean

from gpg_cli.training.rollout import Group, fill_batch

STEPS = 4000
MOST_ROUNDS = 20


def upstream(size: int, threshold: float, rate: float, draw: random.Random) -> tuple[int, int]:
    """Prompts and further rounds of one step by whole batches."""
    valid = generated = 0
    while generated < size * (MOST_ROUNDS + 1):
        valid += sum(draw.random() < rate for _ in range(size))
        generated += size
        if valid >= threshold * size:
            break
    return generated, generated // size - 1


def ours(size: int, threshold: float, rate: float, draw: random.Random) -> tuple[int, int]:
    """Prompts and further rounds of one step of GPGTrainer."""

    def sample(count: int) -> list[Group]:
        return [Group(0, [], draw.random() < rate) for _ in range(count)]

    batch = fill_batch(sample, size=size, threshold=threshold, max_rounds=MOST_ROUNDS)
    return len(batch.generated), batch.rounds


def main() -> None:
    print("| B | threshold | valid rate | upstream: prompts, rounds | ours: prompts, rounds | fewer | over the bound |")
    print("|---|---|---|---|---|---|---|")
    for size in (16, 64):
        for threshold in (0.3, 0.5, 0.6, 0.8):
            for rate in (0.10, 0.25, 0.50, 0.75):
                draw = random.Random(0)
                theirs = [upstream(size, threshold, rate, draw) for _ in range(STEPS)]
                mine = [ours(size, threshold, rate, draw) for _ in range(STEPS)]
                prompts = [fmean(step[0] for step in steps) for steps in (theirs, mine)]
                rounds = [fmean(step[1] for step in steps) for steps in (theirs, mine)]
                bound = max(size, math.ceil(threshold * size) / rate)
                print(
                    f"| {size} | {threshold} | {rate:.0%} | {prompts[0]:.1f}, {rounds[0]:.1f} | {prompts[1]:.1f}, "
                    f"{rounds[1]:.1f} | {prompts[0] / prompts[1]:.2f}x | {prompts[1] / bound - 1:+.0%} |"
                )


if __name__ == "__main__":
    main()
