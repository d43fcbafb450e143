"""Rewards of the vision experiments: VisualThinker-R1-Zero, Visual-RFT and R1-V, as GPG trained with them.

Their golds are the data's own text, which stands between answer tags; where it does not, tight tags are put round it,
as VisualThinker-R1-Zero does. Nothing is rewarded where a gold says nothing.
"""

import re
from collections.abc import Sequence
from typing import Any

from gpg_cli.rewards.completion import Completion, completion_text
from gpg_cli.rewards.judging import as_numbers, is_right, judge, judged
from gpg_cli.rewards.registry import reward
from gpg_cli.rewards.settings import RewardSettings

_THINK, _ANSWER, _ANSWER_END = "<think>", "<answer>", "</answer>"
_BETWEEN = re.compile(r"</think>\s*+<answer>")


@reward("vision_accuracy", gold="text")
def vision_accuracy(
    completions: Sequence[Completion], settings: RewardSettings, *, solution: Sequence[str], **columns: Any
) -> list[float | None]:
    """1 for a correct answer, 0 for a wrong one: equal as mathematics, as text, or as a letter from A to H.

    This is the accuracy of VisualThinker-R1-Zero and R1-V. First what math-verify reads in the whole completion is
    compared with what it reads in the solution; then the text between the first answer tags on one line, or the whole
    completion, with that of the solution, by case; then the last letter from A to H that stands alone in it. A number
    that is glued to the tags is no mathematics, so the solutions of GEOQA have blanks there, and such a number is right
    by its text alone.
    """
    texts = [completion_text(completion) for completion in completions]
    return as_numbers(judge(_in_tags(solution), texts, columns, "vision-training"))


@reward("vision_format")
def vision_format(completions: Sequence[Completion], settings: RewardSettings, **columns: Any) -> list[float | None]:
    """1 where the whole completion is <think>...</think><answer>...</answer>, with blanks between; else 0.

    This is the format of the three vision projects. Nothing may stand before, between or after the two, not even a
    line break at the end; inside them anything may, tags included.
    """
    return [float(_is_well_formed(completion_text(completion))) for completion in completions]


@reward("vision_format_base")
def vision_format_base(
    completions: Sequence[Completion], settings: RewardSettings, **columns: Any
) -> list[float | None]:
    """As vision_format, for prompts that end in <think>: the tag is put in front of the completion first.

    This is the format of VisualThinker-R1-Zero where it trains a base model.
    """
    return [float(_is_well_formed(_THINK + completion_text(completion))) for completion in completions]


@reward("box", gold="text")
def box(
    completions: Sequence[Completion], settings: RewardSettings, *, solution: Sequence[str], **columns: Any
) -> list[float | None]:
    """From 0 to 2 for a box (x1,y1),(x2,y2) in thousandths: 1 + GIoU with the right one; 0 without a box.

    This is the reward of Visual-RFT for LISA, with GIoU as in arXiv 1902.09630. The first box in the answer counts.
    Where upstream's formula has no bounds, because x2 <= x1 or y2 <= y1, or a number is above 1000, it is 0 here. As
    accuracy, an IoU of 0.5 is right.
    """
    texts = [completion_text(completion) for completion in completions]
    grades = judged(_in_tags(solution), texts, columns, "box-training")
    return [None if is_right(grade) is None else grade.score for grade in grades]


@reward("class_name", gold="text")
def class_name(
    completions: Sequence[Completion], settings: RewardSettings, *, solution: Sequence[str], **columns: Any
) -> list[float | None]:
    """1 where the answer contains the name of the class, or is part of it; else, and for an empty answer, 0.

    This is the accuracy of Visual-RFT for classification, without case, blanks and underscores. The answer stands
    between the first answer tags on one line, or is the whole completion. Upstream rewards an empty answer, and also
    any answer whose last number is that at the end of the name.
    """
    texts = [completion_text(completion) for completion in completions]
    return as_numbers(judge(_in_tags(solution), texts, columns, "class-name-training"))


def _in_tags(solution: Sequence[str]) -> list[str]:
    return [gold if _ANSWER in gold else f"{_ANSWER}{gold.strip()}{_ANSWER_END}" for gold in map(str, solution)]


def _is_well_formed(text: str) -> bool:
    r"""Whether a text is wholly `<think>.*?</think>\s*<answer>.*?</answer>`, read once however often tags come.

    The first end of thinking with an answer after it will do, because anything may stand in the answer.
    """
    if not (text.startswith(_THINK) and text.endswith(_ANSWER_END)):
        return False
    between = _BETWEEN.search(text, len(_THINK))
    return between is not None and between.end() <= len(text) - len(_ANSWER_END)
