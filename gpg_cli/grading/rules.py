"""The rules by which answers are judged: one table, in which a new rule is one line."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from gpg_cli.grading.boxes import (
    can_read_box_gold,
    can_read_written_box,
    grade_box,
    grade_box_strict,
    grade_box_training,
)
from gpg_cli.grading.choice_strict import grade_choice_strict
from gpg_cli.grading.choices import CHOICE, can_read_choices, grade_choice
from gpg_cli.grading.class_names import (
    can_read_class_name,
    grade_class_name,
    grade_class_name_strict,
    grade_class_name_training,
)
from gpg_cli.grading.exact import grade_exact
from gpg_cli.grading.geoqa import GEOQA, grade_geoqa, grade_vision, grade_vision_text, is_filled
from gpg_cli.grading.geoqa_strict import GEOQA_STRICT, can_read_quantity, grade_geoqa_strict
from gpg_cli.grading.math import MATH_RULES, MathRule, grade_integers, grade_math, is_integer_gold
from gpg_cli.grading.settings import time_limit_s
from gpg_cli.grading.strict import STRICT, grade_strict
from gpg_cli.grading.verdict import Grade


@dataclass(frozen=True)
class Rule:
    """How answers are judged under one name.

    Attributes:
        strict: name of the rule of a sound judgement beside this one; its own where it is sound itself.
        grade_here: what is cheap and harmless; it returns None where a worker has to judge.
        can_read_here: whether a gold can be read; None where a worker has to try.
        grade_by_worker: `function(golds, completion, reading)`, where `grade_here` does not always do.
        reading: how workers read and compare, and how long they may.
    """

    strict: str
    grade_here: Callable[[Sequence[str], str], Grade | None]
    can_read_here: Callable[[str], bool | None]
    grade_by_worker: Callable[[Sequence[str], str, MathRule], Grade] | None = None
    reading: MathRule | None = None

    def timed_reading(self) -> MathRule:
        """`reading` with the time limit of the environment.

        Raises:
            GpgError: see `time_limit_s`.
        """
        assert self.reading is not None, "a rule without workers"
        return replace(self.reading, time_limit_s=time_limit_s())


def _has_text(gold: str) -> bool:
    return bool(gold.strip())


def _leave_to_worker(golds: Sequence[str], completion: str) -> Grade | None:
    return None


def _math(name: str) -> Rule:
    rule = MATH_RULES[name]
    return Rule("strict", partial(grade_integers, rule=rule), partial(_is_integer, rule=rule), grade_math, rule)


def _is_integer(gold: str, rule: MathRule) -> bool | None:
    if not gold.strip():
        return False
    return is_integer_gold(gold, rule) or None


_STRICT = Rule(
    "strict",
    partial(grade_integers, rule=MATH_RULES["math-latex"]),
    partial(_is_integer, rule=STRICT),
    grade_strict,
    STRICT,
)

RULES: dict[str, Rule] = {
    **{name: _math(name) for name in MATH_RULES},
    "strict": _STRICT,
    "exact": Rule("exact", grade_exact, _has_text),
    # Of the vision experiments: the published protocol, a sound judgement, and where it differs the training's reward.
    "choice": Rule("choice-strict", _leave_to_worker, can_read_choices, grade_choice, CHOICE),
    "choice-strict": Rule("choice-strict", grade_choice_strict, can_read_choices),
    "box": Rule("box-strict", grade_box, can_read_box_gold),
    "box-strict": Rule("box-strict", grade_box_strict, can_read_box_gold),
    "box-training": Rule("box-strict", grade_box_training, can_read_written_box),
    "class-name": Rule("class-name-strict", grade_class_name, can_read_class_name),
    "class-name-strict": Rule("class-name-strict", grade_class_name_strict, can_read_class_name),
    "class-name-training": Rule("class-name-strict", grade_class_name_training, can_read_class_name),
    "geoqa": Rule("geoqa-strict", _leave_to_worker, _has_text, grade_geoqa, GEOQA),
    "geoqa-strict": Rule("geoqa-strict", _leave_to_worker, can_read_quantity, grade_geoqa_strict, GEOQA_STRICT),
    "vision-training": Rule("geoqa-strict", grade_vision_text, is_filled, grade_vision, GEOQA),
}
