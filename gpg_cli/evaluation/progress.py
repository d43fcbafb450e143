"""What a person watching an evaluation sees: one live line on a terminal, a line now and then in a log."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from gpg_cli.console import messages, say

_LOG_EVERY_S = 30.0

# Called once for each finished sample, with whether it is correct.
Count = Callable[[bool], None]


@contextmanager
def watching(title: str, total: int, *, shown: bool) -> Iterator[Count]:
    """Show how far a benchmark is, and its score so far, on stderr."""
    if not shown:
        yield lambda correct: None
    elif not messages.is_terminal:
        yield _in_log(title, total)
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
            task = progress.add_task(title, total=total, score="")
            yield _counting(lambda done, score: progress.update(task, completed=done, score=score))


def _in_log(title: str, total: int) -> Count:
    last = time.perf_counter()

    def show(done: int, score: str) -> None:
        nonlocal last
        if time.perf_counter() - last >= _LOG_EVERY_S:
            last = time.perf_counter()
            say(f"{title}: {done}/{total}, {score}")

    return _counting(show)


def _counting(show: Callable[[int, str], None]) -> Count:
    done = right = 0

    def count(correct: bool) -> None:
        nonlocal done, right
        done, right = done + 1, right + correct
        show(done, f"{right / done:.1%} correct")

    return count
