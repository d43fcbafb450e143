"""Completions made to be slow, by the rules of the vision experiments: read once, whatever they repeat."""

import time

import pytest

from gpg_cli.grading import Verdict, grade, grade_all
from gpg_cli.grading.choices import choice_gold
from gpg_cli.grading.pool import GRACE_S

MANY = 100_000

HOSTILE = {
    "opening tags": "<answer>" * (MANY // 8),
    "closing tags": "</answer>" * (MANY // 9),
    "opening tags, one closed": "<answer>" * (MANY // 8) + "</answer>",
    "pairs of tags": "<answer>x</answer>" * (MANY // 18),
    "opening tags on lines": "<answer>\n" * (MANY // 9) + "</answer>",
    "opening parentheses": "(" * MANY,
    "a number without an end": "(" + "1" * MANY,
    "numbers in parentheses": "(1,1)," * (MANY // 6),
    "halves of boxes": "(1,2),(3," * (MANY // 9),
    "blanks in a box": "(1" + " " * MANY + ",2),(3,4",
    "boxes": "(1,2),(3,4)" * (MANY // 11),
    "huge numbers": f"({'9' * (MANY // 4)},{'9' * (MANY // 4)}),({'9' * (MANY // 4)},{'9' * (MANY // 4)})",
    "digits": "7" * MANY,
    "letters": "A " * (MANY // 2),
    "letters in parentheses": "(A)" * (MANY // 3),
    "announcements": "answer is " * (MANY // 10),
    "boxes of LaTeX": r"\boxed{" * (MANY // 7),
    "braces": "<answer>" + "{" * MANY + "</answer>",
    "roots": "<answer>" + "√(" * (MANY // 2) + "</answer>",
    "signs of equality": "<answer>" + "=" * MANY + "</answer>",
    "blanks": "<answer>" + " " * MANY + "</answer>",
    "underscores": "<answer>" + "_" * MANY + "x</answer>",
    "stops": "a. " * (MANY // 3),
}
# Short enough to be read, and too much to be computed.
ASTRONOMICAL = ["9^9^9^9^9", "9**9**9**9", r"\sqrt{9^{9^{9^{9}}}}", "(9^9^9)^(9^9^9)π", "√{" * 30 + "2" + "}" * 30]

GOLDS = {
    "choice-strict": choice_gold("(B)", ["table", "a pile of books"]),
    "box": "[0.5, 0.5, 0.6, 0.6]",
    "box-strict": "[0.5, 0.5, 0.6, 0.6]",
    "box-training": "(500,500),(600,600)",
    "class-name": "desert-rose",
    "class-name-strict": "desert-rose",
    "class-name-training": "desert-rose",
    "vision-training": "<answer>moved left</answer>",
}


@pytest.mark.parametrize("rule", GOLDS)
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_rule_of_text_judges_it_at_once(kind: str, rule: str) -> None:
    # The best of three: a collection of the garbage of three thousand earlier tests may fall into one of them.
    seconds = []
    for _ in range(3):
        started = time.process_time()
        assert grade(GOLDS[rule], HOSTILE[kind], rule).verdict is Verdict.WRONG
        seconds.append(time.process_time() - started)
    assert min(seconds) < 0.2


@pytest.mark.parametrize("rule", ["choice", "geoqa", "geoqa-strict"])
def test_a_rule_of_mathematics_leaves_honest_answers_beside_it_alone(
    rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPG_GRADING_TIME_LIMIT", "1")
    gold = choice_gold("B", ["5", r"\frac{7}{2}"]) if rule == "choice" else r"\frac{7}{2}cm"
    hostile = [*HOSTILE.values(), *(f"<answer> {power} </answer>" for power in ASTRONOMICAL)]
    honest = [rf"<answer> $\frac{{7}}{{2}}$ </answer>{' ' * place}" for place in range(len(hostile))]
    started = time.monotonic()
    grades = grade_all([(gold, text) for pair in zip(hostile, honest, strict=True) for text in pair], rule)
    assert time.monotonic() - started < len(hostile) * (1 + GRACE_S)
    assert {each.verdict for each in grades[1::2]} == {Verdict.CORRECT}
    assert Verdict.CORRECT not in {each.verdict for each in grades[::2]}
