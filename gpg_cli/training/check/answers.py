"""Answers that a model could give: a perfect one, an empty one, one that was cut off, and what lies between."""

from dataclasses import dataclass

from gpg_cli.grading.exact import last_box


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


def sample_answers(gold: str, *, think_is_open: bool) -> list[Answer]:
    """The answers that a reward should tell apart.

    Args:
        gold: the right answer.
        think_is_open: whether the prompt ends in `<think>` already.
    """
    opening = "" if think_is_open else "<think>\n"
    thought = f"{opening}Let us look at what is given, and work it out step by step."
    closing = "\n</think>\n<answer>\nThe answer is {}.\n</answer>"
    perfect = thought + closing.format(boxed(gold))
    return [
        Answer("perfect", perfect),
        Answer("right, no tags", f"The answer is {boxed(gold)}."),
        Answer("wrong, tags", thought + closing.format("$\\boxed{-98765431}$")),
        Answer("cut off", perfect[: len(thought)]),
        Answer("empty", ""),
    ]
