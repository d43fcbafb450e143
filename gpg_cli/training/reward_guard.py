"""A reward function that fails costs the completions it fails on their reward, not the run."""

import copy
import functools
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Set, Sized
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from gpg_cli.grading.time_limit import time_limit
from gpg_cli.rewards.surroundings import surroundings_kept

# A part of the rows gets its share of the time, but never so little that one slow answer of a server takes all of it.
_SHORTEST_LIMIT_S = 5.0
# All calls for one batch together, in multiples of the limit: a function that hangs on every row must not stop a run.
_ALL_CALLS = 6.0
_LONGEST_REASON = 200
# TRL keeps rewards in float32, where anything larger is infinite.
_FLOAT32_MAX = 3.4028234663852886e38


@dataclass(frozen=True)
class Failure:
    """One completion that got no reward, although it may have deserved one.

    Attributes:
        row: its index in the call.
        reason: such as `ValueError: could not parse`, one line of at most 200 characters.
    """

    row: int
    reason: str


@dataclass(frozen=True)
class RewardReport:
    """What happened in the calls since the last report.

    Attributes:
        rows: completions of those calls.
        failures: those for which the function failed.
    """

    rows: int
    failures: list[Failure]


@dataclass
class _Attempt:
    """One call of the function with some of the rows; its logs are held back until it is known that it worked."""

    rewards: list[float | None] = field(default_factory=list)
    # Row in this attempt -> why that row alone has no reward.
    failed_rows: dict[int, str] = field(default_factory=dict)
    # Why there is no reward for any row.
    failure: str | None = None
    extras: dict[str, list[Any]] = field(default_factory=dict)
    metrics: list[tuple[str, float]] = field(default_factory=list)

    def log_extra(self, column: str, values: Iterable[Any]) -> None:
        self.extras.setdefault(column, []).extend(values)

    def log_metric(self, name: str, value: float) -> None:
        self.metrics.append((name, float(value)))


class _WrongResult(Exception):
    """The function returned, but not one number for each completion."""


class GuardedReward:
    """A synchronous reward function of TRL's that never raises, and fails for as few completions as it can.

    The function fails when it raises, takes longer than its limit, or returns something else than one number for each
    completion. Then it is called again with each half of the rows, and so on, until the rows on which it fails stand
    alone; those get None. A row whose value is infinite or no number gets None without another call. NaN and None
    mean that the reward does not apply, and are no failures. KeyboardInterrupt passes.

    The function works on copies: of lists and dictionaries in depth, of the trainer's state shallowly. What it does to
    the process is undone (see `surroundings_kept`). What it logs is passed on once: `log_extra` with a value for each
    row (None where there is none), `log_metric` from the calls that worked.
    """

    def __init__(self, function: Callable[..., Any], timeout_s: float) -> None:
        """
        Args:
            function: `function(prompts=..., completions=..., completion_ids=..., **columns)`.
            timeout_s: for all rows of a call; parts get their share, at least 5 s. In the main thread the function
                is stopped then; in others what comes late is not used.
        """
        self.__name__ = _name_of(function)
        self.timeout_s = timeout_s
        self._function = function
        self._rows = 0
        self._failures: list[Failure] = []

    def take_report(self) -> RewardReport:
        """What happened since this was called last."""
        report = RewardReport(self._rows, self._failures)
        self._rows, self._failures = 0, []
        return report

    def __call__(self, *, completions: list[Any], **columns: Any) -> list[float | None]:
        """The rewards, one for each completion; columns that are lists of that length are per completion."""
        inputs = {"completions": completions, **columns}
        rewards: list[float | None] = [None] * len(completions)
        extras: dict[str, list[Any]] = {}
        metrics: dict[int, list[tuple[str, float]]] = {}
        failures: list[Failure] = []
        # Both halves before a quarter of one: rows that hang must not take the time of all that come after them.
        parts = deque([range(len(completions))] if completions else [])
        give_up_at = time.monotonic() + _ALL_CALLS * self.timeout_s
        while parts:
            part = parts.popleft()
            if time.monotonic() > give_up_at:
                why = f"not tried again: the calls before took {_ALL_CALLS * self.timeout_s:.3g} s"
                failures += [Failure(row, why) for row in part]
                continue
            attempt = self._attempt(inputs, part, len(completions))
            if attempt.failure and len(part) > 1:
                half = len(part) // 2
                parts += [part[:half], part[half:]]
                continue
            if attempt.failure:
                failures.append(Failure(part.start, attempt.failure))
                continue
            rewards[part.start : part.stop] = attempt.rewards
            failures += [Failure(part.start + row, why) for row, why in attempt.failed_rows.items()]
            metrics[part.start] = attempt.metrics
            for column, values in attempt.extras.items():
                if len(values) == len(part):
                    extras.setdefault(column, [None] * len(completions))[part.start : part.stop] = values
        self._rows += len(completions)
        self._failures += sorted(failures, key=lambda failure: failure.row)
        for column, values in extras.items():
            columns["log_extra"](column, values)
        for start in sorted(metrics):
            for name, value in metrics[start]:
                columns["log_metric"](name, value)
        return rewards

    def _attempt(self, inputs: dict[str, Any], part: range, rows: int) -> _Attempt:
        attempt = _Attempt()
        stand_ins = {"log_extra": attempt.log_extra, "log_metric": attempt.log_metric}
        own_inputs = _copy_rows(inputs, part, rows) | {key: stand_ins[key] for key in stand_ins if key in inputs}
        limit_s = max(self.timeout_s * len(part) / rows, min(_SHORTEST_LIMIT_S, self.timeout_s))
        started = time.monotonic()
        try:
            with surroundings_kept(), time_limit(limit_s):
                values = _listed(self._function(**own_inputs), len(part))
                for row, value in enumerate(values):
                    reward, wrong = _number(value)
                    attempt.rewards.append(reward)
                    if wrong:
                        attempt.failed_rows[row] = wrong
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit too: a grader that calls exit() must not end a run of days
            attempt.failure = _described(error)
        # By the clock, not by the exception: a bare `except:` in the function swallows that, and its rewards are then
        # not what it meant to give.
        if time.monotonic() - started > limit_s:
            attempt.failure = f"took longer than {limit_s:.3g} s"
        return attempt


def _copy_rows(inputs: dict[str, Any], part: range, rows: int) -> dict[str, Any]:
    """The inputs for some of the rows, in lists of their own; what is no list of `rows` values is handed on as it is.

    Lists and dictionaries in those lists are copied too: the trainer still needs them, and so do other rows, which may
    share theirs.
    """
    copies: dict[str, Any] = {}
    for key, value in inputs.items():
        if key == "trainer_state":
            copies[key] = copy.copy(value)
        elif not isinstance(value, list | tuple) or len(value) != rows:
            copies[key] = value
        elif key == "completion_ids":  # numbers only, and many
            copies[key] = [list(item) for item in value[part.start : part.stop]]
        else:
            copies[key] = [_copied(item) for item in value[part.start : part.stop]]
    return copies


def _copied(value: Any) -> Any:
    """Lists and dictionaries in depth; all else, pictures for example, as it is."""
    if type(value) is list:
        return [_copied(item) for item in value]
    if type(value) is dict:
        return {key: _copied(item) for key, item in value.items()}
    return value


def _listed(result: Any, rows: int) -> list[Any]:
    if not isinstance(result, Iterable) or isinstance(result, str | bytes | Mapping | Set):
        raise _WrongResult(f"returned {type(result).__name__}, not a list of numbers")
    # A generator may never end, and `list` of it is one long call into C.
    values = list(islice(result, rows + 1))
    if len(values) != rows:
        found = len(result) if isinstance(result, Sized) else len(values)
        more = "or more " if found == rows + 1 and not isinstance(result, Sized) else ""
        raise _WrongResult(f"returned {found} {more}values, expected {rows}")
    return values


def _number(value: Any) -> tuple[float | None, str | None]:
    """(the reward, what is wrong with it)."""
    if value is None:
        return None, None
    try:
        number = float("not a number" if isinstance(value, str | bytes) else value)
    except Exception:
        return None, _shortened(f"returned {_text_of(value)}, which is no number")
    if abs(number) > _FLOAT32_MAX:
        return None, f"returned {number:g}, which is infinite in float32"
    return number, None


def _described(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:
        text = ""
    if isinstance(error, _WrongResult):
        return text
    return _shortened(f"{type(error).__name__}: {text}" if text else type(error).__name__)


def _text_of(value: Any) -> str:
    try:
        return repr(value)
    except Exception:
        return f"a {type(value).__name__}"


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_REASON else line[: _LONGEST_REASON - 1] + "…"


def _name_of(function: Any) -> str:
    """As TRL names it in metrics."""
    while isinstance(function, functools.partial):
        function = function.func
    return str(getattr(function, "__name__", type(function).__name__))
