"""Answers that hang, exhaust or crash a grader are graded within the limits, and honest ones beside them right."""

import resource
import sys
import time

import pytest

from gpg_cli.grading import Grade, Verdict, check_golds, grade, grade_all
from gpg_cli.grading.math import MATH_RULES, grade_math, prepare_grader
from gpg_cli.grading.pool import GRACE_S, Call, WorkerPool

MANY = 100_000
MEGABYTES = 3_000_000


def boxed(answer: str) -> str:
    return rf"So the answer is $\boxed{{{answer}}}$."


def nested(before: str, core: str, after: str, depth: int = MANY) -> str:
    return boxed(before * depth + core + after * depth)


# Of each kind, the first stands for the others in the fast test.
CORPUS = {
    "towers of powers": [
        boxed("9^{9^{9^{9}}}"),
        boxed("10^{10^{10}}"),
        boxed("2^{2^{2^{2^{2^{2}}}}}"),
        "The answer is 9**9**9**9",
        boxed("(-3)^{10^{12}}"),
        boxed(r"\left(\frac{2}{3}\right)^{10^{11}}"),
        boxed(r"7^{7^{7^7}} \bmod 10"),
        nested("2^{", "2", "}", depth=200),
        boxed(r"\sqrt{2}^{10^{10^{10}}}"),
        boxed("e^{e^{e^{e^{e}}}}"),
        boxed("0^{-10^{10}}"),
        boxed(r"10^{10^{9}}\%"),
        boxed(r"\log_{2}(3^{10^{9}})"),
    ],
    "factorials": [boxed("100000000!"), boxed("((10!)!)!"), boxed("9!!!!!!"), boxed("3000000!")],
    "binomials": [
        boxed(r"\binom{2000000}{1000000}"),
        boxed(r"\binom{10^{9}}{5 \cdot 10^{8}}"),
        boxed(r"\binom{10^{100}}{10^{50}}"),
    ],
    "nested brackets": [
        nested("(", "1", ")"),
        nested("[", "1", "]"),
        nested(r"\left(", "1", r"\right)"),
        nested("(", "1", ")", depth=300),
        boxed("|" * MANY),
    ],
    "nested braces": [
        nested("{", "1", "}"),
        nested("{", "5", "}", depth=40),
        nested(r"\frac{1}{", "2", "}"),
        nested(r"\sqrt{", "2", "}"),
        r"\boxed{" + "{" * MANY,
        boxed("}" * MANY),
        r"\boxed{" * MANY,
    ],
    "megabytes of digits": [
        boxed("9" * MEGABYTES),
        boxed("0." + "3" * MEGABYTES),
        "The answer is " + "7" * MEGABYTES,
        boxed(",".join(["123"] * 500_000)),
        boxed("1 " * 500_000),
        boxed("9" * 5000),
    ],
    "astronomical sums": [
        boxed(r"\sum_{n=1}^{10^{12}} n^{n}"),
        boxed(r"\sum_{k=1}^{10^{18}} \frac{1}{k}"),
        boxed(r"\prod_{k=1}^{10^{10}} k"),
        boxed(r"\sum_{n=1}^{10^{15}} \sin(n!)"),
        boxed(r"\int_0^{10^{100}} e^{x^x} dx"),
        boxed(r"\lim_{x \to \infty} x^{x^{x}}"),
    ],
    "bait for regular expressions": [
        r"\boxed{1}, " * 50_000,
        "answer is " * 200_000,
        "final answer is $" * 50_000,
        "The answer is" + " " * 1_000_000 + "!",
        boxed("1," * MANY),
        boxed("x=" * MANY + "1"),
        boxed(r"\text{" + "a" * MANY),
        "1" + " 1" * 200_000,
        "1/" * 200_000,
        "$" * MANY,
        boxed(" and ".join(["1"] * 50_000)),
        "a" * 2_000_000,
    ],
    "invalid UTF-16 pairs": [boxed("\ud800x"), "\udfff\ud800" * 1000 + boxed("6"), boxed("6\udc00" * 1000)],
    "control characters": [
        boxed("\x00x"),
        "".join(map(chr, range(32))) * 1000 + boxed("6"),
        boxed("\u202e6\u0007"),
        "\x00" * 1_000_000,
    ],
    "long expressions": [
        boxed("(x+1)^{100000}"),
        boxed(r"(a+b+c+d+e+f)^{500}"),
        boxed("+".join(["x"] * 20_000)),
        boxed("-" * MANY + "1"),
        boxed(r"\{" + ",".join(map(str, range(50_000))) + r"\}"),
        boxed(r"\cup".join(["(1,2)"] * 5000)),
        boxed(r"\begin{pmatrix}" + "1&" * 20_000 + r"1\end{pmatrix}"),
    ],
}

HONEST = [
    *(("$5$", boxed(rf"\frac{{{5 * n}}}{{{n}}}"), Verdict.CORRECT) for n in range(2, 22)),
    *(("$5$", boxed(rf"\frac{{{5 * n + 1}}}{{{n}}}"), Verdict.WRONG) for n in range(2, 22)),
]


def check_together(hostile: list[str], rule: str) -> None:
    """Grade hostile and honest answers in turn, in one batch; none of the hostile ones is 5."""
    honest = [HONEST[place % len(HONEST)] for place in range(max(len(hostile), len(HONEST)))]
    pairs = [(gold, answer) for gold, answer, _ in honest]
    for place, completion in enumerate(hostile):
        pairs.insert(2 * place, ("$5$", completion))
    expected = {(gold, answer): verdict for gold, answer, verdict in honest}
    grades = dict(zip(pairs, grade_all(pairs, rule), strict=True))
    assert {pair: grades[pair].verdict for pair in expected} == expected
    assert Verdict.CORRECT not in {grades["$5$", completion].verdict for completion in hostile}


@pytest.mark.parametrize("rule", ["math-latex", "math-training"])
def test_one_answer_of_each_hostile_kind_leaves_honest_ones_alone(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPG_GRADING_TIME_LIMIT", "2")
    started = time.monotonic()
    check_together([completions[0] for completions in CORPUS.values()], rule)
    assert time.monotonic() - started < len(CORPUS) * (2 + GRACE_S) + 10


@pytest.mark.slow
@pytest.mark.long
def test_hostile_answers_leave_honest_ones_in_the_same_batch_alone() -> None:
    check_together([completion for completions in CORPUS.values() for completion in completions], "math-latex")


@pytest.mark.slow
@pytest.mark.parametrize("kind", CORPUS)
def test_each_hostile_answer_is_graded_within_the_limit(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPG_GRADING_TIME_LIMIT", "2")
    for completion in CORPUS[kind]:
        started = time.monotonic()
        assert grade("$5$", completion, "math-latex").verdict is not Verdict.CORRECT
        # The limit, the time after which the worker is killed, and the start of the next one.
        assert time.monotonic() - started < 2 + GRACE_S + 4


def test_hostile_answers_to_a_question_of_text_are_judged_at_once() -> None:
    hostile = [completion for completions in CORPUS.values() for completion in completions]
    started = time.monotonic()
    grades = grade_all([("5", completion) for completion in hostile], "exact")
    assert {each.verdict for each in grades} == {Verdict.WRONG}
    assert time.monotonic() - started < 20


def test_hostile_golds_cannot_be_read_and_honest_ones_beside_them_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPG_GRADING_TIME_LIMIT", "1")
    hostile = [nested("(", "1", ")"), nested("{", "5", "}", depth=40), boxed("9" * MEGABYTES), boxed("100000000!")]
    golds = [gold for number, each in enumerate(hostile) for gold in (each, rf"$\frac{{1}}{{{number + 2}}}$")]
    readable = check_golds(golds, "math-training")
    assert readable[1::2] == [True] * 4
    assert readable[:3:2] == [False] * 2
    # Answers to a gold that takes too long get no verdict, whatever they are.
    assert grade(hostile[1], boxed("5"), "math-training") == Grade(Verdict.TIMEOUT, None)


@pytest.mark.skipif(sys.platform != "linux", reason="the memory limit is Linux's")
def test_answers_that_take_too_much_memory_are_errors_and_cost_this_process_nothing() -> None:
    pool = WorkerPool(1, prepare_grader, memory_limit=48 * 2**20)
    rule = MATH_RULES["math-latex"]
    completions = [boxed("9" * MEGABYTES), boxed(r"\frac{10}{2}"), boxed("1,2," * 500_000), boxed(r"\frac{11}{2}")]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    timeout, error = Grade(Verdict.TIMEOUT, None), Grade(Verdict.ERROR, None)
    calls = [Call(grade_math, (["$5$"], completion, rule), 30, timeout, error) for completion in completions]
    pool.submit(calls)
    verdicts = [call.future.result(60).verdict for call in calls]
    pool.close()
    assert verdicts == [Verdict.ERROR, Verdict.CORRECT, Verdict.ERROR, Verdict.WRONG]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024
