"""Rules `class-name`, `class-name-strict` and `class-name-training`: is this the name of the right class?

`class-name` is the published protocol of evaluation (Visual-RFT, `Qwen2_VL_classification_infere.py`): the first pair
of tags on one line, without blanks, underscores and case; right where answer and name contain one another, so that
"2012" is any of 117 car models. In one thing it departs: an empty answer, which is contained in every name, is wrong.
`class-name-strict` wants the name and nothing else. `class-name-training` is the protocol's reward
(`grpo_classification.py`), which takes the whole text where there are no tags; upstream first asks math-verify, to
which "Boeing 717" and any text that ends in 717 are the same, and that is left out.
"""

import re
from collections.abc import Callable, Sequence

from gpg_cli.grading.exact import last_box
from gpg_cli.grading.tags import last_tagged, tagged_on_one_line
from gpg_cli.grading.verdict import Grade, Verdict, best_grade

_SEPARATORS = re.compile(r"[\s_\-‐‑–—]+")
_AROUND = " \t\r\n.,;:!\"'`*“”‘’"


def grade_class_name(golds: Sequence[str], completion: str) -> Grade:
    """Judge by the published protocol: an answer is right that is part of the name, or that the name is part of.

    Wrong where there are no tags, or nothing between them.
    """
    answer = tagged_on_one_line(completion) or ""
    return _grade(golds, answer, lambda gold: _contain(_published(gold), _published(answer)))


def grade_class_name_training(golds: Sequence[str], completion: str) -> Grade:
    """Judge as the protocol's reward does: the gold may have tags; the whole text counts where there are none."""
    tagged = tagged_on_one_line(completion)
    answer = completion.strip() if tagged is None else tagged
    names = [_untagged(gold) for gold in golds]
    return _grade(names, answer, lambda gold: _contain(_published(gold), _published(answer)))


def grade_class_name_strict(golds: Sequence[str], completion: str) -> Grade:
    """Judge soundly: the answer is the name, whatever its case, blanks, hyphens and underscores, and nothing else.

    The answer stands between the last tags, on any number of lines, or else in the last box, or is the whole text.
    """
    answer = last_tagged(completion)
    if answer is None:
        answer = last_box(completion)
    if answer is None:
        answer = completion.strip()
    return _grade(golds, answer, lambda gold: _normal(gold) == _normal(answer) != "")


def can_read_class_name(gold: str) -> bool:
    """Whether a gold, with tags or without, is the name of anything."""
    return bool(_published(_untagged(gold)).strip())


def _grade(golds: Sequence[str], answer: str, is_right: Callable[[str], bool]) -> Grade:
    grades = []
    for gold in golds:
        verdict = Verdict.CORRECT if is_right(gold) else Verdict.WRONG
        grades.append(Grade(verdict if can_read_class_name(gold) else Verdict.UNPARSED, answer or None))
    return best_grade(grades)


def _untagged(gold: str) -> str:
    tagged = tagged_on_one_line(gold)
    return gold.strip() if tagged is None else tagged


def _published(text: str) -> str:
    return text.replace(" ", "").replace("_", "").lower()


def _contain(name: str, answer: str) -> bool:
    return bool(answer.strip()) and (name in answer or answer in name)


def _normal(text: str) -> str:
    return _SEPARATORS.sub("", text.strip(_AROUND)).casefold()
