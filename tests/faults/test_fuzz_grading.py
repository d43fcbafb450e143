"""No completion, and no gold, brings the grader down, hangs it, or gets another verdict the second time."""

import math
import random
import resource
import time
from pathlib import Path

import pytest

from gpg_cli.grading import RULES, Grade, Verdict, check_golds, grade, grade_all
from gpg_cli.grading.shared_pool import shared_pool
from tests.faults import LONG
from tests.faults.completions import completion, gold
from tests.faults.fuzzing import CASE_LIMIT_S, MEMORY_LIMIT_GB

_BATCH = 50
_LIMIT_S = 0.3
# The verdicts that say that time or memory ran out: not the same ones each time.
_GAVE_UP = (Verdict.TIMEOUT, Verdict.ERROR)
_LARGEST_VALUE = {"box-training": 2.0}


@pytest.mark.parametrize("strings", [800, pytest.param(60_000, marks=LONG)])
def test_every_completion_gets_a_verdict_by_every_rule(
    strings: int, tally: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPG_GRADING_TIME_LIMIT", str(_LIMIT_S))
    gave_up, started, before_all = 0, time.monotonic(), largest_child_gb()
    for number in range(strings // _BATCH):
        seed = random.Random(f"grading {number}")
        rule = RULES[number % len(RULES)]
        pairs = [(gold(seed, rule), completion(seed)) for _ in range(_BATCH)]
        before = time.monotonic()
        grades = grade_all(pairs, rule)
        lost = sum(each.verdict in _GAVE_UP for each in grades)
        # Whatever gives up may take its limit, and a new worker; the machine may have others to serve.
        assert time.monotonic() - before < CASE_LIMIT_S * (_BATCH / 10 + lost), (number, rule)
        for pair, each in zip(pairs, grades, strict=True):
            check(rule, pair, each)
        check_again(rule, dict(zip(pairs, grades, strict=True)), seed)
        assert (
            grade("$\\frac{7}{2}$", f"\\boxed{{\\frac{{{7 * number + 7}}}{{{2 * number + 2}}}}}", "math-latex").score
            == 1
        )
        gave_up += lost
        print(f"{(number + 1) * _BATCH}, {time.monotonic() - started:.0f} s, {gave_up} gave up", flush=True)
    assert gave_up < strings / 4, f"{gave_up} of {strings} gave up"
    assert largest_child_gb() <= max(MEMORY_LIMIT_GB, before_all)
    tally("completions graded, by every rule", strings)  # type: ignore[operator]
    print(f"{strings / (time.monotonic() - started):.0f} strings a second; {gave_up} without a verdict in time")


def check(rule: str, pair: tuple[str, str], found: Grade) -> None:
    assert found.verdict in Verdict, (rule, pair)
    assert found.extracted is None or isinstance(found.extracted, str), (rule, pair)
    if found.value is not None:
        assert math.isfinite(found.value), (rule, pair)
        assert 0 <= found.value <= _LARGEST_VALUE.get(rule, 1.0), (rule, pair)
    if not pair[1].strip():
        assert found.verdict is not Verdict.CORRECT, (rule, pair)


def check_again(rule: str, grades: dict[tuple[str, str], Grade], seed: random.Random) -> None:
    """Some of a batch, in another order and each alone, get the grades that they got among all, or are out of time."""
    firm = [pair for pair, found in grades.items() if found.verdict not in _GAVE_UP]
    some = seed.sample(firm, min(4, len(firm)))
    grade_all([], rule)  # the grades of the last call are remembered
    together = grade_all(some, rule)
    for pair, found in zip(some, together, strict=True):
        assert found == grades[pair] or found.verdict is Verdict.TIMEOUT, (rule, pair)
    grade_all([], rule)
    for pair in some[:1]:
        found = grade(*pair, rule)
        assert found == grades[pair] or found.verdict is Verdict.TIMEOUT, (rule, pair)


def largest_child_gb() -> float:
    """The most memory that any worker ever had, and any other process that was started here and has ended."""
    pool = shared_pool()
    living = [Path(f"/proc/{pid}/status").read_text() for pid in pool.process_ids] if pool else []
    peaks = [int(line.split()[1]) for text in living for line in text.splitlines() if line.startswith("VmHWM")]
    return max([*peaks, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss]) / 2**20


def test_what_takes_all_memory_is_stopped_in_the_worker_and_the_next_answer_is_judged() -> None:
    before, before_all = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, largest_child_gb()
    for number, hostile in enumerate(("10^{10^{9}}", "3^{2^{33}}", "(a+b+c+d+e+f)^{60}", "(x+1)^{99999}")):
        hostile = f"\\boxed{{{hostile}}}"
        assert grade("$\\frac{5}{3}$", hostile, "math-latex").verdict is not Verdict.CORRECT
        assert (
            grade("$\\frac{5}{3}$", f"\\boxed{{\\frac{{{5 * number + 5}}}{{{3 * number + 3}}}}}", "math-latex").score
            == 1
        )
    assert largest_child_gb() <= max(MEMORY_LIMIT_GB, before_all)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024


@pytest.mark.parametrize("golds", [60, pytest.param(2_000, marks=LONG)])
def test_every_gold_can_be_read_or_not(golds: int, tally: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPG_GRADING_TIME_LIMIT", str(_LIMIT_S))
    for rule in RULES:
        seed = random.Random(f"golds {rule}")
        texts = [completion(seed) if place % 2 else gold(seed, rule) for place in range(golds)]
        readable = check_golds(texts, rule)
        assert all(isinstance(each, bool) for each in readable)
        assert not any(each for text, each in zip(texts, readable, strict=True) if not text.strip())
    tally("golds read, by every rule", golds * len(RULES))  # type: ignore[operator]


def test_an_empty_answer_does_not_name_a_choice_without_text() -> None:
    for answer in ("", "\u2028", "<answer></answer>"):
        assert grade('["A", "", "b"]', answer, "choice").verdict is Verdict.WRONG
