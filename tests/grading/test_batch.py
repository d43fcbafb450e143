"""Many answers at once, and answers judged while something else goes on: by the workers, as by this process."""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from gpg_cli.grading import RULES, Verdict, check_gold, check_golds, grade, grade_all, grade_later
from gpg_cli.grading.math import MATH_RULES, can_read_gold, grade_math
from gpg_cli.grading.shared_pool import shared_pool
from tests.conftest import shared_data

# What takes the parser longer than any limit.
HOSTILE = r"\boxed{" + "{" * 40 + "5" + "}" * 41

PAIRS = [
    ("$5$", r"\boxed{5}"),
    ("$5$", r"\boxed{6}"),
    (r"$\frac{1}{2}$", r"\boxed{0.5}"),
    (r"$\frac{1}{2}$", r"\boxed{0.6}"),
    ("$x + 1$", r"\boxed{1 + x}"),
    ("$x + 1$", "nothing"),
    (["$3$", "$4$"], r"\boxed{4}"),
    (["$3$", "$x$"], r"\boxed{x}"),
    ("", r"\boxed{4}"),
    ("$5$", r"\boxed{5"),
    (r"$\boxed{1 < x < 2}$", r"$\boxed{(1, 2)}$"),
    (r"$\boxed{(1, 2)}$", r"$\boxed{1 < x < 2}$"),
]


def rows_of(name: str) -> list[dict]:
    return [json.loads(line) for line in shared_data(name).read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("rule", RULES)
def test_many_answers_get_the_grades_that_each_gets_alone_and_in_the_order_given(rule: str) -> None:
    assert grade_all(PAIRS, rule) == [grade(gold, completion, rule) for gold, completion in PAIRS]
    assert grade_all([], rule) == []


@pytest.mark.parametrize("rule", RULES)
def test_answers_judged_later_get_the_same_grades(rule: str) -> None:
    futures = [grade_later(gold, completion, rule) for gold, completion in PAIRS]
    assert [future.result(30) for future in futures] == grade_all(PAIRS, rule)


def test_an_unknown_rule_is_an_error_at_once() -> None:
    for function in (grade_all, check_golds):
        with pytest.raises(ValueError, match="unknown grading rule 'latex'"):
            function([], "latex")
    with pytest.raises(ValueError, match="unknown grading rule 'latex'"):
        grade_later("1", "1", "latex")


def test_the_gold_comes_first_in_batches_too() -> None:
    inequality, interval = r"$\boxed{1 < x < 2}$", r"$\boxed{(1, 2)}$"
    grades = grade_all([(inequality, interval), (interval, inequality)], "math-latex")
    assert [each.verdict for each in grades] == [Verdict.CORRECT, Verdict.WRONG]
    assert grade_later(interval, inequality, "math-latex").result(30).verdict is Verdict.WRONG


def test_equal_pairs_are_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPG_GRADING_TIME_LIMIT", "3")
    grade("$x + 1$", r"\boxed{1 + x}", "math-training")
    started = time.monotonic()
    grades = grade_all([("$x$", HOSTILE), ("$x$", r"\boxed{x}")] * 100, "math-training")
    assert time.monotonic() - started < 20
    assert [each.verdict for each in grades] == [Verdict.TIMEOUT, Verdict.CORRECT] * 100


def test_an_answer_that_is_judged_later_is_not_waited_for() -> None:
    started = time.monotonic()
    future = grade_later("$5$", HOSTILE, "math-training")
    assert time.monotonic() - started < 2
    assert not future.done()
    assert future.result(60).verdict is Verdict.TIMEOUT


def test_threads_get_the_same_grades() -> None:
    expected = grade_all(PAIRS, "math-latex")
    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(lambda _: grade_all(PAIRS, "math-latex"), range(30))) == [expected] * 30


def test_workers_give_real_answers_the_grades_that_this_process_gives_them() -> None:
    rows = rows_of("math_completions.jsonl") + rows_of("graded_completions.jsonl")[::10]
    pairs = [(row["gold"], row["completion"]) for row in rows]
    expected = [grade_math([gold], completion, MATH_RULES["math-latex"]) for gold, completion in pairs]
    assert grade_all(pairs, "math-latex") == expected


@pytest.mark.parametrize("rule", MATH_RULES)
def test_a_gold_that_is_an_integer_is_the_number_that_the_parser_reads(rule: str) -> None:
    """The short way, taken where gold and box are integers, against the parser, kept from it by a term."""
    for gold in [
        "7",
        "$7$",
        "$-7$",
        r"\boxed{7}",
        r"$\boxed{7}$",
        "007",
        "$007$",
        "$-0$",
        "$+7$",
        "$ 7 $",
        "7$",
        r"\$7",
    ]:
        for number in ("7", "-7", "0", "8", "07"):
            short = grade(gold, rf"\boxed{{{number}}}", rule).verdict
            long = grade(gold, rf"$\boxed{{{number} + 0}}$", rule).verdict
            assert (gold, number, short) == (gold, number, long)


@pytest.mark.parametrize("rule", RULES)
def test_many_golds_are_checked_as_each_alone(rule: str) -> None:
    golds = ["7", "$7$", "", " ", "$x$", "eighteen", "#### 18", r"Thus $\boxed{\frac{1}{2}}$.", "$7$", "9" * 5000]
    assert check_golds(golds, rule) == [check_gold(gold, rule) for gold in golds]
    if rule in MATH_RULES:
        assert check_golds(golds, rule) == [can_read_gold(gold, MATH_RULES[rule]) for gold in golds]


def test_a_gold_that_takes_too_long_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPG_GRADING_TIME_LIMIT", "3")
    assert check_golds(["$x$", HOSTILE, "$y$"], "math-training") == [True, False, True]


def test_integers_and_texts_need_no_worker() -> None:
    program = """
import sys, threading
from gpg_cli.grading import check_golds, grade, grade_all
assert grade("$12$", r"\\boxed{12}", "math-training").verdict == "correct"
assert grade("12", r"1 + 11 = 12 \\boxed{13}", "math-expr").verdict == "wrong"
assert grade_all([("a", r"\\boxed{a}"), ("b", "c")], "exact")[0].verdict == "correct"
assert check_golds(["$1$"] * 1000, "math-training") == [True] * 1000
print(threading.active_count(), {"sympy", "math_verify"} & set(sys.modules))
"""
    assert run_python(program) == "1 set()"


def test_a_program_that_grades_ends_quietly_and_at_once() -> None:
    program = """
from gpg_cli.grading import grade, grade_later
assert grade("$x$", r"\\boxed{x}", "math-latex").verdict == "correct"
waiting = [grade_later("$x$", "\\\\boxed{" + "{" * 40 + "}" * 41 + "x" * place, "math-latex") for place in range(9)]
"""
    started = time.monotonic()
    assert run_python(program) == ""
    assert time.monotonic() - started < 20


def test_a_program_without_a_main_guard_is_not_run_again_by_the_workers(tmp_path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        'print("once")\nfrom gpg_cli.grading import grade\n'
        r'print(grade("$x$", r"\boxed{x}", "math-latex").verdict)' + "\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == ["once", "correct"]
    assert done.stderr == ""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_grades_with_workers_of_its_own_and_leaves_those_of_its_parent_alone() -> None:
    program = """
import os, sys
from gpg_cli.grading import grade
assert grade("$x$", r"\\boxed{x}", "math-latex").verdict == "correct"
child = os.fork()
if not child:
    right = grade("$x + 1$", r"\\boxed{1 + x}", "math-latex").verdict == "correct"
    os._exit(0 if right else 1)
assert os.waitpid(child, 0)[1] == 0
assert grade("$x + 2$", r"\\boxed{2 + x}", "math-latex").verdict == "correct"
print("both")
"""
    assert run_python(program) == "both"


def test_the_workers_are_started_once_for_the_process() -> None:
    assert shared_pool() is shared_pool()


def run_python(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()
