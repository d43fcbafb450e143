"""Answers that a model could give: a perfect one, an empty one, one that was cut off, and what lies between."""

import re
from dataclasses import dataclass

from gpg_cli.grading.exact import last_box

_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
# Neither a thing to see, nor a letter, nor a box.
_NOTHING = "?"


@dataclass(frozen=True)
class Answer:
    """One kind of answer to a problem."""

    kind: str
    text: str


def short_answer(gold: str) -> str:
    """The answer itself, out of a gold such as `$\\boxed{18}$`, `$18$` or a worked solution that ends in a box."""
    boxed = last_box(gold)
    if boxed is not None:
        return boxed
    stripped = gold.strip()
    if len(stripped) > 2 and stripped[0] == stripped[-1] == "$" and "$" not in stripped[1:-1]:
        return stripped[1:-1]
    return stripped


def boxed(gold: str) -> str:
    """The gold as a model that was asked for a box would write it."""
    return f"$\\boxed{{{short_answer(gold)}}}$"


def sample_answers(gold: str, *, think_is_open: bool, gold_is_text: bool = False) -> list[Answer]:
    """The answers that a reward should tell apart.

    Args:
        gold: the right answer.
        think_is_open: whether the prompt ends in `<think>` already.
        gold_is_text: whether the rewards compare the text between answer tags, instead of mathematics in a box.
    """
    opening = "" if think_is_open else "<think>\n"
    thought = f"{opening}Let us look at what is given, and work it out step by step."
    if gold_is_text:
        tagged = _ANSWER.search(gold)
        right, wrong = tagged.group(1) if tagged else gold, _NOTHING
        closing, said = "\n</think>\n<answer>{}</answer>", right.strip()
    else:
        right, wrong = boxed(gold), "$\\boxed{-98765431}$"
        closing, said = "\n</think>\n<answer>\nThe answer is {}.\n</answer>", f"The answer is {right}."
    perfect = thought + closing.format(right)
    return [
        Answer("perfect", perfect),
        Answer("right, no tags", said),
        Answer("wrong, tags", thought + closing.format(wrong)),
        Answer("cut off", perfect[: len(thought)]),
        Answer("empty", ""),
    ]
