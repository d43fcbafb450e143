"""The toy task of the quickstart: adding two two-digit numbers, column by column.

A solution writes one column after the other, the last digits first, then the sum:

    47+85=   <think>7+5=12,4+8+1=13</think>\\boxed{132}

Whoever forgets a carry writes `4+8=12` in the second column and ends at another number. The model of the quickstart is
warmed up on texts that often forget; reinforcement learning never sees a solution, only whether the number in the box
is right, and has to find out that carrying pays.

No model, no tensor here: training (which learns the task) and evaluation (which measures it) share this file.
"""

import random
from dataclasses import dataclass

# What a recipe names for the model and the data that are made here.
BUILTIN = "builtin:"
QUICKSTART = f"{BUILTIN}quickstart"

SMALLEST, LARGEST = 10, 99
HELD_OUT_PROBLEMS = 500

PAD, END = "<pad>", "<eos>"
CHARACTERS = "0123456789+=,}"
TAGS = ("<think>", "</think>", "\\boxed{")

# Three problems in four need a carry, so that forgetting it costs more than half of the answers.
_CARRY_SHARE = 0.75
# One pair in seven is kept for measuring; training never draws it, whatever its seed.
_HELD_OUT_SHARE = 7


@dataclass(frozen=True)
class Addition:
    """One problem: two numbers of two digits."""

    first: int
    second: int

    @property
    def problem(self) -> str:
        return f"{self.first}+{self.second}="

    @property
    def answer(self) -> str:
        return str(self.first + self.second)

    @property
    def needs_carry(self) -> bool:
        return self.first % 10 + self.second % 10 >= 10

    @property
    def is_held_out(self) -> bool:
        return (self.first * (LARGEST + 1) + self.second) % _HELD_OUT_SHARE == 0

    def solution(self, forget_carry: float, random_source: random.Random) -> str:
        """A worked solution in which each carry is forgotten with probability `forget_carry`."""
        columns, digits, carry, total = [], [], 0, 0
        for x, y in zip(reversed(str(self.first)), reversed(str(self.second)), strict=True):
            total = int(x) + int(y) + carry
            columns.append(f"{x}+{y}+{carry}={total}" if carry else f"{x}+{y}={total}")
            digits.append(str(total % 10))
            carry = total // 10 if random_source.random() >= forget_carry else 0
        leading = str(total // 10) if total >= 10 else ""
        return f"<think>{','.join(columns)}</think>\\boxed{{{leading}{''.join(reversed(digits))}}}"


def training_problems(seed: int, count: int) -> list[Addition]:
    """`count` problems drawn with `seed`, none of them held out."""
    random_source = random.Random(f"training {seed}")
    return [_draw(random_source, held_out=False) for _ in range(count)]


def held_out_problems() -> list[dict[str, str]]:
    """The benchmark: 500 different problems that training never draws, as rows with `problem` and `answer`."""
    random_source = random.Random("held out")
    drawn: dict[Addition, None] = {}
    while len(drawn) < HELD_OUT_PROBLEMS:
        drawn[_draw(random_source, held_out=True)] = None
    return [{"problem": addition.problem, "answer": addition.answer} for addition in drawn]


def _draw(random_source: random.Random, *, held_out: bool) -> Addition:
    needs_carry = random_source.random() < _CARRY_SHARE
    while True:
        addition = Addition(random_source.randint(SMALLEST, LARGEST), random_source.randint(SMALLEST, LARGEST))
        if addition.is_held_out == held_out and addition.needs_carry == needs_carry:
            return addition
