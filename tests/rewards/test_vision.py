"""Rewards of the vision experiments; the tables of what is right stand in tests/grading, those of values here."""

import time

import pytest

from gpg_cli.rewards import RewardSettings, get_reward
from tests.rewards.scoring import score, scores

WELL_FORMED = "<think>It is round.</think><answer>circle</answer>"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (WELL_FORMED, 1.0),
        ("<think>It is\nround.</think>\n \n<answer>\ncircle\n</answer>", 1.0),
        ("<think></think><answer></answer>", 1.0),
        # Inside, anything goes.
        ("<think>a</think><think>b</think><answer>c</answer>", 1.0),
        ("<think>a</think><answer>b</answer><answer>c</answer>", 1.0),
        (WELL_FORMED + WELL_FORMED, 1.0),
        ("<think>a</think> then <think>b</think><answer>c</answer>", 1.0),
        # Outside, nothing does.
        (" " + WELL_FORMED, 0.0),
        (WELL_FORMED + "\n", 0.0),
        (WELL_FORMED + ".", 0.0),
        ("Well, " + WELL_FORMED, 0.0),
        ("<think>a</think> so <answer>b</answer>", 0.0),
        ("<answer>b</answer><think>a</think>", 0.0),
        ("<think>a</think><answer>b", 0.0),
        ("<think>a<answer>b</answer>", 0.0),
        ("a</think><answer>b</answer>", 0.0),
        ("<think></think><answer></answe></answer", 0.0),
        ("<think></answer>", 0.0),
        ("", 0.0),
    ],
)
def test_vision_format_wants_the_whole_text_to_be_thoughts_and_an_answer(text: str, value: float) -> None:
    assert score("vision_format", text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("It is round.</think><answer>circle</answer>", 1.0),
        ("</think>\n<answer></answer>", 1.0),
        (WELL_FORMED, 1.0),
        ("It is round.</think><answer>circle</answer>\n", 0.0),
        ("It is round.</think> So: <answer>circle</answer>", 0.0),
        ("<answer>circle</answer>", 0.0),
        ("circle", 0.0),
        ("", 0.0),
    ],
)
def test_vision_format_base_begins_after_the_first_tag(text: str, value: float) -> None:
    assert score("vision_format_base", text) == value


@pytest.mark.parametrize("piece", ["</think><answer>", "</think>" + " " * 100, "<think>", "</answer>", " "])
def test_vision_format_reads_a_hundred_thousand_characters_at_once(piece: str) -> None:
    text = "<think>" + piece * (100_000 // len(piece)) + "x"
    started = time.process_time()
    assert scores("vision_format", text, text + "</answer>x") == [0.0, 0.0]
    assert time.process_time() - started < 0.8


@pytest.mark.parametrize(
    ("solution", "text", "value"),
    [
        # A solution of GEOQA, whose blanks make it mathematics.
        ("<answer> 70° </answer>", "<think>180 - 110</think><answer> 70 </answer>", 1.0),
        ("<answer> 70° </answer>", "<think>180 - 110</think><answer>70°</answer>", 1.0),
        ("<answer> 70° </answer>", "<think>180 - 110</think><answer>70</answer>", 0.0),
        (r"<answer> \frac{1}{2} </answer>", "<answer> 0.5 </answer>", 1.0),
        ("<answer> √{3} </answer>", "<answer>√{3}</answer>", 1.0),
        # Of SAT: words, with tags and without.
        ("<answer>left</answer>", WELL_FORMED.replace("circle", "left"), 1.0),
        ("left", WELL_FORMED.replace("circle", "left"), 1.0),
        ("left", WELL_FORMED.replace("circle", "Left"), 0.0),
        ("B", WELL_FORMED.replace("circle", "(B)"), 1.0),
        ("3", WELL_FORMED.replace("circle", "3"), 1.0),
        # Tight tags are put round it: glued to them a number is no mathematics.
        ("3", "There are 3 of them.", 0.0),
        ("left", "", 0.0),
        ("", "<answer></answer>", None),
        ("<answer> </answer>", "<answer> </answer>", None),
    ],
)
def test_vision_accuracy_takes_the_solution_as_the_data_has_it(solution: str, text: str, value: float | None) -> None:
    assert score("vision_accuracy", text, solution=solution) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("<answer>(100,200),(300,400)</answer>", 2.0),
        ("<answer>(110,200),(300,400)</answer>", 1.95),
        ("<answer>(100,200),(500,400)</answer>", 1.5),
        ("<answer>(700,700),(900,900)</answer>", 0.1429),
        ("(100,200),(300,400)", 2.0),
        ("<answer>(100,200),(300,400),(700,700),(900,900)</answer>", 2.0),
        ("<answer>(1000,1000),(0,0)</answer>", 0.0),
        ("<answer>(300,400),(100,200)</answer>", 0.0),
        ("<answer>(0,0),(2000,2000)</answer>", 0.0),
        ("<answer></answer>", 0.0),
        ("", 0.0),
    ],
)
@pytest.mark.parametrize("solution", ["<answer> (100,200),(300,400) </answer>", "(100,200),(300,400)"])
def test_box_is_one_more_than_giou(text: str, value: float, solution: str) -> None:
    assert score("box", text, solution=solution) == pytest.approx(value, abs=5e-5)


def test_box_rewards_nothing_where_the_solution_has_no_proper_box() -> None:
    solutions = ["<answer></answer>", "(300,400),(100,200)", "the cup", ""]
    assert scores("box", *["<answer>(300,400),(100,200)</answer>"] * 4, solution=solutions) == [None] * 4


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("<answer>Desert-Rose</answer>", 1.0),
        ("<answer>rose</answer>", 1.0),
        ("<answer>a desert-rose or a lily</answer>", 1.0),
        ("I think of a desert-rose.", 1.0),
        ("<answer>lily</answer>", 0.0),
        ("<answer></answer>", 0.0),
        ("<answer> </answer>", 0.0),
        ("", 0.0),
    ],
)
@pytest.mark.parametrize("solution", ["<answer>desert-rose</answer>", "desert-rose"])
def test_class_name_is_lenient_but_not_about_nothing(text: str, value: float, solution: str) -> None:
    assert score("class_name", text, solution=solution) == value


def test_class_name_does_not_take_the_number_in_a_name_for_it() -> None:
    assert score("class_name", "It costs 717", solution="<answer> Boeing 717 </answer>") == 0.0
    assert score("vision_accuracy", "It costs 717", solution="<answer> Boeing 717 </answer>") == 1.0


@pytest.mark.parametrize(
    ("name", "solution", "texts", "right"),
    [
        ("vision_accuracy", ["left", "left", ""], ["left", "right", "left"], [1.0, 0.0, None]),
        ("class_name", ["rose", "rose", ""], ["a rose", "lily", "rose"], [1.0, 0.0, None]),
        (
            "box",
            ["(0,0),(100,100)", "(0,0),(100,100)", ""],
            ["(0,0),(100,50)", "(0,0),(100,49)", "(0,0),(1,1)"],
            [1.0, 0.0, None],
        ),
    ],
)
def test_what_is_right_is_logged(name: str, solution: list[str], texts: list[str], right: list[float | None]) -> None:
    """Of a box, from an IoU of 0.5, whatever it earns."""
    extras: dict[str, list] = {}
    metrics: dict[str, float] = {}
    columns = {"log_extra": extras.__setitem__, "log_metric": metrics.__setitem__}
    get_reward(name, RewardSettings())(completions=texts, solution=solution, **columns)
    assert extras == {"accuracy": right}
    assert metrics == {"accuracy": 0.5, "ungraded": pytest.approx(1 / 3)}
