"""What a person watching an evaluation sees: one live line on a terminal, a line now and then in a log."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from gpg_cli.console import messages, say

_LOG_EVERY_S = 30.0

# Called once for each finished sample, with its score in [0, 1].
Count = Callable[[float], None]


@contextmanager
def watching(title: str, total: int, *, done: int, right: float, shown: bool) -> Iterator[Count]:
    """Show how far an evaluation is, and how much of it is right, on stderr.

    Args:
        total: samples in all.
        done, right: how many were there before, and what their scores add up to: how many are correct.
    """
    if not shown:
        yield lambda score: None
    elif not messages.is_terminal:
        yield _in_log(title, total, done, right)
    else:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[score]}"),
            TimeRemainingColumn(compact=True),
        )
        with Progress(*columns, console=messages) as progress:
            task = progress.add_task(title, total=total, completed=done, score="")
            yield _counting(lambda done, score: progress.update(task, completed=done, score=score), done, right)


def _in_log(title: str, total: int, before: int, right: float) -> Count:
    last = time.perf_counter()

    def show(done: int, score: str) -> None:
        nonlocal last
        if time.perf_counter() - last >= _LOG_EVERY_S:
            last = time.perf_counter()
            say(f"{title}: {done}/{total}, {score}")

    return _counting(show, before, right)


def _counting(show: Callable[[int, str], None], done: int, right: float) -> Count:
    def count(score: float) -> None:
        nonlocal done, right
        done, right = done + 1, right + score
        show(done, f"{right / done:.1%} correct")

    return count
