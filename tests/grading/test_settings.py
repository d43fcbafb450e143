import os

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.grading import Verdict, grade, require_grader
from gpg_cli.grading.settings import time_limit_s, worker_count


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GPG_GRADING_WORKERS", "GPG_GRADING_TIME_LIMIT", "LOCAL_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("cores", "local_world_size", "workers"),
    [(1, None, 1), (2, None, 2), (64, None, 4), (16, "8", 2), (64, "8", 4), (2, "8", 1), (2, "auto", 2)],
)
def test_there_are_at_most_four_workers_and_processes_share_the_cores(
    monkeypatch: pytest.MonkeyPatch, cores: int, local_world_size: str | None, workers: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(cores)), raising=False)
    if local_world_size is not None:
        monkeypatch.setenv("LOCAL_WORLD_SIZE", local_world_size)
    assert worker_count() == workers


def test_the_environment_overrides_workers_and_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert time_limit_s() == 5
    monkeypatch.setenv("GPG_GRADING_WORKERS", "7")
    monkeypatch.setenv("GPG_GRADING_TIME_LIMIT", "0.5")
    assert (worker_count(), time_limit_s()) == (7, 0.5)


@pytest.mark.parametrize("value", ["-1", "two", "1.5"])
def test_a_wrong_number_of_workers_stops_the_program_at_its_start(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("GPG_GRADING_WORKERS", value)
    with pytest.raises(GpgError, match=f"GPG_GRADING_WORKERS={value} is no number of processes"):
        require_grader()


@pytest.mark.parametrize("value", ["0", "-1", "soon", "nan", "inf"])
def test_a_wrong_time_limit_stops_the_program_at_its_start(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("GPG_GRADING_TIME_LIMIT", value)
    with pytest.raises(GpgError, match=f"GPG_GRADING_TIME_LIMIT={value} is no number of seconds"):
        require_grader()


def test_without_workers_this_process_grades(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPG_GRADING_WORKERS", "0")
    assert grade("$x + 1$", r"\boxed{1 + x}", "math-latex").verdict is Verdict.CORRECT
    monkeypatch.setenv("GPG_GRADING_TIME_LIMIT", "0.3")
    assert grade("$x + 1$", r"\boxed{" + "{" * 40 + "5" + "}" * 41, "math-latex").verdict is Verdict.TIMEOUT
