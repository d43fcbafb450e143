"""The pool by itself, with functions of the standard library in place of the grader."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.grading.pool import Call, WorkerPool

MEBIBYTE = 2**20


def call(function: Callable, *arguments: object, limit_s: float = 30.0) -> Call:
    return Call(function, arguments, limit_s, on_timeout="timeout", on_failure="failure")


def results(pool: WorkerPool, *calls: Call) -> list:
    pool.submit(calls)
    return [each.future.result(60) for each in calls]


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    # A zombie has ended; whoever inherited it has not looked yet.
    return state != "Z"


def wait_until(condition: Callable[[], bool], seconds: float = 30.0) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def both_workers(pool: WorkerPool) -> set[int]:
    """Their process ids, once both run and are idle; a worker is started, and replaced, only where there is work."""

    def run_after_work() -> bool:
        results(pool, *(call(time.sleep, 0.01) for _ in range(16)))
        return len(pool.process_ids) == 2

    assert wait_until(run_after_work)
    return set(pool.process_ids)


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    pool = WorkerPool(2, os.getpid)
    yield pool
    pool.close()


def test_every_call_has_its_own_result_in_another_process(pool: WorkerPool) -> None:
    assert results(pool, *(call(abs, -number) for number in range(100))) == list(range(100))
    assert results(pool, call(os.getpid))[0] in pool.process_ids


def test_many_calls_are_shared_among_the_workers(pool: WorkerPool) -> None:
    pids = [call(os.getpid) if place % 2 else call(time.sleep, 0.02) for place in range(200)]
    assert {pid for pid in results(pool, *pids) if pid} == set(pool.process_ids)
    assert len(pool.process_ids) == 2


def test_a_call_that_overruns_is_stopped_and_the_rest_of_its_chunk_made_by_others(pool: WorkerPool) -> None:
    started = time.monotonic()
    calls = [call(abs, -1), call(time.sleep, 600, limit_s=0.2), *(call(abs, -number) for number in range(30))]
    assert results(pool, *calls) == [1, "timeout", *range(30)]
    assert time.monotonic() - started < 20
    assert wait_until(lambda: len(pool.process_ids) == 2)


def test_an_exception_is_a_failure_of_that_call_alone(pool: WorkerPool) -> None:
    calls = [call(int, "x"), call(int, "1"), call(sys.exit, 3), call(int, "2")]
    assert results(pool, *calls) == ["failure", 1, "failure", 2]


def test_a_worker_that_dies_at_a_call_twice_makes_it_a_failure_and_is_replaced(pool: WorkerPool) -> None:
    calls = [call(os._exit, 9), call(abs, -1), call(os.abort), call(abs, -2)]
    assert results(pool, *calls) == ["failure", 1, "failure", 2]


def test_workers_killed_from_outside_are_replaced_and_their_calls_made(pool: WorkerPool) -> None:
    before = both_workers(pool)
    calls = [call(os.getpid), *(call(time.sleep, 0.5) for _ in range(2)), *(call(abs, -number) for number in range(50))]
    pool.submit(calls)
    asleep = calls[0].future.result(60)
    os.kill(asleep, signal.SIGKILL)
    # Time enough for the other, which is idle, to take what the first was killed at, were it allowed to.
    time.sleep(0.1)
    (idle,) = before - {asleep}
    os.kill(idle, signal.SIGKILL)
    assert [each.future.result(60) for each in calls[1:]] == [None, None, *range(50)]
    assert not before & set(pool.process_ids)


def test_workers_killed_while_idle_are_replaced_without_a_failure(pool: WorkerPool) -> None:
    for pid in both_workers(pool):
        os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not any(map(is_running, pool.process_ids)))
    assert results(pool, *(call(abs, -number) for number in range(50))) == list(range(50))


def test_ctrl_c_is_not_for_the_workers(pool: WorkerPool) -> None:
    before = results(pool, call(os.getpid), call(os.getpid))
    for pid in before:
        os.kill(pid, signal.SIGINT)
    time.sleep(0.1)
    assert all(map(is_running, before))
    assert results(pool, call(abs, -1)) == [1]


def test_a_cancelled_call_is_not_made(pool: WorkerPool, tmp_path: Path) -> None:
    busy = [call(time.sleep, 0.5) for _ in range(40)]
    late = call(os.mkdir, tmp_path / "made")
    pool.submit([*busy, late])
    for each in [*busy, late]:
        each.future.cancel()
    assert results(pool, call(abs, -1)) == [1]
    time.sleep(0.2)
    assert late.future.cancelled()
    assert not (tmp_path / "made").exists()


def test_threads_share_the_pool(pool: WorkerPool) -> None:
    def work(start: int) -> list:
        return results(pool, *(call(abs, -number) for number in range(start, start + 50)))

    with ThreadPoolExecutor(8) as threads:
        parts = list(threads.map(work, range(0, 400, 50)))
    assert [number for part in parts for number in part] == list(range(400))


@pytest.mark.skipif(sys.platform != "linux", reason="the memory limit is Linux's")
def test_a_call_that_takes_too_much_memory_is_a_failure_and_costs_this_process_nothing() -> None:
    pool = WorkerPool(1, os.getpid, memory_limit=200 * MEBIBYTE)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcomes = results(pool, call(abs, -1), call(bytearray, 300 * MEBIBYTE), call(abs, -2))
    pool.close()
    assert outcomes == [1, "failure", 2]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="the memory limit is Linux's")
def test_a_worker_that_keeps_memory_is_replaced_before_the_next_call() -> None:
    pool = WorkerPool(1, os.getpid, memory_limit=200 * MEBIBYTE)
    keep = "import sys; sys.kept = bytearray(150 << 20)"
    first, _, second = results(pool, call(os.getpid), call(exec, keep, {}), call(os.getpid))
    pool.close()
    assert first != second


def test_workers_that_cannot_start_are_an_error_that_says_why() -> None:
    pool = WorkerPool(2, partial(int, "no number"))
    calls = [call(abs, -1), call(abs, -2)]
    pool.submit(calls)
    for each in calls:
        with pytest.raises(GpgError, match=r"do not start .*invalid literal"):
            each.future.result(60)
    pool.close()


def test_closing_ends_the_workers_and_cancels_what_waits() -> None:
    pool = WorkerPool(1, os.getpid)
    (pid,) = results(pool, call(os.getpid))
    calls = [call(time.sleep, 600, limit_s=600) for _ in range(20)]
    pool.submit(calls)
    pool.close()
    assert wait_until(lambda: not is_running(pid))
    assert wait_until(lambda: all(each.future.done() for each in calls))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a worker that is busy notices only when it has finished")
def test_a_killed_parent_leaves_no_worker_behind() -> None:
    program = """
import os, time
from gpg_cli.grading.pool import Call, WorkerPool
pool = WorkerPool(2, os.getpid)
pids = [Call(os.getpid, (), 30, None, None), *(Call(time.sleep, (0.5,), 30, None, None) for _ in range(4))]
pool.submit(pids)
[each.future.result() for each in pids]
pool.submit([Call(time.sleep, (600,), 600, None, None)])
time.sleep(0.2)
print(*pool.process_ids, flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        running = [is_running(pid) for pid in pids]
        parent.kill()
    assert running == [True, True]
    assert wait_until(lambda: not any(map(is_running, pids)))
