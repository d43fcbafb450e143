"""Names of classes by the published protocol, by the reward of its training, and by the sound rule."""

import json

import pytest

from gpg_cli.grading import Verdict, check_golds, grade, grade_all
from tests.conftest import shared_data


def tagged(answer: str) -> str:
    return f"<think>It is a plant.</think> <answer>{answer}</answer>"


# Gold, completion, right by the protocol, by the reward, by the sound rule.
ROWS = [
    ("desert-rose", tagged("desert-rose"), True, True, True),
    ("desert-rose", tagged("Desert-Rose"), True, True, True),
    ("desert-rose", tagged("desert rose"), False, False, True),
    ("desert-rose", tagged("desertrose."), False, False, True),
    ("american_bulldog", tagged("American Bulldog"), True, True, True),
    ("american_bulldog", tagged("american-bulldog"), False, False, True),
    ("american_bulldog", tagged("bulldog"), True, True, False),
    # Names that contain one another.
    ("desert-rose", tagged("rose"), True, True, False),
    ("rose", tagged("desert-rose"), True, True, False),
    ("rose", tagged("a rose"), True, True, False),
    ("Boeing 717", tagged("Boeing 717"), True, True, True),
    ("Boeing 717", tagged("boeing717"), True, True, True),
    ("Boeing 717", tagged("717"), True, True, False),
    ("Boeing 717", tagged("7"), True, True, False),
    ("Boeing 717", tagged("Airbus 717"), False, False, False),
    ("2012 BMW M3 Coupe", tagged("2012"), True, True, False),
    # Several names.
    ("rose", tagged("rose, lily"), True, True, False),
    ("rose", tagged("lily"), False, False, False),
    # No tag: the reward reads the whole text.
    ("rose", "rose", False, True, True),
    ("rose", "It may be a rose or a lily", False, True, False),
    ("rose", r"\boxed{Rose}", False, True, True),
    # Several lines: the protocol has no tags there, and the reward reads the whole text.
    ("rose", tagged("\nrose\n"), False, True, True),
    ("rose", tagged("\nlily\n"), False, False, False),
    ("rose", tagged("lily") + tagged("rose"), False, False, True),
    # Nothing is part of every name, and wrong here, in contrast to upstream.
    ("rose", tagged(""), False, False, False),
    ("rose", tagged(" "), False, False, False),
    ("rose", tagged("_"), False, False, False),
    ("rose", "", False, False, False),
]


@pytest.mark.parametrize(("gold", "completion", "published", "rewarded", "sound"), ROWS)
def test_a_name_by_all_rules(gold: str, completion: str, published: bool, rewarded: bool, sound: bool) -> None:
    rules = ("class-name", "class-name-training", "class-name-strict")
    verdicts = [grade(gold, completion, rule).verdict for rule in rules]
    expected = [Verdict.CORRECT if right else Verdict.WRONG for right in (published, rewarded, sound)]
    assert verdicts == expected


def test_the_last_number_of_a_name_is_not_the_name() -> None:
    """Upstream's reward asks math-verify first, to which both are 172."""
    assert grade("Cessna 172", "It has 4 seats and costs 172", "class-name-training").verdict is Verdict.WRONG


def test_the_reward_reads_solutions_with_tags() -> None:
    for gold in ("rose", "<answer>rose</answer>", "<answer> rose </answer>"):
        assert grade(gold, tagged("rose"), "class-name-training").verdict is Verdict.CORRECT
        assert grade(gold, tagged("lily"), "class-name-training").verdict is Verdict.WRONG
    assert check_golds(["rose", "<answer>rose</answer>", "<answer></answer>", ""], "class-name-training") == [
        *(True, True),
        *(False, False),
    ]


@pytest.mark.parametrize("rule", ["class-name", "class-name-training", "class-name-strict"])
def test_a_gold_without_a_name_says_nothing(rule: str) -> None:
    assert grade(" ", tagged("rose"), rule).verdict is Verdict.UNPARSED
    assert check_golds(["rose", " ", ""], rule) == [True, False, False]


@pytest.mark.parametrize("name", ["flowers102", "pets37", "fgvc_aircraft", "cars196"])
def test_each_class_of_the_benchmarks_is_told_from_all_others(name: str) -> None:
    rows = shared_data(f"cls_{name}_test.jsonl").read_text(encoding="utf-8").splitlines()
    names = sorted({json.loads(row)["label"] for row in rows})
    pairs = [(gold, tagged(answer)) for gold in names for answer in names]
    grades = grade_all(pairs, "class-name-strict")
    right = [pair for pair, each in zip(pairs, grades, strict=True) if each.verdict is Verdict.CORRECT]
    assert right == [(gold, tagged(gold)) for gold in names]


@pytest.mark.parametrize(
    ("name", "answer", "classes"),
    [
        *(("cars196", "2012", 117), ("cars196", "Sedan", 46), ("cars196", "BMW", 13), ("cars196", "a", 166)),
        *(("fgvc_aircraft", "7", 30), ("fgvc_aircraft", "-", 66)),
        *(("flowers102", "rose", 4), ("flowers102", "lily", 9)),
    ],
)
def test_how_many_classes_a_part_of_a_name_hits(name: str, answer: str, classes: int) -> None:
    """Figures measured on upstream's scorer."""
    rows = shared_data(f"cls_{name}_test.jsonl").read_text(encoding="utf-8").splitlines()
    names = {json.loads(row)["label"] for row in rows}
    grades = grade_all([(gold, tagged(answer)) for gold in names], "class-name")
    assert sum(each.score for each in grades) == classes
