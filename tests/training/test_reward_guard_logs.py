"""What reward functions log beside their rewards, and what a run keeps of it."""

from collections.abc import Callable
from typing import Any

from tests.training.guarded import Completions, call


class Logs:
    """What TRL keeps of log_extra and log_metric."""

    def __init__(self) -> None:
        self.extras: list[tuple[str, list[Any]]] = []
        self.metrics: list[tuple[str, float]] = []

    def log_extra(self, column: str, values: list[Any]) -> None:
        self.extras.append((column, values))

    def log_metric(self, name: str, value: float) -> None:
        self.metrics.append((name, value))


def call_logged(function: Callable[..., Any], completions: Completions) -> tuple[Any, Logs]:
    logs = Logs()
    rewards, _ = call(function, completions, log_extra=logs.log_extra, log_metric=logs.log_metric)
    return rewards, logs


def test_logs_have_one_value_a_row_and_nothing_from_calls_that_failed() -> None:
    def reward(completions: Completions, log_extra: Any, log_metric: Any, **columns: Any) -> list[float]:
        log_extra(column="text", values=[completion.upper() for completion in completions])
        for completion in completions:
            log_extra("one by one", [completion])
        log_metric(name="rows", value=len(completions))
        if "bad" in completions:
            raise ValueError
        return [1.0] * len(completions)

    rewards, logs = call_logged(reward, ["a", "b", "bad", "d"])
    assert rewards == [1.0, 1.0, None, 1.0]
    assert logs.extras == [("text", ["A", "B", None, "D"]), ("one by one", ["a", "b", None, "d"])]
    assert logs.metrics == [("rows", 2.0), ("rows", 1.0)]


def test_a_column_that_has_not_one_value_a_row_is_dropped() -> None:
    """TRL would line it up with the wrong completions."""

    def reward(completions: Completions, log_extra: Any, **columns: Any) -> list[float]:
        log_extra("longer than 1", [completion for completion in completions if len(completion) > 1])
        log_extra("all", completions)
        return [1.0] * len(completions)

    assert call_logged(reward, ["a", "bb", "cc"])[1].extras == [("all", ["a", "bb", "cc"])]


def test_a_metric_that_is_no_number_is_a_failure_of_the_function() -> None:
    """TRL sums metrics up after the step."""

    def reward(completions: Completions, log_metric: Any, **columns: Any) -> list[float]:
        log_metric("accuracy", "high")
        return [1.0] * len(completions)

    assert call_logged(reward, ["a"])[0] == [None]
