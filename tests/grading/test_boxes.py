"""Boxes: how far they overlap, by the published protocol and soundly, and what the reward makes of it."""

import pytest

from gpg_cli.grading import Grade, Verdict, check_golds, grade
from gpg_cli.grading.boxes import giou, iou, read_box

GOLD = "[0.1, 0.2, 0.3, 0.4]"
WRITTEN = "<answer> (100,200),(300,400) </answer>"


def tagged(answer: str) -> str:
    return f"<think>It stands on the left.</think>\n<answer>{answer}</answer>"


@pytest.mark.parametrize(
    ("text", "box"),
    [
        ("(100,200),(300,400)", (0.1, 0.2, 0.3, 0.4)),
        ("at ( 100 , 200 ) , ( 300 , 400 ).", (0.1, 0.2, 0.3, 0.4)),
        ("(0,0),(1000,1000)", (0.0, 0.0, 1.0, 1.0)),
        ("(1,2),(3,4) or (5,6),(7,8)", (0.001, 0.002, 0.003, 0.004)),
        ("(300,400),(100,200)", (0.3, 0.4, 0.1, 0.2)),
        ("(100,200),(300,1400)", (0.1, 0.2, 0.3, 1.4)),
        ("(1,1), (100,200),(300,400)", (0.001, 0.001, 0.1, 0.2)),
        ("(100.5,200),(300,400)", None),
        ("(-100,200),(300,400)", None),
        ("(100,200)", None),
        ("[100,200,300,400]", None),
        ("", None),
        (f"({'9' * 5000},200),(300,400)", None),
    ],
)
def test_a_box_is_two_pairs_of_whole_thousandths(text: str, box: tuple | None) -> None:
    assert read_box(text) == box


@pytest.mark.parametrize(
    ("first", "second", "overlap", "generalised"),
    [
        ((0.1, 0.2, 0.3, 0.4), (0.1, 0.2, 0.3, 0.4), 1.0, 1.0),
        # Areas .04 and .036, of which .036 is common, and nothing is in neither.
        ((0.11, 0.2, 0.3, 0.4), (0.1, 0.2, 0.3, 0.4), 0.95, 0.95),
        ((0.1, 0.2, 0.5, 0.4), (0.1, 0.2, 0.3, 0.4), 0.5, 0.5),
        # Enclosing 0.8 x 0.7 = 0.56, union 0.08.
        ((0.7, 0.7, 0.9, 0.9), (0.1, 0.2, 0.3, 0.4), 0.0, -0.48 / 0.56),
        # Corner to corner, touching in a point: enclosing .16, union .08.
        ((0.3, 0.4, 0.5, 0.6), (0.1, 0.2, 0.3, 0.4), 0.0, -0.5),
        # A point in itself, and in a box.
        ((0.1, 0.1, 0.1, 0.1), (0.1, 0.1, 0.1, 0.1), 0.0, 0.0),
        ((0.1, 0.2, 0.1, 0.2), (0.1, 0.2, 0.3, 0.4), 0.0, 0.0),
    ],
)
def test_overlaps_counted_by_hand(first: tuple, second: tuple, overlap: float, generalised: float) -> None:
    assert iou(first, second) == iou(second, first) == pytest.approx(overlap)
    assert giou(first, second) == giou(second, first) == pytest.approx(generalised)


# What is written, IoU by the protocol with its 1e-6, and soundly.
ROWS = [
    (tagged("(100,200),(300,400)"), 0.04 / (0.04 + 1e-6), 1.0),
    (tagged("\n(100,200),(300,400)\n"), 0.04 / (0.04 + 1e-6), 1.0),
    ("(100,200),(300,400)", 0.04 / (0.04 + 1e-6), 1.0),
    (tagged("(110,200),(300,400)"), 0.038 / (0.04 + 1e-6), 0.95),
    (tagged("(100,200),(500,400)"), 0.04 / (0.08 + 1e-6), 0.5),
    (tagged("(700,700),(900,900)"), 0.0, 0.0),
    # Corners in the wrong order, one axis and both.
    (tagged("(300,200),(100,400)"), 0.0, 0.0),
    (tagged("(300,400),(100,200)"), 0.0, 0.0),
    (tagged("(1000,1000),(0,0)"), 0.0, 0.0),
    # Beyond the picture: the protocol takes it.
    (tagged("(100,200),(300,1400)"), 0.04 / (0.24 + 1e-6), 0.0),
    # The first box anywhere, or the one of the answer.
    ("<think>not (700,700),(900,900)</think>" + tagged("(100,200),(300,400)"), 0.0, 1.0),
    ("<think>first (100,200),(300,400)</think>" + tagged("(700,700),(900,900)"), 0.04 / (0.04 + 1e-6), 0.0),
    ("(700,700),(900,900), no, (100,200),(300,400)", 0.0, 1.0),
    (tagged("(100,200),(300,400) (700,700),(900,900)"), 0.04 / (0.04 + 1e-6), 0.0),
    (tagged("(100,200),(300,400) or (100,200),(300,400)"), 0.04 / (0.04 + 1e-6), 1.0),
    ("(100,200),(300,400) <answer>left</answer>", 0.04 / (0.04 + 1e-6), 0.0),
    # No box.
    (tagged("(100.5,200.0),(300.0,400.0)"), 0.0, 0.0),
    (tagged("the cup"), 0.0, 0.0),
    (tagged(""), 0.0, 0.0),
    ("<think>It stands at (100,", 0.0, 0.0),
    ("", 0.0, 0.0),
]


@pytest.mark.parametrize(("completion", "published", "sound"), ROWS)
def test_the_value_is_the_iou_and_an_answer_is_right_from_a_half(
    completion: str, published: float, sound: float
) -> None:
    for rule, value in (("box", published), ("box-strict", sound)):
        graded = grade(GOLD, completion, rule)
        assert graded.score == graded.value == pytest.approx(value, abs=1e-12)
        assert graded.verdict is (Verdict.CORRECT if value >= 0.5 else Verdict.WRONG)


def test_the_mean_over_some_answers_by_hand() -> None:
    """Identical, shifted, disjoint, swapped, two boxes, none, and one with decimals: (1 + 0.95 + 1) / 7."""
    answers = ["(100,200),(300,400)", "(110,200),(300,400)", "(700,700),(900,900)", "(300,400),(100,200)"]
    answers += ["(100,200),(300,400),(700,700),(900,900)", "nothing", "(100.0,200.0),(300.0,400.0)"]
    values = [grade(GOLD, tagged(answer), "box").score for answer in answers]
    assert sum(values) / len(values) == pytest.approx(2.95 / 7, abs=1e-4)


@pytest.mark.parametrize("rule", ["box", "box-strict"])
def test_without_a_right_box_every_answer_is_wrong_and_worth_nothing(rule: str) -> None:
    assert grade("[]", tagged("(0,0),(1000,1000)"), rule) == Grade(Verdict.WRONG, "(0,0),(1000,1000)", 0.0)
    assert grade("[]", "", rule) == Grade(Verdict.WRONG, None, 0.0)


@pytest.mark.parametrize("rule", ["box", "box-strict"])
def test_a_gold_is_four_numbers_or_none(rule: str) -> None:
    readable = [GOLD, "[]", "[0, 0, 1, 1]", "[-0.1, 0, 1.1, 1]"]
    unreadable = ["", "[0.1]", "{}", "[0.3, 0.2, 0.1, 0.4]", "[NaN, 0, 1, 1]", '["0", 0, 1, 1]', "(1,2),(3,4)"]
    unreadable += ["[true, 0, 1, 1]", "[[0, 0, 1, 1]]", "[" * 100_000, f"[0, 0, 1, {'9' * 5000}]"]
    assert check_golds(readable + unreadable, rule) == [True] * len(readable) + [False] * len(unreadable)
    assert {grade(gold, "(0,0),(9,9)", rule).verdict for gold in unreadable} == {Verdict.UNPARSED}


def test_of_several_golds_the_one_that_suits_best_counts() -> None:
    golds = ["[0.7, 0.7, 0.9, 0.9]", GOLD, "[]"]
    assert grade(golds, tagged("(110,200),(300,400)"), "box-strict").value == pytest.approx(0.95)


@pytest.mark.parametrize(
    ("answer", "value", "right"),
    [
        ("(100,200),(300,400)", 2.0, True),
        ("(110,200),(300,400)", 1.95, True),
        ("(100,200),(500,400)", 1.5, True),
        ("(700,700),(900,900)", 1 - 0.48 / 0.56, False),
        # The first box counts; upstream pairs the corners of two boxes wrongly.
        ("(100,200),(300,400),(700,700),(900,900)", 2.0, True),
        ("(700,700),(900,900),(100,200),(300,400)", 1 - 0.48 / 0.56, False),
        # Upstream pays up to 26 for these.
        ("(1000,1000),(0,0)", 0.0, False),
        ("(300,400),(100,200)", 0.0, False),
        ("(300,200),(100,400)", 0.0, False),
        ("(100,200),(100,400)", 0.0, False),
        ("(100,200),(300,1400)", 0.0, False),
        ("(-100,200),(300,400)", 0.0, False),
        ("(100.0,200.0),(300.0,400.0)", 0.0, False),
        ("the cup", 0.0, False),
        ("", 0.0, False),
    ],
)
def test_the_reward_is_one_more_than_giou(answer: str, value: float, right: bool) -> None:
    graded = grade(WRITTEN, tagged(answer), "box-training")
    assert graded.value == pytest.approx(value, abs=1e-12)
    assert graded.verdict is (Verdict.CORRECT if right else Verdict.WRONG)


def test_no_box_is_worth_more_than_two_or_less_than_nothing() -> None:
    sides = (0, 1, 100, 200, 300, 400, 999, 1000, 1001, 5000)
    answers = [f"({a},{b}),({c},{d})" for a in sides for b in sides for c in sides for d in sides]
    values = [grade(WRITTEN, answer, "box-training").score for answer in answers]
    assert (min(values), max(values)) == (0.0, 2.0)


def test_a_solution_without_a_proper_box_says_nothing() -> None:
    golds = [WRITTEN, "(100,200),(300,400)", "<answer></answer>", "(300,400),(100,200)", "(0,0),(9,1001)", ""]
    assert check_golds(golds, "box-training") == [True, True, False, False, False, False]
    assert grade("(300,400),(100,200)", "(300,400),(100,200)", "box-training").verdict is Verdict.UNPARSED
