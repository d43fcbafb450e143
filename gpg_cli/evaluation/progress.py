"""What a person watching an evaluation sees: one live line on a terminal, a line now and then in a log."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gpg_cli.live_line import Fact, LiveLine

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
        return
    with LiveLine(title, log_every_s=_LOG_EVERY_S) as line:
        line.start(done, total)

        def count(score: float) -> None:
            nonlocal done, right
            done, right = done + 1, right + score
            line.show(done, [Fact(f"{right / done:.1%} correct")])

        yield count
