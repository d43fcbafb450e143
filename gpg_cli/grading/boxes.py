"""Rules `box`, `box-strict` and `box-training`: how far the box of an answer overlaps the right one.

A box is (x1, y1, x2, y2), its upper left and lower right corner as shares of the picture's width and height. Models
write it as `(x1,y1),(x2,y2)` in whole thousandths of the sides, after LISA's data in Visual-RFT (`grpo_lisa.py`).

`box` is the published protocol of evaluation (`Qwen2_VL_lisa_infere.py`): the first box anywhere in the text, whatever
its corners; IoU with 1e-6 in the denominator. `box-strict` asks for one box, inside the picture, whose corners are in
order. `box-training` is the reward, from 0 to 2, with two faults of upstream's mended: swapped corners earned up to 26,
and of two boxes the corners were mixed up.
"""

import json
import re
from collections.abc import Callable, Sequence
from typing import TypeGuard

from gpg_cli.grading.tags import first_tagged, last_tagged
from gpg_cli.grading.verdict import Grade, Verdict, best_grade

Box = tuple[float, float, float, float]

# Possessive: there is one way only to read a run of digits or blanks.
_BOX = re.compile(
    r"\(\s*+([0-9]++)\s*+,\s*+([0-9]++)\s*+\)\s*+,\s*+\(\s*+([0-9]++)\s*+,\s*+([0-9]++)\s*+\)",
)
_WHOLE = 1000
# Longer numbers are no place in a picture, and Python refuses to read those of more than 4300 digits.
_MOST_DIGITS = 9
# Half, but for the rounding of shares.
_RIGHT_FROM = 0.5 - 1e-9
_PUBLISHED_EPSILON = 1e-6


def read_box(text: str) -> Box | None:
    """The first box in a text, in shares, by the published protocol: corners may be swapped or beyond the picture.

    None where there is none.
    """
    match = _BOX.search(text)
    return _shares(match) if match else None


def iou(first: Box, second: Box) -> float:
    """Intersection over union, from 0 to 1; 0 where a box has no area or corners out of order."""
    union = _area(first) + _area(second) - _intersection(first, second)
    if not (_is_in_order(first) and _is_in_order(second)) or union <= 0:
        return 0.0
    return _intersection(first, second) / union


def giou(first: Box, second: Box) -> float:
    """Generalised IoU (arXiv 1902.09630), from -1 to 1: IoU less the share of the enclosing box that is in neither.

    The boxes' corners are in order. IoU alone where the enclosing box has no area.
    """
    enclosing = _area((*map(min, first[:2], second[:2]), *map(max, first[2:], second[2:])))  # type: ignore[arg-type]
    union = _area(first) + _area(second) - _intersection(first, second)
    return iou(first, second) - ((enclosing - union) / enclosing if enclosing > 0 else 0.0)


def grade_box(golds: Sequence[str], completion: str) -> Grade:
    """Judge by the published protocol: the value is the IoU, an answer is correct from 0.5; no box is wrong.

    Args:
        golds: JSON, `[x1, y1, x2, y2]` in shares, or `[]` where the picture has none and every answer is wrong.
        completion: reasoning and answer.
    """
    match = _BOX.search(completion)
    return _by_overlap(golds, match[0] if match else None, _shares(match) if match else None, _published_iou)


def grade_box_strict(golds: Sequence[str], completion: str) -> Grade:
    """Judge the one box of the answer: between the last tags, or the last of a text without tags.

    The value is the exact IoU. Swapped corners, or corners beyond the picture, are worth 0, and so are several
    different boxes between the tags.
    """
    tagged = last_tagged(completion)
    matches = list(_BOX.finditer(completion if tagged is None else tagged))
    boxes = [_shares(match) for match in matches]
    one = bool(boxes) and (tagged is None or len(set(boxes)) == 1)
    box = boxes[-1] if one and is_proper(boxes[-1]) else None
    return _by_overlap(golds, matches[-1][0] if matches else None, box, iou)


def grade_box_training(golds: Sequence[str], completion: str) -> Grade:
    """The reward: the value is GIoU + 1, from 0 to 2; an answer is correct from an IoU of 0.5.

    The first box between the first tags counts, or of a text without tags; one with swapped corners, or beyond 0 to
    1000, earns 0.

    Args:
        golds: the box as a model writes it, with tags or without.
        completion: reasoning and answer.
    """
    tagged = first_tagged(completion)
    match = _BOX.search(completion if tagged is None else tagged)
    box, text = (_shares(match), match[0]) if match else (None, None)
    grades = []
    for gold in map(read_box, golds):
        if not is_proper(gold):
            grades.append(Grade(Verdict.UNPARSED, text))
        elif not is_proper(box):
            grades.append(Grade(Verdict.WRONG, text, 0.0))
        else:
            value = min(max(giou(box, gold) + 1, 0.0), 2.0)
            grades.append(Grade(_verdict(iou(box, gold)), text, value))
    return best_grade(grades)


def can_read_box_gold(gold: str) -> bool:
    """Whether a gold is JSON with a box in shares, or with none."""
    return _read_gold(gold) is not None


def can_read_written_box(gold: str) -> bool:
    """Whether a gold is a box as a model writes it."""
    return is_proper(read_box(gold))


def is_proper(box: Box | None) -> TypeGuard[Box]:
    """Whether there is a box, it lies inside the picture, and its corners are in order."""
    return box is not None and _is_in_order(box) and min(box) >= 0 and max(box) <= 1


def _by_overlap(golds: Sequence[str], text: str | None, box: Box | None, overlap: Callable[[Box, Box], float]) -> Grade:
    grades = []
    for gold in map(_read_gold, golds):
        if gold is None:
            grades.append(Grade(Verdict.UNPARSED, text))
        else:
            value = overlap(box, gold[0]) if box and gold else 0.0
            grades.append(Grade(_verdict(value), text, value))
    return best_grade(grades)


def _read_gold(gold: str) -> list[Box] | None:
    """No box or one, in shares; None where the gold cannot be read."""
    try:
        numbers = json.loads(gold)
    except (ValueError, RecursionError):
        return None
    if numbers == []:
        return []
    if not isinstance(numbers, list) or len(numbers) != 4 or not all(map(_is_number, numbers)):
        return None
    x1, y1, x2, y2 = map(float, numbers)
    return [(x1, y1, x2, y2)] if x1 <= x2 and y1 <= y2 else None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _WHOLE


def _shares(match: re.Match[str]) -> Box | None:
    if max(map(len, match.groups())) > _MOST_DIGITS:
        return None
    x1, y1, x2, y2 = (int(digits) / _WHOLE for digits in match.groups())
    return x1, y1, x2, y2


def _verdict(overlap: float) -> Verdict:
    return Verdict.CORRECT if overlap >= _RIGHT_FROM else Verdict.WRONG


def _published_iou(box: Box, gold: Box) -> float:
    """Upstream's, with its 1e-6 and areas that are negative where the corners of one axis are swapped."""
    intersection = _intersection(box, gold)
    union = _area(box) + _area(gold) - intersection + _PUBLISHED_EPSILON
    return intersection / union if intersection else 0.0


def _intersection(first: Box, second: Box) -> float:
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    return max(width, 0.0) * max(height, 0.0)


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _is_in_order(box: Box) -> bool:
    return box[0] < box[2] and box[1] < box[3]
